"""What speaks against claimants: read from the refused steps that are the evidence."""

from __future__ import annotations

from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncConnection

from activities.identity_changes import AlertAgainst
from adapters.sql.staff_alerts import raise_alert
from models.contracts.identity import AgainstClaim
from models.contracts.steps import FinishedStep
from models.names import StaffAlertKind

AGAINST = text(
    """
SELECT id AS step_id, completed_at AS at,
       CASE kind WHEN 'call_back' THEN 'denied' ELSE 'other_person' END AS what,
       split_part(step_key, '/', CASE WHEN step_key LIKE 'identity/factor/%' THEN 4 ELSE 3 END) AS claim_id
FROM step
WHERE incident_id = :incident_id AND status = 'refused'
  AND (kind = 'call_back' OR (kind = 'factor' AND reason = 'other_person'))
ORDER BY completed_at, id
"""
)
"""Keys: identity/call-back/CLAIM/..., identity/denial/CLAIM/..., identity/other-person/CLAIM/..., and, as recorded before they had
keys of their own, identity/factor/document/CLAIM/..."""


async def against(connection: AsyncConnection, incident_id: str) -> list[AgainstClaim]:
    """All of an incident, oldest first."""
    rows = await connection.execute(AGAINST, {"incident_id": incident_id})
    return [AgainstClaim.model_validate(dict(row)) for row in rows.mappings()]


async def alert_against(change: AlertAgainst, connection: AsyncConnection, step: FinishedStep) -> None:
    """Applies AlertAgainst."""
    incident_id = step.attempt.incident_id
    subject = f"{incident_id}/{change.claim_id}/{change.what}"
    await raise_alert(
        connection,
        StaffAlertKind.EVIDENCE_AGAINST,
        subject,
        incident_id=incident_id,
        detail=change.what,
        at=change.at,
    )
