"""What should stand at the wallet by our records, and where it does not (use_cases.sweep.Expectations)."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime

from sqlalchemy import select, text, update
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.ext.asyncio import AsyncEngine

from adapters.sql.engine import statement, transaction
from adapters.sql.staff_alerts import raise_alert
from models.ids import incident_of_workflow, new_id, restriction_id
from models.names import Scope, StaffAlertKind
from models.tables.holds import Discrepancy, HoldClaim, MuleFreeze
from use_cases.sweep import ClaimClocks, Finding

STANDING = text(
    """
SELECT step.incident_id, step.episode, step.step_key, incident.account_id
FROM step JOIN incident ON incident.id = step.incident_id
WHERE incident.closed_at IS NULL
  AND incident.status NOT IN ('opened', 'returning', 'releasing', 'closing', 'return_closing')
  AND step.kind = 'freeze'
  AND step.status = 'done' AND step.episode = incident.episode
"""
)


SUPERSEDED = text(
    """
SELECT step.incident_id, step.episode, step.step_key
FROM step JOIN incident ON incident.id = step.incident_id
WHERE incident.closed_at IS NULL AND step.kind = 'freeze' AND step.status = 'done' AND step.episode < incident.episode
"""
)


class SqlExpectations:
    """Reads our records; keeps discrepancies until they are gone."""

    def __init__(self, engine: AsyncEngine) -> None:
        self._engine = engine

    async def restrictions(self) -> Mapping[str, str]:
        """See Expectations."""
        async with statement(self._engine) as connection:
            rows = await connection.execute(STANDING)
            frozen = {
                restriction_id(
                    row.incident_id, row.episode, Scope(row.step_key.removeprefix("freeze/"))
                ): row.account_id
                for row in rows
            }
            mules = await connection.execute(
                select(MuleFreeze.id, MuleFreeze.account_id).where(MuleFreeze.ended_at.is_(None))
            )
            return frozen | {row.id: row.account_id for row in mules}

    async def superseded(self) -> frozenset[str]:
        """See Expectations."""
        async with statement(self._engine) as connection:
            rows = await connection.execute(SUPERSEDED)
            return frozenset(
                restriction_id(row.incident_id, row.episode, Scope(row.step_key.removeprefix("freeze/")))
                for row in rows
            )

    async def holds(self) -> Mapping[str, tuple[str, int]]:
        """See Expectations."""
        async with statement(self._engine) as connection:
            rows = await connection.execute(select(HoldClaim).where(HoldClaim.state == "placed"))
            return {row.id: (row.account_id, row.hi - row.lo - row.returned) for row in rows}

    async def claims(self) -> Mapping[str, ClaimClocks]:
        """See Expectations."""
        async with statement(self._engine) as connection:
            rows = await connection.execute(select(HoldClaim).where(HoldClaim.state != "ended"))
            return {
                row.id: ClaimClocks(
                    account_id=row.account_id,
                    checked=row.state == "placed",
                    created_at=row.created_at,
                    expires_at=row.expires_at,
                )
                for row in rows
            }

    async def raise_findings(self, findings: Sequence[Finding], at: datetime) -> None:
        """See Expectations."""
        async with transaction(self._engine) as connection:
            for finding in findings:
                found, incident_id = new_id(), incident_of_workflow(f"incident:{finding.subject}")
                known = await connection.scalar(
                    insert(Discrepancy)
                    .values(
                        id=found,
                        kind=finding.kind.value,
                        subject=finding.subject,
                        account_id=finding.account_id,
                        incident_id=incident_id,
                        found_at=at,
                        last_seen_at=at,
                    )
                    .on_conflict_do_update(
                        index_elements=["kind", "subject"],
                        index_where=Discrepancy.resolved_at.is_(None),
                        set_={"last_seen_at": at},
                    )
                    .returning(Discrepancy.id)
                )
                if known == found:
                    await raise_alert(
                        connection,
                        StaffAlertKind.DIFFERENCE,
                        found,
                        incident_id=incident_id,
                        detail=finding.kind.value,
                        at=at,
                    )
            await connection.execute(
                update(Discrepancy)
                .where(Discrepancy.resolved_at.is_(None), Discrepancy.last_seen_at < at)
                .values(resolved_at=at)
            )
