"""An institution answers a recall: what it wrote is kept first, then understood, matched to the cent, or put aside and shown."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass

from activities.ports import Clock
from activities.recall_ports import Institutions
from models.contracts.alarms import Sender
from models.contracts.recalls import AnswerView, Judged, ParsedAnswer, Quarantine, RecallReference
from models.errors import ErrorCode, StanchError
from models.ids import new_id
from models.names import Role
from use_cases.ports import AnswerReader, RecallDesk

UNJUDGED = "received"


@dataclass
class AnswerRecall:
    """Takes answers in. Nothing that arrives is dropped: what cannot be used is quarantined with the reason."""

    desk: RecallDesk
    reader: AnswerReader
    institutions: Institutions
    clock: Clock

    async def run(self, raw: bytes, *, sender: Sender) -> AnswerView:
        """Keep and judge one answer; repeating it changes nothing and gives the same view.

        Errors: INVALID when there is nothing in it; DATABASE_UNREACHABLE (it is not kept: send it again).
        """
        if not raw.strip():
            raise StanchError(
                ErrorCode.INVALID, "An answer without content. Nothing was kept; send it again."
            )
        kept = await self.desk.keep(
            answer_id=new_id(),
            raw=raw,
            digest=hashlib.sha256(raw).hexdigest(),
            sender=sender,
            at=self.clock.now(),
        )
        return kept if kept.verdict != UNJUDGED else await self._judge(kept.answer_id, raw, sender)

    async def catch_up(self, limit: int = 100) -> int:
        """Judge what was kept and not judged, because a process ended in between; how many."""
        left = await self.desk.unjudged(limit)
        for answer_id, sender in left:
            try:
                _, raw = await self.desk.content(answer_id)
            except StanchError as error:
                if not error.matches(ErrorCode.ERASED):
                    raise
                # Its key was destroyed: there is nothing left to judge.
                judged = Judged(quarantine=Quarantine.MALFORMED, detail="erased before it was read")
                await self.desk.settle(answer_id, judged, self.clock.now())
            else:
                await self._judge(answer_id, raw, sender)
        return len(left)

    async def _judge(self, answer_id: str, raw: bytes, sender: Sender) -> AnswerView:
        try:
            answer = self.reader.read(raw)
        except StanchError as error:
            if not error.matches(ErrorCode.INVALID):
                raise
            judged = Judged(quarantine=Quarantine.MALFORMED, detail=error.message[:300])
        else:
            judged = self._matched(answer, await self.desk.candidates(answer), sender)
        return await self.desk.settle(answer_id, judged, self.clock.now())

    def _matched(self, answer: ParsedAnswer, recalls: Sequence[RecallReference], sender: Sender) -> Judged:
        if not recalls:
            return Judged(answer=answer, quarantine=Quarantine.UNMATCHED, detail="it names no recall of ours")
        if len(recalls) > 1:
            return Judged(answer=answer, quarantine=Quarantine.UNMATCHED, detail="it fits several recalls")
        recall = recalls[0]
        if sender.role is Role.INSTITUTION and not self.institutions.may_answer(
            recall.institution, sender.name
        ):
            # Not said of which recall: to whom it belongs is not this sender's business.
            return Judged(
                answer=answer, quarantine=Quarantine.NOT_THEIRS, detail="this login does not answer for them"
            )
        why = disagreement(answer, recall)
        if why is None:
            return Judged(recall_id=recall.recall_id, answer=answer)
        return Judged(recall_id=recall.recall_id, answer=answer, quarantine=why[0], detail=why[1])


def disagreement(answer: ParsedAnswer, recall: RecallReference) -> tuple[Quarantine, str] | None:
    """Why an answer that names this recall cannot be about it, to the cent; None when it can."""
    for said, known in ((answer.uetr, recall.uetr), (answer.end_to_end_id, recall.end_to_end_id)):
        if said is not None and known is not None and said != known:
            return Quarantine.UNMATCHED, "it names a recall and another payment"
    if answer.currency is not None and answer.currency != recall.currency:
        return Quarantine.WRONG_CURRENCY, f"it is in {answer.currency}, the recall in {recall.currency}"
    if answer.original_amount is not None and answer.original_amount != recall.amount:
        return (
            Quarantine.WRONG_AMOUNT,
            f"it is about {answer.original_amount} minor units, the payment had {recall.amount}",
        )
    most = recall.amount if answer.whole else recall.asked
    if answer.promised is not None and answer.promised > most:
        return Quarantine.MORE_THAN_ASKED, f"it promises {answer.promised} minor units of {most}"
    return None
