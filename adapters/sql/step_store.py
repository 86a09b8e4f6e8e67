"""Attempts and steps: the intent before the effect, one transaction after it (port `StepStore`)."""

from __future__ import annotations

import json
from collections.abc import Sequence
from datetime import datetime
from typing import Any

from sqlalchemy import ColumnElement, Insert, Row, Select, and_, func, insert, or_, select, true
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine

from activities.changes import Change
from adapters.secrets.keys import Sealer
from adapters.sql.changes import apply
from adapters.sql.engine import statement, transaction
from adapters.sql.lifting import lift
from adapters.sql.recording import RECORD, RECORD_FREEZE, freeze_values
from models.contracts.steps import FinishedStep, RecordedStep, StepAttempt
from models.digests import canonical, digest
from models.errors import ErrorCode, StanchError
from models.lifecycle import Event
from models.names import StepStatus
from models.tables.steps import FreezeTime, Step
from models.tables.steps import StepAttempt as StepAttemptRow

INPUT = "step.input"
RESULT = "step.result"


class SqlStepStore:
    """Port `StepStore`. Inputs and results are sealed; their digests and everything else are in plain."""

    def __init__(self, engine: AsyncEngine, sealer: Sealer) -> None:
        self._engine = engine
        self._sealer = sealer

    async def done(self, incident_id: str, episode: int, step_key: str) -> RecordedStep | None:
        """See ports.StepStore."""
        async with statement(self._engine) as connection:
            query = _steps().where(_done(incident_id, episode, step_key))
            row = (await connection.execute(query)).one_or_none()
        return None if row is None else await self._opened(row)

    async def begin(self, attempt: StepAttempt, *, lifting: Event | None = None) -> None:
        """See ports.StepStore."""
        if lifting is None:
            async with statement(self._engine) as connection:
                await connection.execute(_attempt(attempt))
            return
        async with transaction(self._engine) as connection:
            await lift(connection, attempt.incident_id, attempt.episode, lifting)
            await connection.execute(_attempt(attempt))

    async def attempted(
        self, incident_id: str, episode: int, step_key: str, *, but: str | None = None
    ) -> datetime | None:
        """See ports.StepStore."""
        async with statement(self._engine) as connection:
            found: datetime | None = await connection.scalar(
                select(func.max(StepAttemptRow.requested_at)).where(
                    StepAttemptRow.incident_id == incident_id,
                    StepAttemptRow.episode == episode,
                    StepAttemptRow.step_key == step_key,
                    true() if but is None else StepAttemptRow.id != but,
                )
            )
        return found

    async def finish(self, step: FinishedStep, changes: Sequence[Change]) -> RecordedStep:
        """See ports.StepStore."""
        attempt = step.attempt
        incident_id = attempt.incident_id
        plain = _plain(step)
        values = plain | {
            "input": await self._sealer.seal(incident_id, INPUT, canonical(step.input)),
            "result": await self._sealer.seal(incident_id, RESULT, canonical(step.result)),
            "leaf": canonical(
                {
                    name: value.isoformat() if hasattr(value, "isoformat") else value
                    for name, value in plain.items()
                }
            ),
        }
        freezing = await freeze_values(step, changes, self._sealer)
        if freezing is not None:
            async with statement(self._engine) as connection:
                written = await connection.scalar(RECORD_FREEZE, values | freezing)
                winner = None if written else await _winner(connection, attempt)
        else:
            async with transaction(self._engine) as connection:
                written = await connection.scalar(RECORD, values)
                if written:
                    await apply(changes, connection, step, self._sealer)
                winner = None if written else await _winner(connection, attempt)
        if written:
            return _recorded(plain, step.result)
        # Another attempt finished first, or this one is recorded already: its row is what happened, nothing of ours was
        # written.
        if winner is None:
            raise StanchError(
                ErrorCode.INTERNAL,
                f"Step {attempt.step_key} conflicts with a row that is not there. Nothing was recorded; repeat it.",
            )
        return await self._opened(winner)

    async def of_incident(self, incident_id: str) -> list[RecordedStep]:
        """Every step in the order of their recording, refusals included, opened."""
        async with statement(self._engine) as connection:
            rows = (
                await connection.execute(
                    _steps().where(Step.incident_id == incident_id).order_by(Step.sequence)
                )
            ).all()
        return [await self._opened(row) for row in rows]

    async def _opened(self, row: Row[Any]) -> RecordedStep:
        values = row._asdict()
        sealed = values.pop("sealed_result")
        result = json.loads(await self._sealer.open(values["incident_id"], RESULT, sealed))
        return RecordedStep.model_validate(values | {"result": result})


RECORDED = tuple(
    name
    for name in RecordedStep.model_fields
    if name not in {"step_id", "result", "wallet_ack_ms", "committed_ms"}
)


def _steps() -> Select[Any]:
    columns = [getattr(Step, name) for name in RECORDED]
    return select(
        Step.id.label("step_id"),
        *columns,
        Step.result.label("sealed_result"),
        func.coalesce(FreezeTime.wallet_ack_ms, Step.wallet_ack_ms).label("wallet_ack_ms"),
        func.coalesce(FreezeTime.committed_ms, Step.committed_ms).label("committed_ms"),
    ).outerjoin(FreezeTime, FreezeTime.step_id == Step.id)


def _attempt(attempt: StepAttempt) -> Insert:
    return insert(StepAttemptRow).values(
        id=attempt.attempt_id,
        **attempt.model_dump(exclude={"attempt_id", "origin"}),
        **attempt.origin.model_dump(),
    )


async def _winner(connection: AsyncConnection, attempt: StepAttempt) -> Row[Any] | None:
    query = _steps().where(
        or_(
            _done(attempt.incident_id, attempt.episode, attempt.step_key),
            Step.attempt_id == attempt.attempt_id,
        )
    )
    row: Row[Any] | None = (await connection.execute(query)).one_or_none()
    return row


def _done(incident_id: str, episode: int, step_key: str) -> ColumnElement[bool]:
    return and_(
        Step.incident_id == incident_id,
        Step.episode == episode,
        Step.step_key == step_key,
        Step.status == StepStatus.DONE.value,
    )


def _plain(step: FinishedStep) -> dict[str, object]:
    """The columns that hold no personal data: what the ledger's leaf says too."""
    attempt, receipt = step.attempt, step.receipt
    return {
        "id": step.step_id,
        "attempt_id": attempt.attempt_id,
        "incident_id": attempt.incident_id,
        "episode": attempt.episode,
        "step_key": attempt.step_key,
        "kind": attempt.kind.value,
        "status": step.status.value,
        "actor": attempt.actor.value,
        "role": attempt.role,
        "reason": step.reason,
        "requested_at": attempt.requested_at,
        "started_at": step.started_at,
        "completed_at": step.completed_at,
        "receipt_id": None if receipt is None else receipt.receipt_id,
        "receipt_digest": None if receipt is None else digest(receipt.model_dump(mode="json")),
        "effective_seq": None if receipt is None else receipt.effective_seq,
        "effective_at": None if receipt is None else receipt.effective_at,
        "input_digest": digest(step.input),
        "result_digest": digest(step.result),
        "workflow_id": attempt.origin.workflow_id,
        "run_id": attempt.origin.run_id,
        "activity_id": attempt.origin.activity_id,
        "gateway_attempt": attempt.origin.gateway_attempt,
        "wallet_ack_ms": step.wallet_ack_ms,
        "committed_ms": step.committed_ms,
    }


def _recorded(plain: dict[str, object], result: dict[str, object]) -> RecordedStep:
    known = {name: value for name, value in plain.items() if name in RecordedStep.model_fields}
    return RecordedStep.model_validate(known | {"step_id": plain["id"], "result": result})
