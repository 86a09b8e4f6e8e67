"""Answers of institutions: kept word for word first, then given a verdict (port `RecallDesk`); and what people see of it."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import ColumnElement, Row, Select, func, select, update
from sqlalchemy.dialects.postgresql import insert as upsert
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine

from adapters.secrets.keys import Sealer
from adapters.sql.engine import statement, transaction
from adapters.sql.recall_changes import ANSWER
from adapters.sql.staff_alerts import raise_alert
from models.contracts.alarms import Sender
from models.contracts.recalls import (
    AnswerView,
    Judged,
    MessageView,
    ParsedAnswer,
    Quarantine,
    RecallReference,
    RecallState,
    RecallView,
)
from models.digests import message_digest
from models.errors import ErrorCode, StanchError
from models.names import StaffAlertKind
from models.tables.recalls import Recall, RecallAnswer, RecallMessageRow

UNJUDGED = "received"

BEING_JUDGED = timedelta(seconds=5)
"""Whoever kept an answer judges it at once; only one that is older was left behind."""

SHOWN = (
    "id",
    "received_at",
    "sender",
    "size",
    "verdict",
    "quarantine",
    "detail",
    "recall_id",
    "settled_at",
    "taken_at",
)
"""Of an answer, without its bytes."""


class SqlRecallDesk:
    """Port `RecallDesk`."""

    def __init__(self, engine: AsyncEngine, sealer: Sealer) -> None:
        self._engine = engine
        self._sealer = sealer

    async def keep(
        self, *, answer_id: str, raw: bytes, digest: str, sender: Sender, at: datetime
    ) -> AnswerView:
        """See use_cases.ports.RecallDesk."""
        query = _answers().where(RecallAnswer.digest == digest, RecallAnswer.sender == sender.name)
        async with statement(self._engine) as connection:
            known = (await connection.execute(query)).one_or_none()
        if known is not None:
            return _answer_view(known)
        content = await self._sealer.seal(answer_id, ANSWER, raw)
        async with statement(self._engine) as connection:
            await connection.execute(
                upsert(RecallAnswer)
                .values(
                    id=answer_id,
                    digest=digest,
                    size=len(raw),
                    content=content,
                    sender=sender.name,
                    sender_role=sender.role.value,
                    received_at=at,
                    verdict=UNJUDGED,
                )
                .on_conflict_do_nothing(index_elements=["digest", "sender"])
            )
            return _answer_view((await connection.execute(query)).one())

    async def candidates(self, answer: ParsedAnswer) -> list[RecallReference]:
        """See use_cases.ports.RecallDesk."""
        async with statement(self._engine) as connection:
            for where in _references(answer):
                rows = (await connection.execute(select(Recall).where(where).limit(3))).all()
                if rows:
                    return [_reference(row) for row in rows]
        return []

    async def settle(self, answer_id: str, judged: Judged, at: datetime) -> AnswerView:
        """See use_cases.ports.RecallDesk."""
        async with transaction(self._engine) as connection:
            values = await self._verdict(connection, judged)
            await connection.execute(
                update(RecallAnswer)
                .where(RecallAnswer.id == answer_id, RecallAnswer.verdict == UNJUDGED)
                .values(settled_at=at, **values)
            )
            row = (await connection.execute(_answers().where(RecallAnswer.id == answer_id))).one()
            if row.verdict == "matched" and row.settled_at == at:
                await connection.execute(
                    update(Recall).where(Recall.id == row.recall_id).values(next_wake_at=at, wakes=0)
                )
            if row.verdict == "quarantined" and row.settled_at == at:
                what = StaffAlertKind.ANSWER_QUARANTINED
                await raise_alert(connection, what, answer_id, detail=row.quarantine, at=at)
            return _answer_view(row)

    async def _verdict(self, connection: AsyncConnection, judged: Judged) -> dict[str, Any]:
        """What the row will say. The recall's row is locked: it cannot be closed, nor answered twice, meanwhile."""
        answer = judged.answer
        values: dict[str, Any] = {
            "recall_id": judged.recall_id,
            "reference": None if answer is None else answer.answer_id,
            "meaning": None if answer is None else message_digest(answer),
        }
        if judged.quarantine is not None or judged.recall_id is None or answer is None:
            why = judged.quarantine or Quarantine.UNMATCHED
            return values | {"verdict": "quarantined", "quarantine": why.value, "detail": judged.detail}
        recall = (
            await connection.execute(
                select(Recall.state).where(Recall.id == judged.recall_id).with_for_update(key_share=True)
            )
        ).one()
        before = (
            await connection.execute(
                select(RecallAnswer.meaning).where(
                    RecallAnswer.recall_id == judged.recall_id,
                    RecallAnswer.reference == answer.answer_id,
                    RecallAnswer.verdict == "matched",
                )
            )
        ).one_or_none()
        if before is not None:
            if before.meaning == values["meaning"]:
                return values | {"verdict": "duplicate", "detail": "the same answer was taken before"}
            return values | {
                "verdict": "quarantined",
                "quarantine": Quarantine.CONFLICT.value,
                "detail": "another answer with this id says something else",
            }
        if recall.state == RecallState.CLOSED.value:
            return values | {
                "verdict": "quarantined",
                "quarantine": Quarantine.RECALL_CLOSED.value,
                "detail": "the recall was closed before",
            }
        return values | {"verdict": "matched"}

    async def recalls(
        self, *, incident_id: str | None, state: str | None, limit: int
    ) -> tuple[RecallView, ...]:
        """See use_cases.ports.RecallDesk."""
        query = select(Recall).order_by(Recall.opened_at.desc(), Recall.id).limit(limit)
        if incident_id is not None:
            query = query.where(Recall.incident_id == incident_id)
        if state is not None:
            closed = Recall.state == RecallState.CLOSED.value
            query = query.where(closed if state == "closed" else ~closed)
        async with statement(self._engine) as connection:
            return tuple(_recall_view(row) for row in await connection.execute(query))

    async def recall(self, recall_id: str) -> RecallView | None:
        """See use_cases.ports.RecallDesk."""
        async with statement(self._engine) as connection:
            row = (await connection.execute(select(Recall).where(Recall.id == recall_id))).one_or_none()
        return None if row is None else _recall_view(row)

    async def messages(self, recall_id: str) -> tuple[MessageView, ...]:
        """See use_cases.ports.RecallDesk."""
        query = (
            select(RecallMessageRow)
            .where(RecallMessageRow.recall_id == recall_id)
            .order_by(RecallMessageRow.sent_at, RecallMessageRow.id)
        )
        async with statement(self._engine) as connection:
            return tuple(
                MessageView(
                    message_id=row.id,
                    kind=row.kind,
                    institution=row.institution,
                    format=row.format,
                    channel=row.channel,
                    sent_at=row.sent_at,
                )
                for row in await connection.execute(query)
            )

    async def answers(
        self, *, recall_id: str | None, verdict: str | None, limit: int
    ) -> tuple[AnswerView, ...]:
        """See use_cases.ports.RecallDesk."""
        query = _answers().order_by(RecallAnswer.received_at.desc(), RecallAnswer.id.desc()).limit(limit)
        if recall_id is not None:
            query = query.where(RecallAnswer.recall_id == recall_id)
        if verdict is not None:
            query = query.where(RecallAnswer.verdict == verdict)
        async with statement(self._engine) as connection:
            return tuple(_answer_view(row) for row in await connection.execute(query))

    async def content(self, answer_id: str) -> tuple[AnswerView, bytes]:
        """See use_cases.ports.RecallDesk."""
        async with statement(self._engine) as connection:
            row = (
                await connection.execute(select(RecallAnswer).where(RecallAnswer.id == answer_id))
            ).one_or_none()
        if row is None:
            raise StanchError(ErrorCode.NOT_FOUND, "There is no answer with this id. Nothing was done.")
        return _answer_view(row), await self._sealer.open(answer_id, ANSWER, row.content)

    async def unjudged(self, limit: int) -> list[tuple[str, Sender]]:
        """See use_cases.ports.RecallDesk."""
        query = (
            select(RecallAnswer.id, RecallAnswer.sender, RecallAnswer.sender_role)
            .where(RecallAnswer.verdict == UNJUDGED, RecallAnswer.received_at < func.now() - BEING_JUDGED)
            .order_by(RecallAnswer.received_at)
            .limit(limit)
        )
        async with statement(self._engine) as connection:
            rows = (await connection.execute(query)).all()
        return [(row.id, Sender(operator_id="", name=row.sender, role=row.sender_role)) for row in rows]


def _references(answer: ParsedAnswer) -> list[ColumnElement[bool]]:
    """How an answer may name its recall, the surest way first: the case, the payment's UETR, its end-to-end id."""
    ways: list[ColumnElement[bool]] = []
    if answer.recall_id is not None:
        ways.append(Recall.id == answer.recall_id)
    if answer.uetr is not None:
        ways.append(Recall.uetr == answer.uetr)
    if answer.end_to_end_id is not None:
        ways.append(Recall.end_to_end_id == answer.end_to_end_id)
    return ways


def _reference(row: Row[Any]) -> RecallReference:
    return RecallReference(
        recall_id=row.id,
        institution=row.institution,
        currency=row.currency,
        amount=row.amount,
        asked=row.asked,
        uetr=row.uetr,
        end_to_end_id=row.end_to_end_id,
    )


def _answers() -> Select[Any]:
    columns = [getattr(RecallAnswer, name) for name in SHOWN]
    return select(*columns)


def _answer_view(row: Row[Any]) -> AnswerView:
    return AnswerView(
        answer_id=row.id,
        received_at=row.received_at,
        sender=row.sender,
        size=row.size,
        verdict=row.verdict,
        quarantine=row.quarantine,
        detail=row.detail,
        recall_id=row.recall_id,
        taken_at=row.taken_at,
    )


def _recall_view(row: Row[Any]) -> RecallView:
    values = row._asdict() | {"recall_id": row.id}
    return RecallView.model_validate({name: values[name] for name in RecallView.model_fields})
