"""Look up recalls and the answers to them: always from the database."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from activities.recall_ports import Recalls
from models.contracts.base import Message
from models.contracts.recalls import AnswerView, MessageView, RecallTotals, RecallView
from models.errors import ErrorCode, StanchError
from use_cases.ports import RecallDesk


class RecallList(Message):
    """Recalls, newest first; and every answer that was put aside, whichever recall it was meant for."""

    recalls: tuple[RecallView, ...]
    quarantined: tuple[AnswerView, ...]
    totals: tuple[RecallTotals, ...] = ()
    """Per currency; of one incident only."""


class RecallDetail(Message):
    """One recall, everything said and everything answered."""

    recall: RecallView
    messages: tuple[MessageView, ...]
    answers: tuple[AnswerView, ...]


class AnswerContent(Message):
    """An answer, word for word. Bytes that are no UTF-8 are shown as replacement characters."""

    answer: AnswerView
    content: str


@dataclass
class LookUpRecalls:
    """Reads; changes nothing."""

    desk: RecallDesk
    recalls: Recalls

    async def list(self, *, incident_id: str | None, state: str | None, limit: int) -> RecallList:
        """Recalls and what is quarantined."""
        return RecallList(
            recalls=await self.desk.recalls(incident_id=incident_id, state=state, limit=limit),
            quarantined=await self.desk.answers(recall_id=None, verdict="quarantined", limit=limit),
            totals=() if incident_id is None else await self.recalls.totals(incident_id),
        )

    async def recall(self, recall_id: str) -> RecallDetail:
        """One recall. Errors: NOT_FOUND."""
        view = await self.desk.recall(recall_id)
        if view is None:
            raise StanchError(
                ErrorCode.NOT_FOUND, "There is no recall with this id. Nothing was done; check the id."
            )
        return RecallDetail(
            recall=view,
            messages=await self.desk.messages(recall_id),
            answers=await self.desk.answers(recall_id=recall_id, verdict=None, limit=200),
        )

    async def answers(self, *, verdict: str | None, limit: int) -> Sequence[AnswerView]:
        """Answers, newest first."""
        return await self.desk.answers(recall_id=None, verdict=verdict, limit=limit)

    async def content(self, answer_id: str) -> AnswerContent:
        """One answer as it came. Errors: NOT_FOUND; ERASED."""
        view, raw = await self.desk.content(answer_id)
        return AnswerContent(answer=view, content=raw.decode("utf-8", errors="replace"))
