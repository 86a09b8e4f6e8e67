"""Ask another institution for stolen money: open, send, chase, take answers, count what comes, close."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta

from temporalio import activity

from activities.money_ports import TransferIndex
from activities.origin import activity_origin
from activities.recall_changes import RecallAnswered, RecallEnded, RecallOpened, RecallReceived, RecallSaid
from activities.recall_ports import Institutions, Recalls
from activities.steps import Effect, Running, Steps
from activities.wallet_ports import Wallet
from models.contracts.recalls import (
    CancelPayoutInput,
    CancelPayoutResult,
    CloseRecallInput,
    CountRecalledMoneyInput,
    LookAtRecallInput,
    MessageKind,
    OpenRecallInput,
    OpenRecallResult,
    RecallFacts,
    SendRecallInput,
    SendRecallResult,
    TakeRecallAnswerInput,
    TakeRecallAnswerResult,
    recall_id_of,
)
from models.contracts.steps import Refusal, StepResult
from models.errors import ErrorCode, StanchError
from models.names import StepKind
from models.registered import Activity

LOOK_BUDGET = timedelta(seconds=2)
"""How long one look feeds the index; what it does not reach, the next one does."""

STEP_OF = {
    MessageKind.RECALL: StepKind.RECALL_SEND,
    MessageKind.CHASE: StepKind.RECALL_CHASE,
    MessageKind.WITHDRAWAL: StepKind.RECALL_WITHDRAW,
}


@dataclass
class OpenRecall:
    """Commits a recall before anything is sent: an institution may answer faster than we record."""

    steps: Steps
    institutions: Institutions

    @activity.defn(name=Activity.OPEN_RECALL)
    async def run(self, step: OpenRecallInput) -> OpenRecallResult:
        """Record the recall with what is asked."""

        async def effect(running: Running) -> Effect[OpenRecallResult]:
            recall_id = recall_id_of(step.incident_id, step.transfer.transfer_seq, step.transfer.part)
            institution = self.institutions.addressee(step.transfer)
            opened = RecallOpened(recall_id, step.transfer, institution, running.started_at)
            result = OpenRecallResult(step_key=step.step_key, recall_id=recall_id, institution=institution)
            return Effect(result, changes=(opened,))

        return await self.steps.run(
            step, StepKind.RECALL_OPEN, OpenRecallResult, effect, origin=activity_origin()
        )


@dataclass
class CancelPayout:
    """Stops a payout that the wallet itself can still stop: the surest recall is the one nobody has to be asked for."""

    steps: Steps
    wallet: Wallet

    @activity.defn(name=Activity.CANCEL_PAYOUT)
    async def run(self, step: CancelPayoutInput) -> CancelPayoutResult:
        """Record the reversal, or as a refusal that the money has left."""

        async def effect(running: Running) -> Effect[CancelPayoutResult]:
            try:
                receipt = await self.wallet.cancel_transfer(step.transfer_id, key=running.key)
            except StanchError as error:
                if error.code not in {ErrorCode.WALLET_REFUSED, ErrorCode.ACCOUNT_UNKNOWN}:
                    raise
                refusal = Refusal(code=error.code, message=error.message)
                return Effect(
                    CancelPayoutResult(step_key=step.step_key, reversal_transfer_id=None, refusal=refusal)
                )
            reversal = receipt.result.get("reversal_transfer_id")
            return Effect(
                CancelPayoutResult(
                    step_key=step.step_key,
                    reversal_transfer_id=reversal if isinstance(reversal, str) else None,
                ),
                receipt,
            )

        return await self.steps.run(
            step, StepKind.CANCEL_PAYOUT, CancelPayoutResult, effect, origin=activity_origin()
        )


@dataclass
class SendRecall:
    """Hands a message to the institution. A crash between sending and recording sends the same message again."""

    steps: Steps
    institutions: Institutions

    @activity.defn(name=Activity.SEND_RECALL)
    async def run(self, step: SendRecallInput) -> SendRecallResult:
        """Record the message word for word. Errors: INSTITUTION_UNREACHABLE (nothing is known; try again)."""
        message = step.message

        async def effect(running: Running) -> Effect[SendRecallResult]:
            try:
                sent = await self.institutions.send(message)
            except StanchError as error:
                if error.code not in {ErrorCode.NO_INSTITUTION, ErrorCode.INSTITUTION_REFUSED}:
                    raise
                refusal = Refusal(code=error.code, message=error.message)
                return Effect(
                    SendRecallResult(
                        step_key=step.step_key,
                        message_id=message.message_id,
                        institution=None,
                        refusal=refusal,
                    )
                )
            said = RecallSaid(message.recall_id, message.message_id, message.kind, sent, running.started_at)
            result = SendRecallResult(
                step_key=step.step_key, message_id=message.message_id, institution=sent.institution
            )
            return Effect(result, changes=(said,))

        return await self.steps.run(
            step, STEP_OF[message.kind], SendRecallResult, effect, origin=activity_origin()
        )


@dataclass
class LookAtRecall:
    """Reads a recall, after feeding the index what has arrived. A look, not a step."""

    recalls: Recalls
    index: TransferIndex

    @activity.defn(name=Activity.LOOK_AT_RECALL)
    async def run(self, request: LookAtRecallInput) -> RecallFacts:
        """As the database says. A wallet that does not answer keeps no answer of an institution waiting. Errors: NOT_FOUND."""
        try:
            await self.index.catch_up(budget=LOOK_BUDGET)
        except StanchError as error:
            if not error.matches(ErrorCode.WALLET_UNREACHABLE):
                raise
        facts = await self.recalls.facts(request.recall_id)
        if facts is None:
            raise StanchError(ErrorCode.NOT_FOUND, "There is no recall with this id. Nothing was done.")
        return facts


@dataclass
class TakeRecallAnswer:
    """Acts on a matched answer: what is promised, or why not. A promise is never counted as money."""

    steps: Steps
    recalls: Recalls

    @activity.defn(name=Activity.TAKE_RECALL_ANSWER)
    async def run(self, step: TakeRecallAnswerInput) -> TakeRecallAnswerResult:
        """Record the answer."""

        async def effect(running: Running) -> Effect[TakeRecallAnswerResult]:
            answer = await self.recalls.answer(step.answer_id)
            taken = RecallAnswered(step.recall_id, step.answer_id, answer, running.started_at)
            result = TakeRecallAnswerResult(
                step_key=step.step_key,
                status=answer.status,
                promised=answer.promised,
                reason=answer.reason,
            )
            return Effect(result, changes=(taken,))

        return await self.steps.run(
            step, StepKind.RECALL_ANSWER, TakeRecallAnswerResult, effect, origin=activity_origin()
        )


@dataclass
class CountRecalledMoney:
    """Counts money that came: transfers in the index, never what somebody says."""

    steps: Steps

    @activity.defn(name=Activity.COUNT_RECALLED_MONEY)
    async def run(self, step: CountRecalledMoneyInput) -> StepResult:
        """Record the sum."""

        async def effect(running: Running) -> Effect[StepResult]:
            del running
            return Effect(
                StepResult(step_key=step.step_key), changes=(RecallReceived(step.recall_id, step.received),)
            )

        return await self.steps.run(step, StepKind.RECALL_MONEY, StepResult, effect, origin=activity_origin())


@dataclass
class CloseRecall:
    """Closes a recall with its reason. Refuses with ILLEGAL_MOVE while an answer waits that nobody has acted on."""

    steps: Steps

    @activity.defn(name=Activity.CLOSE_RECALL)
    async def run(self, step: CloseRecallInput) -> StepResult:
        """Record the end."""

        async def effect(running: Running) -> Effect[StepResult]:
            ended = RecallEnded(step.recall_id, step.ending, running.started_at)
            return Effect(StepResult(step_key=step.step_key), changes=(ended,))

        return await self.steps.run(
            step,
            StepKind.RECALL_CLOSE,
            StepResult,
            effect,
            origin=activity_origin(),
            reason=step.ending.value,
        )
