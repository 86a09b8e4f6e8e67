"""RecallTransfer: ask one institution for the stolen part of one transfer, and stay with it until it is settled."""

from __future__ import annotations

import contextlib
from datetime import datetime, timedelta

from temporalio import workflow
from temporalio.exceptions import ActivityError, is_cancelled_exception

with workflow.unsafe.imports_passed_through():
    from activities.recalls import (
        CancelPayout,
        CloseRecall,
        CountRecalledMoney,
        LookAtRecall,
        OpenRecall,
        SendRecall,
        TakeRecallAnswer,
    )
    from models.contracts.recalls import (
        AnswerStatus,
        CancelPayoutInput,
        CloseRecallInput,
        CountRecalledMoneyInput,
        LookAtRecallInput,
        MessageKind,
        OpenRecallInput,
        RecallEnding,
        RecallFacts,
        RecallMessage,
        RecallState,
        RecallTransferInput,
        RecallTransferResult,
        SendRecallInput,
        TakeRecallAnswerInput,
        recall_id_of,
    )
    from models.contracts.transfers import TransferStatus
    from models.errors import ErrorCode
    from models.names import WAKE
    from models.registered import Workflow
    from workflows.failing import Failing
    from workflows.policies import LOOK, SEND, STEP, failed_with


STUCK_PAUSE = timedelta(hours=1)
"""How long a recall of which a part failed for good waits at most to be woken before it tries again by itself."""

DECISION_TIME = timedelta(days=2)
"""How long the question about a failed recall may wait before it counts as overdue."""


TAKES_UP_ANSWERS = "recall-takes-up-answers"
"""Patch: what people choose about a failed recall is settled by the recall itself, so that a further failure is asked anew."""

WITHDRAWAL_ARRIVES = "withdrawal-arrives"
"""Patch: a withdrawal that the institution did not take keeps the recall open, and is a question to people."""


class NotWithdrawn(Exception):
    """The institution does not know that the recall is withdrawn, and pursues somebody who owes nothing."""

    def __init__(self, code: str) -> None:
        super().__init__(code)
        self.code = code


@workflow.defn(name=Workflow.RECALL_TRANSFER)
class RecallTransfer:
    """Open -> cancel at the wallet if it still can -> send -> wait, chase, take answers, count money -> close.

    Woken by a signal that carries nothing; the database says what has happened. It outlives its incident by months, so it
    goes on in a new run whenever Temporal suggests one: what it knows is in the database, what it carries are two counts.
    """

    @workflow.init
    def __init__(self, request: RecallTransferInput) -> None:
        self._request = request
        self._recall_id = recall_id_of(
            request.incident_id, request.transfer.transfer_seq, request.transfer.part
        )
        self._chased = request.chased
        self._tried = request.tried
        self._woken = False
        self._opened = False
        self._failing = Failing(
            incident_id=request.incident_id,
            episode=request.episode,
            part=f"recall-{request.transfer.transfer_seq}",
            patience=DECISION_TIME,
            known=request.failure,
        )

    @workflow.signal(name=WAKE)
    def wake(self) -> None:
        """Look at the database again."""
        self._woken = True

    @workflow.run
    async def run(self, request: RecallTransferInput) -> RecallTransferResult:
        """Until the recall is closed; the three sums as they stand then."""
        while True:
            self._woken = False
            try:
                result, until = await self._turn(request)
                await self._failing.over()
                if result is not None:
                    return result
            except ActivityError as error:
                if is_cancelled_exception(error):
                    raise
                asked = await self._ask_people(error)
                if not asked and not self._opened:
                    raise
                until = workflow.now() + (self._failing.pause(STUCK_PAUSE) if asked else STUCK_PAUSE)
            except NotWithdrawn as kept:
                asked = await self._ask_people(kept.code)
                until = workflow.now() + (self._failing.pause(STUCK_PAUSE) if asked else STUCK_PAUSE)
            await self._wait_until(until)
            if workflow.info().is_continue_as_new_suggested() and workflow.all_handlers_finished():
                workflow.continue_as_new(
                    self._request.model_copy(
                        update={
                            "chased": self._chased,
                            "tried": self._tried,
                            "failure": self._failing.open,
                        }
                    )
                )

    async def _ask_people(self, failed: ActivityError | str) -> bool:
        """Nothing that fails for good today may end a recall that has months. Whether this shape of the history asks."""
        workflow.logger.error("recall_stuck")
        return await self._failing.ask(failed, recall_id=self._recall_id)

    async def _turn(self, request: RecallTransferInput) -> tuple[RecallTransferResult | None, datetime]:
        """What follows from what the database says; the result, if it is over, and when the next look is due."""
        if not self._opened:
            await self._open()
            pending = request.transfer.status is TransferStatus.PENDING
            if pending and not request.chased + request.tried and await self._cancel():
                await self._close(RecallEnding.CANCELLED)
                return self._result(await self._look(), RecallEnding.CANCELLED), workflow.now()
            self._opened = True
        facts = await self._look()
        if facts.try_again is not None and workflow.patched(TAKES_UP_ANSWERS):
            await self._failing.take_up(facts.try_again)
        if facts.ending is not None:
            return self._result(facts, facts.ending), workflow.now()
        if await self._take_up(facts):
            return None, workflow.now()
        ending = self._ending(facts)
        if ending is not None:
            await self._end(facts, ending)
            return None, workflow.now()
        return None, await self._say_what_is_due(facts)

    def _key(self, what: str) -> str:
        transfer = self._request.transfer
        further = f"{transfer.part}/" if transfer.part else ""
        return f"recall/{transfer.transfer_seq}/{further}{what}"

    async def _open(self) -> None:
        request = self._request
        await workflow.execute_activity_method(
            OpenRecall.run,
            OpenRecallInput(
                incident_id=request.incident_id,
                episode=request.episode,
                step_key=self._key("open"),
                transfer=request.transfer,
            ),
            summary="commit the recall",
            **STEP,
        )

    async def _cancel(self) -> bool:
        request = self._request
        cancelled = await workflow.execute_activity_method(
            CancelPayout.run,
            CancelPayoutInput(
                incident_id=request.incident_id,
                episode=request.episode,
                step_key=self._key("cancel"),
                transfer_id=request.transfer.transfer_id,
            ),
            summary="stop the payout while the wallet can",
            **STEP,
        )
        return cancelled.refusal is None

    async def _look(self) -> RecallFacts:
        return await workflow.execute_activity_method(
            LookAtRecall.run, LookAtRecallInput(recall_id=self._recall_id), **LOOK
        )

    async def _take_up(self, facts: RecallFacts) -> bool:
        """Act on what waits; whether anything did."""
        request = self._request
        for answer_id in facts.waiting_answers:
            await workflow.execute_activity_method(
                TakeRecallAnswer.run,
                TakeRecallAnswerInput(
                    incident_id=request.incident_id,
                    episode=request.episode,
                    step_key=self._key(f"answer/{answer_id}"),
                    recall_id=self._recall_id,
                    answer_id=answer_id,
                ),
                summary="take up an answer",
                **STEP,
            )
        if facts.arrived > facts.received:
            await workflow.execute_activity_method(
                CountRecalledMoney.run,
                CountRecalledMoneyInput(
                    incident_id=request.incident_id,
                    episode=request.episode,
                    step_key=self._key(f"money/{facts.arrived}"),
                    recall_id=self._recall_id,
                    received=facts.arrived,
                ),
                summary=f"{facts.arrived} {facts.currency} have come",
                **STEP,
            )
            return True
        return bool(facts.waiting_answers)

    def _ending(self, facts: RecallFacts) -> RecallEnding | None:
        """Why it is over, if it is."""
        if facts.received >= facts.asked:
            return RecallEnding.RETURNED
        if facts.withdraw:
            return RecallEnding.WITHDRAWN
        some = RecallEnding.RETURNED_IN_PART if facts.received else None
        if facts.answer is AnswerStatus.REFUSED:
            return some or RecallEnding.REFUSED
        if some and facts.promised < facts.asked and facts.received >= facts.promised > 0:
            return some
        if workflow.now() >= self._begun(facts) + timedelta(seconds=self._request.policy.give_up_seconds):
            return some or RecallEnding.UNANSWERED
        return None

    def _begun(self, facts: RecallFacts) -> datetime:
        return facts.sent_at or self._request.asked_at

    async def _say_what_is_due(self, facts: RecallFacts) -> datetime:
        """Send the recall, or chase it, when it is time; when to look next without being woken."""
        policy = self._request.policy
        due = self._due(facts)
        if due is not None and due <= workflow.now():
            if facts.sent_at is None:
                if await self._send(MessageKind.RECALL, 0) is None:
                    return workflow.now()
                self._tried += 1
            else:
                self._chased += 1
                await self._send(MessageKind.CHASE, self._chased)
            due = self._due(facts)
        over = self._begun(facts) + timedelta(seconds=policy.give_up_seconds)
        return over if due is None else min(due, over)

    def _due(self, facts: RecallFacts) -> datetime | None:
        """When the next message is due; a recall that could not be sent is tried again at the pace of the first chase."""
        chases = self._request.policy.chase_seconds
        if facts.sent_at is None:
            pace = chases[0] if chases else self._request.policy.give_up_seconds
            return self._request.asked_at + timedelta(seconds=pace * self._tried)
        if self._chased >= len(chases):
            return None
        return facts.sent_at + timedelta(seconds=chases[self._chased])

    async def _send(self, kind: MessageKind, number: int) -> str | None:
        """The stable code for which the institution does not have it; None when it has. One that cannot be reached for a while
        is tried again later, not for ever.
        """
        request = self._request
        name = kind.value if kind is not MessageKind.CHASE else f"{kind.value}/{number}"
        suffix = "W" if kind is MessageKind.WITHDRAWAL else str(number)
        message = RecallMessage(
            kind=kind,
            recall_id=self._recall_id,
            message_id=f"{self._recall_id}-{suffix}",
            number=number,
            transfer=request.transfer,
            asked=request.transfer.stolen,
            made_at=request.asked_at if kind is MessageKind.RECALL else workflow.now(),
        )
        try:
            sent = await workflow.execute_activity_method(
                SendRecall.run,
                SendRecallInput(
                    incident_id=request.incident_id,
                    episode=request.episode,
                    step_key=self._key(name),
                    message=message,
                ),
                summary=f"{kind} to the institution",
                **SEND,
            )
        except ActivityError as error:
            if failed_with(error, ErrorCode.INSTITUTION_UNREACHABLE):
                return ErrorCode.INSTITUTION_UNREACHABLE.value
            raise
        return None if sent.refusal is None else sent.refusal.code

    async def _wait_until(self, at: datetime) -> None:
        left = at - workflow.now()
        if left > timedelta(0):
            with contextlib.suppress(TimeoutError):
                await workflow.wait_condition(lambda: self._woken, timeout=left)

    async def _end(self, facts: RecallFacts, ending: RecallEnding) -> None:
        """Close it, unless an answer came in meanwhile: that is taken up first.

        Raises NotWithdrawn where the institution would keep a recall that nobody stands by: it stays open until it knows.
        """
        if ending is RecallEnding.WITHDRAWN and facts.sent_at is not None:
            why_not = await self._send(MessageKind.WITHDRAWAL, self._chased + 1)
            over = facts.answer is AnswerStatus.REFUSED
            if why_not is not None and not over and workflow.patched(WITHDRAWAL_ARRIVES):
                raise NotWithdrawn(why_not)
        try:
            await self._close(ending)
        except ActivityError as error:
            if not failed_with(error, ErrorCode.ILLEGAL_MOVE):
                raise

    async def _close(self, ending: RecallEnding) -> None:
        request = self._request
        await workflow.execute_activity_method(
            CloseRecall.run,
            CloseRecallInput(
                incident_id=request.incident_id,
                episode=request.episode,
                step_key=self._key("close"),
                recall_id=self._recall_id,
                ending=ending,
            ),
            summary=f"close the recall: {ending}",
            **STEP,
        )

    def _result(self, facts: RecallFacts, ending: RecallEnding) -> RecallTransferResult:
        assert facts.state is RecallState.CLOSED
        return RecallTransferResult(
            recall_id=facts.recall_id,
            ending=ending,
            currency=facts.currency,
            asked=facts.asked,
            promised=facts.promised,
            received=facts.received,
        )
