"""What a step of a recall changes, in the step's own transaction."""

from __future__ import annotations

from sqlalchemy import case, func, insert, select, update
from sqlalchemy.dialects.postgresql import insert as upsert
from sqlalchemy.ext.asyncio import AsyncConnection

from activities import recall_changes as say
from adapters.secrets.keys import Sealer
from models.contracts.recalls import AnswerStatus, MessageKind, RecallState
from models.contracts.steps import FinishedStep
from models.errors import ErrorCode, StanchError
from models.tables.recalls import Recall, RecallAnswer, RecallMessageRow

MESSAGE = "recall_message.content"
ANSWER = "recall_answer.content"

AFTER_ANSWER = {
    AnswerStatus.ACCEPTED: RecallState.PROMISED,
    AnswerStatus.IN_PART: RecallState.PROMISED,
    AnswerStatus.PENDING: RecallState.PENDING,
    AnswerStatus.REFUSED: RecallState.PENDING,
}
"""A refusal closes the recall in a step of its own, right after."""


async def opened(change: say.RecallOpened, connection: AsyncConnection, step: FinishedStep) -> None:
    """One row per request."""
    transfer, bank = change.transfer, change.transfer.bank
    await connection.execute(
        upsert(Recall)
        .values(
            id=change.recall_id,
            incident_id=step.attempt.incident_id,
            episode=step.attempt.episode,
            transfer_seq=transfer.transfer_seq,
            part=transfer.part,
            transfer_id=transfer.transfer_id,
            exit_account=transfer.exit_account,
            exit_kind=transfer.exit_kind.value,
            institution=change.institution,
            currency=transfer.currency,
            amount=transfer.amount,
            asked=transfer.stolen,
            state=RecallState.OPENED.value,
            uetr=None if bank is None else bank.uetr,
            end_to_end_id=None if bank is None else bank.end_to_end_id,
            opened_at=change.at,
            next_wake_at=change.at,
        )
        .on_conflict_do_nothing()
    )


async def said(
    change: say.RecallSaid, connection: AsyncConnection, step: FinishedStep, sealer: Sealer
) -> None:
    """The message word for word, and where the recall stands with it."""
    sent = change.sent
    await connection.execute(
        insert(RecallMessageRow).values(
            id=change.message_id,
            recall_id=change.recall_id,
            step_id=step.step_id,
            kind=change.kind.value,
            institution=sent.institution,
            format=sent.format,
            channel=sent.channel,
            content=await sealer.seal(step.attempt.incident_id, MESSAGE, sent.content),
            sent_at=change.at,
        )
    )
    values: dict[str, object] = {"institution": sent.institution}
    if change.kind is MessageKind.RECALL:
        # An answer may have been faster than this commit: only a recall that nobody has answered is merely sent.
        values |= {
            "sent_at": change.at,
            "state": case(
                (Recall.state == RecallState.OPENED.value, RecallState.SENT.value), else_=Recall.state
            ),
        }
    elif change.kind is MessageKind.CHASE:
        values["chases"] = Recall.chases + 1
    await connection.execute(update(Recall).where(Recall.id == change.recall_id).values(**values))


async def answered(change: say.RecallAnswered, connection: AsyncConnection, step: FinishedStep) -> None:
    """The latest answer counts, and it says the whole: two promises are never added up."""
    del step
    answer = change.answer
    values: dict[str, object] = {
        "answer": answer.status.value,
        "state": AFTER_ANSWER[answer.status].value,
        "refusal": None if answer.reason is None else answer.reason.value,
        "wakes": 0,
    }
    if answer.status in (AnswerStatus.ACCEPTED, AnswerStatus.IN_PART):
        values["promised"] = (
            Recall.asked if answer.promised is None else func.least(Recall.asked, answer.promised)
        )
    elif answer.status is AnswerStatus.REFUSED:
        values["promised"] = 0
    await connection.execute(
        update(Recall)
        .where(Recall.id == change.recall_id, Recall.state != RecallState.CLOSED.value)
        .values(**values)
    )
    await connection.execute(
        update(RecallAnswer).where(RecallAnswer.id == change.answer_id).values(taken_at=change.at)
    )


async def received(change: say.RecallReceived, connection: AsyncConnection, step: FinishedStep) -> None:
    """What has come of what was asked."""
    del step
    await connection.execute(
        update(Recall)
        .where(Recall.id == change.recall_id)
        .values(received=func.least(Recall.asked, func.greatest(Recall.received, change.received)), wakes=0)
    )


async def ended(change: say.RecallEnded, connection: AsyncConnection, step: FinishedStep) -> None:
    """Closed, with the reason; what was promised and did not come stays written as promised.

    Errors: ILLEGAL_MOVE while a matched answer has not been acted on; the whole step is rolled back then.
    """
    del step
    # The same lock as that of an answer's verdict: either the answer is seen here, or it finds the recall closed.
    await connection.execute(
        select(Recall.id).where(Recall.id == change.recall_id).with_for_update(key_share=True)
    )
    waiting = await connection.scalar(
        select(func.count())
        .select_from(RecallAnswer)
        .where(
            RecallAnswer.recall_id == change.recall_id,
            RecallAnswer.verdict == "matched",
            RecallAnswer.taken_at.is_(None),
        )
    )
    if waiting:
        raise StanchError(
            ErrorCode.ILLEGAL_MOVE,
            "An answer came in that has not been acted on. Nothing was closed; it is taken up first.",
        )
    await connection.execute(
        update(Recall)
        .where(Recall.id == change.recall_id, Recall.state != RecallState.CLOSED.value)
        .values(state=RecallState.CLOSED.value, ending=change.ending.value, closed_at=change.at)
    )
