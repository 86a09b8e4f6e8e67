"""Raise an alarm: the hot path. Accept, freeze, record; Temporal is told afterwards (DESIGN 4)."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from time import perf_counter

import structlog

from activities.freeze import FreezeEffect, freeze_step_key
from activities.plausible import plausible
from activities.ports import AlarmStore, Clock, Policies
from activities.steps import Effect, Running, Steps
from models.contracts.alarms import AcceptedAlarm, Alarm, FreezeTimes, Sender
from models.contracts.base import Message
from models.contracts.incidents import FreezeInput, FreezeResult
from models.contracts.steps import Origin, RecordedStep, Refusal, StepAttempt
from models.digests import message_digest
from models.errors import ErrorCode, StanchError
from models.ids import new_id
from models.names import Actor, Outcome, Scope, StepKind
from use_cases.admission import Admission
from use_cases.alarm_rules import allowed
from use_cases.deadline import Deadline
from use_cases.ports import FreezeClock, Overview

log = structlog.get_logger(__name__)


class FreezeState(StrEnum):
    """`done` only when the step is committed; `pending`: the engine insists; `held_back`: an agent decides first; `ended`: a
    repeated alarm whose episode is over and was never frozen, so nothing will freeze by it any more.
    """

    DONE = "done"
    PENDING = "pending"
    HELD_BACK = "held_back"
    ENDED = "ended"


class RaisedAlarm(Message):
    """The answer to an alarm. `repeated`: this alarm was known already, with the same content."""

    incident_id: str
    episode: int
    alarm_id: str
    freeze: FreezeState
    late: bool
    time_to_freeze_ms: FreezeTimes | None
    repeated: bool
    outcome: Outcome | None = None
    """How the incident of an `ended` alarm ended; None while it goes on in a later episode."""
    step_id: str | None = None
    """The step this very call recorded, if it did: its intervals are still to be stored."""


@dataclass(frozen=True)
class Receipt:
    """When an alarm came in: by the clock, for the records, and by the stopwatch, for the intervals."""

    at: datetime
    stopwatch: float

    def milliseconds(self, until: float | None = None) -> int:
        """Whole milliseconds since receipt."""
        return max(0, round(((perf_counter() if until is None else until) - self.stopwatch) * 1000))


@dataclass
class RaiseAlarm:
    """Takes one alarm.

    `admission` guards the first commit, `recording` bounds the second. Dependencies are those of the freeze step, so the
    gateway's row and the workflow's are the same.
    """

    alarms: AlarmStore
    steps: Steps
    freeze: FreezeEffect
    overview: Overview
    policies: Policies
    clock: Clock
    admission: Admission
    recording: Deadline
    freeze_clock: FreezeClock

    def receive(self) -> Receipt:
        """Note the moment of receipt; the first thing to do with a request."""
        return Receipt(self.clock.now(), perf_counter())

    async def run(self, alarm: Alarm, *, sender: Sender, receipt: Receipt) -> RaisedAlarm:
        """Accept the alarm and freeze the account.

        Records: alarm, incident and attempt in one commit, then the freeze step. Not being able to freeze now is no
        error: the answer says `pending` and the workflow insists. Errors: FORBIDDEN; INVALID; ALARM_CONFLICT;
        NOT_ACCEPTED (nothing done); ACCOUNT_UNKNOWN and WALLET_REFUSED (recorded, nothing frozen by this alarm).
        """
        allowed(alarm, sender)
        plausible(alarm, receipt.at)
        return await self.accept(alarm, sender=sender, receipt=receipt)

    async def accept(
        self, alarm: Alarm, *, sender: Sender, receipt: Receipt, reopens: str | None = None
    ) -> RaisedAlarm:
        """As `run`, for an alarm that was looked at; `reopens`: the closed incident it goes on with."""
        proposed = new_id()
        attempt = self._attempt(alarm, sender, receipt, proposed)
        policy = self.policies.current()
        try:
            accepted = await self.admission.run(
                lambda: self.alarms.accept(
                    alarm,
                    sender=sender,
                    attempt=attempt,
                    incident_id=proposed,
                    policy=policy,
                    reopens=reopens,
                )
            )
        except StanchError as error:
            if error.code is ErrorCode.DATABASE_UNREACHABLE:
                raise not_accepted() from error
            raise
        if accepted.frozen_before:
            return await self._as_it_stands(accepted)
        if accepted.closed:
            return await self._after_the_end(accepted)
        if accepted.held_back:
            return answer(accepted, FreezeState.HELD_BACK)
        return await self._freeze(accepted, attempt, receipt, sole=accepted.incident_id == proposed)

    async def store_times(self, raised: RaisedAlarm) -> None:
        """After the answer: store the intervals of the freeze this call recorded, if it did."""
        if raised.step_id is not None and raised.time_to_freeze_ms is not None:
            await self.freeze_clock.record(raised.step_id, raised.time_to_freeze_ms)

    def _attempt(self, alarm: Alarm, sender: Sender, receipt: Receipt, incident_id: str) -> StepAttempt:
        step = freeze_input(incident_id, 1, alarm.account_id, alarm.scope)
        origin = Origin(gateway_attempt=new_id())
        return self.steps.attempt(
            step,
            StepKind.FREEZE,
            origin=origin,
            actor=Actor(sender.role.value),
            role=sender.name,
            requested_at=receipt.at,
        )

    async def _freeze(
        self, accepted: AcceptedAlarm, proposed: StepAttempt, receipt: Receipt, *, sole: bool
    ) -> RaisedAlarm:
        """The freeze step, exactly as the workflow would run it, under the attempt that intake committed."""
        step = freeze_input(accepted.incident_id, accepted.episode, accepted.account_id, accepted.scope)
        attempt = proposed.model_copy(
            update={
                "incident_id": step.incident_id,
                "episode": step.episode,
                "step_key": step.step_key,
                "input_digest": message_digest(step),
            }
        )
        acknowledged = 0.0
        if not sole:
            sole = await self._nothing_else_frozen(step)

        async def effect(running: Running) -> Effect[FreezeResult]:
            nonlocal acknowledged
            happened = await self.freeze(step, running, sole=sole)
            acknowledged = perf_counter()
            return happened

        try:
            recorded = await self.recording.within(
                self.steps.record(attempt, step, effect, measured_from=receipt.at)
            )
        except (StanchError, TimeoutError) as error:
            # Wallet or database in between: the alarm is accepted, so the workflow repeats the step under the same key.
            code = error.code if isinstance(error, StanchError) else ErrorCode.DATABASE_UNREACHABLE
            log.warning("freeze_pending", incident_id=accepted.incident_id, code=code.value)
            return answer(accepted, FreezeState.PENDING)
        committed = receipt.milliseconds()
        refusal = FreezeResult.model_validate(recorded.result).refusal
        if refusal is not None:
            raise refused(refusal, sole=sole)
        if recorded.gateway_attempt != attempt.origin.gateway_attempt:
            return answer(accepted, FreezeState.DONE, stored_times(recorded))
        times = FreezeTimes(wallet_ack=receipt.milliseconds(acknowledged), committed=committed)
        return answer(accepted, FreezeState.DONE, times, step_id=recorded.step_id)

    async def _nothing_else_frozen(self, step: FreezeInput) -> bool:
        other = Scope.OUTGOING if step.scope is Scope.FULL else Scope.FULL
        return await self.steps.store.done(step.incident_id, step.episode, freeze_step_key(other)) is None

    async def _as_it_stands(self, accepted: AcceptedAlarm) -> RaisedAlarm:
        """The freeze was committed before: its row says when and how fast."""
        step = await self.steps.store.done(
            accepted.incident_id, accepted.episode, freeze_step_key(accepted.scope)
        )
        return answer(accepted, FreezeState.DONE, None if step is None else stored_times(step))

    async def _after_the_end(self, accepted: AcceptedAlarm) -> RaisedAlarm:
        """A repeated alarm of an incident that has ended: the answer it got, for nothing may freeze again by it."""
        step = await self.steps.store.done(
            accepted.incident_id, accepted.episode, freeze_step_key(accepted.scope)
        )
        if step is not None:
            return answer(accepted, FreezeState.DONE, stored_times(step))
        view = await self.overview.incident(accepted.incident_id)
        reason = None if view is None or view.summary is None else view.summary.get("reason")
        if reason == ErrorCode.ACCOUNT_UNKNOWN:
            raise refused(Refusal(code=reason, message="The wallet does not know this account."), sole=True)
        if reason == ErrorCode.WALLET_REFUSED:
            raise refused(Refusal(code=reason, message="The wallet refused this freeze for good."), sole=True)
        ended = answer(accepted, FreezeState.ENDED)
        return ended if view is None else ended.model_copy(update={"outcome": view.facts.outcome})


def not_accepted() -> StanchError:
    """What the caller of an alarm hears when nothing can be committed."""
    return StanchError(
        ErrorCode.NOT_ACCEPTED,
        "The alarm was not accepted and nothing was frozen: the database does not answer. "
        "Repeat it with the same id; repeating never freezes twice.",
    )


def freeze_input(incident_id: str, episode: int, account_id: str, scope: Scope) -> FreezeInput:
    """The input of the freeze step, the same as the workflow's."""
    return FreezeInput(
        incident_id=incident_id,
        episode=episode,
        step_key=freeze_step_key(scope),
        account_id=account_id,
        scope=scope,
    )


def answer(
    accepted: AcceptedAlarm,
    freeze: FreezeState,
    times: FreezeTimes | None = None,
    *,
    step_id: str | None = None,
) -> RaisedAlarm:
    """What the caller hears."""
    return RaisedAlarm(
        incident_id=accepted.incident_id,
        episode=accepted.episode,
        alarm_id=accepted.alarm_id,
        freeze=freeze,
        late=accepted.late,
        time_to_freeze_ms=times,
        repeated=accepted.repeated,
        step_id=step_id,
    )


def stored_times(step: RecordedStep) -> FreezeTimes | None:
    """The intervals of a recorded freeze. Until the exact second one is stored, the moment of recording stands in."""
    acknowledged = step.wallet_ack_ms
    if acknowledged is None:
        acknowledged = round((step.completed_at - step.requested_at).total_seconds() * 1000)
    committed = acknowledged if step.committed_ms is None else step.committed_ms
    return FreezeTimes(wallet_ack=max(0, acknowledged), committed=max(0, committed))


def refused(refusal: Refusal, *, sole: bool) -> StanchError:
    """The wallet's final no, as the caller hears it."""
    standing = "" if sole else " A narrower freeze of this incident still stands."
    if refusal.code == ErrorCode.ACCOUNT_UNKNOWN:
        return StanchError(
            ErrorCode.ACCOUNT_UNKNOWN,
            "The wallet does not know this account, so nothing was frozen; the alarm is recorded. "
            f"Check the account id and send a new alarm with a new id.{standing}",
        )
    return StanchError(
        ErrorCode.WALLET_REFUSED,
        "The wallet refused this freeze for good; the alarm and the refusal are recorded. "
        f"A person must look at the account.{standing}",
    )
