"""How a step runs: intent, effect, one transaction (DESIGN 5). The only way anything here has an effect."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Generic, TypeVar

from activities.boundary import WORTH_RETRYING
from activities.changes import Change
from activities.ports import Clock, StepStore
from activities.wallet_ports import Receipts
from models.contracts.alarms import Sender
from models.contracts.steps import (
    FinishedStep,
    Origin,
    Receipt,
    RecordedStep,
    StepAttempt,
    StepInput,
    StepResult,
)
from models.digests import message_digest
from models.errors import ErrorCode, StanchError, TooFast
from models.ids import idempotency_key, new_id
from models.lifecycle import Event
from models.names import Actor, StepKind, StepStatus

Result = TypeVar("Result", bound=StepResult)


@dataclass(frozen=True)
class Effect(Generic[Result]):
    """What an effect gave: its result, the receipt that proves it, and what changes with it in the database.

    `performer` replaces the system as actor where a person's decision is carried out.
    """

    result: Result
    receipt: Receipt | None = None
    changes: tuple[Change, ...] = ()
    performer: Sender | None = None
    reason: str | None = None


@dataclass(frozen=True)
class Running:
    """A step under way: the key for the other side, and when it was asked for and begun.

    `receipt`: the wallet's, where the intent was refused and a former attempt has had the effect: only to be recorded.
    """

    key: str
    requested_at: datetime
    started_at: datetime
    attempt_id: str
    receipt: Receipt | None = None


SYSTEM = "engine"
"""The role name of steps that nobody but the engine did."""

ON_ITS_WAY = timedelta(seconds=25)
"""From an attempt's intent until its request has had its effect or never will: an attempt ends after 15 s at most, and a request
whose caller has gone has its effect within 10 s or never (docs/wallet-contract.yaml).
"""

LOOK = ""
"""The step key in a result that was only a look: nothing was recorded, so the audit expects no step row for it."""


@dataclass
class Steps:
    """Runs steps.

    Dependencies: `store` records, `clock` tells the time. One instance serves a process.
    """

    store: StepStore
    clock: Clock

    async def run(
        self,
        step: StepInput,
        kind: StepKind,
        result_type: type[Result],
        effect: Callable[[Running], Awaitable[Effect[Result]]],
        *,
        origin: Origin,
        actor: Actor = Actor.SYSTEM,
        role: str = SYSTEM,
        lifting: Event | None = None,
        reason: str | None = None,
        wallet: Receipts | None = None,
    ) -> Result:
        """Run one step once.

        A `done` row is returned as it stands, without any effect. Otherwise the intent is committed, the effect happens
        under the step's idempotency key, and one transaction records it; when another attempt was faster its row wins.
        A result with a `refusal` is recorded as `refused` and returned. An error of the effect is not recorded beyond
        its attempt: nothing is known, so the caller tries again with the same key.

        `wallet`: where the effect of a step with `lifting` is. An intent that is refused (an alarm came between) refuses
        nothing that a former attempt has done there already: that is recorded, and the status stays as it is.
        """
        found = await self.store.done(step.incident_id, step.episode, step.step_key)
        if found is not None:
            return result_type.model_validate(found.result)
        attempt = self.attempt(
            step, kind, origin=origin, actor=actor, role=role, requested_at=self.clock.now()
        )
        receipt = None
        try:
            await self.store.begin(attempt, lifting=lifting)
        except StanchError as refused:
            if wallet is None:
                raise
            receipt = await self.happened(step, wallet, refused)
            await self.store.begin(attempt)
        recorded = await self.record(attempt, step, effect, reason=reason, receipt=receipt)
        return result_type.model_validate(recorded.result)

    async def happened(
        self, step: StepInput, wallet: Receipts, refused: StanchError, *, but: str | None = None
    ) -> Receipt:
        """What a former attempt of `step` did at the wallet, when a gate now says no (`refused`); `but`: this attempt.

        The gate let that attempt pass, so what it did is to be recorded, whatever has changed since. Errors: `refused` itself
        where nothing was done; WALLET_UNREACHABLE while a former request may still be on its way.
        """
        if refused.code in WORTH_RETRYING:
            raise refused
        former = await self.store.attempted(step.incident_id, step.episode, step.step_key, but=but)
        if former is None:
            raise refused
        receipt = await wallet.receipt(idempotency_key(step.incident_id, step.episode, step.step_key))
        if receipt is not None:
            return receipt
        left = former + ON_ITS_WAY - self.clock.now()
        if left > timedelta(0):
            raise TooFast(
                ErrorCode.WALLET_UNREACHABLE,
                "This is not allowed any more, but a former request may still reach the wallet. Nothing was recorded; it is asked "
                "again whether it did.",
                retry_after=left.total_seconds(),
            ) from refused
        raise refused

    async def perform(
        self,
        attempt: StepAttempt,
        step: StepInput,
        result_type: type[Result],
        effect: Callable[[Running], Awaitable[Effect[Result]]],
        *,
        reason: str | None = None,
        measured_from: datetime | None = None,
    ) -> Result:
        """The effect and its record, for an attempt whose intent is committed already (intake commits its own)."""
        recorded = await self.record(attempt, step, effect, reason=reason, measured_from=measured_from)
        return result_type.model_validate(recorded.result)

    async def record(
        self,
        attempt: StepAttempt,
        step: StepInput,
        effect: Callable[[Running], Awaitable[Effect[Result]]],
        *,
        reason: str | None = None,
        measured_from: datetime | None = None,
        receipt: Receipt | None = None,
    ) -> RecordedStep:
        """As `perform`, but gives the row that counts: this attempt's own, or that of a faster one."""
        started = self.clock.now()
        key = idempotency_key(step.incident_id, step.episode, step.step_key)
        running = Running(key, attempt.requested_at, started, attempt.attempt_id, receipt)
        happened = await effect(running)
        completed = self.clock.now()
        if happened.performer is not None:
            attempt = attempt.model_copy(
                update={"actor": Actor(happened.performer.role.value), "role": happened.performer.name}
            )
        refusal = happened.result.refusal
        finished = FinishedStep(
            step_id=new_id(),
            attempt=attempt,
            status=StepStatus.DONE if refusal is None else StepStatus.REFUSED,
            reason=happened.reason or reason or (refusal.code if refusal is not None else None),
            started_at=started,
            completed_at=completed,
            receipt=happened.receipt,
            input=step.model_dump(mode="json"),
            result=happened.result.model_dump(mode="json"),
            wallet_ack_ms=None if measured_from is None else _milliseconds(measured_from, completed),
        )
        return await self.store.finish(finished, happened.changes)

    def attempt(
        self,
        step: StepInput,
        kind: StepKind,
        *,
        origin: Origin,
        actor: Actor,
        role: str,
        requested_at: datetime,
    ) -> StepAttempt:
        """The intent of `step`, ready to be committed."""
        return StepAttempt(
            attempt_id=new_id(),
            incident_id=step.incident_id,
            episode=step.episode,
            step_key=step.step_key,
            kind=kind,
            actor=actor,
            role=role,
            requested_at=requested_at,
            origin=origin,
            input_digest=message_digest(step),
        )


def _milliseconds(start: datetime, end: datetime) -> int:
    return max(0, round((end - start).total_seconds() * 1000))
