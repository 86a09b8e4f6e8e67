"""A claimant presents a factor: counted first, checked then, recorded with its step; nothing of it is kept."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from datetime import datetime, timedelta

from activities.changes import RecordEvidence
from activities.identity_ports import Limits
from activities.ports import Clock
from activities.steps import Effect, Running, Steps
from activities.wallet_ports import Wallet
from models.contracts.claims import (
    AskContactsInput,
    AskContactsResult,
    PresentFactorInput,
    PresentFactorResult,
)
from models.contracts.identity import Claim, FactorKind, IdentityRules, Presented
from models.contracts.steps import Origin, Refusal
from models.contracts.wallet import AccountState, SecurityEntry
from models.errors import ErrorCode, StanchError
from models.ids import new_id
from models.judging import refusal
from models.names import Actor, StepKind
from use_cases.identity.claims import Claims, step_key_of

CLAIMANT = "claimant"

Check = Callable[[AccountState, datetime, Running], Awaitable[Presented | None]]
"""Finds which of the owner's things it was; None when it was none of them."""


def not_right() -> StanchError:
    """The one answer to everything that does not count, whether the account has such a factor or not."""
    return StanchError(
        ErrorCode.CODE_WRONG, "This is not right. Nothing was changed; it counts as one attempt."
    )


def too_many() -> StanchError:
    """The answer of the counter. The person is never shut out: an agent and a document remain."""
    return StanchError(
        ErrorCode.TOO_MANY_ATTEMPTS,
        "Too many attempts. Nothing was changed and the account stays protected; wait, or let an agent help.",
    )


@dataclass
class Presenting:
    """The one road for every factor of a claimant."""

    claims: Claims
    limits: Limits
    steps: Steps
    wallet: Wallet
    rules: IdentityRules
    clock: Clock

    async def count(self, claim: Claim, account_id: str, kind: FactorKind) -> None:
        """Count an attempt before it is judged. Errors: TOO_MANY_ATTEMPTS."""
        allowance = await self.limits.reserve(account_id, kind.value, claim.claim_id, self.clock.now())
        if not allowance.allowed:
            raise too_many()

    async def run(self, claim: Claim, kind: FactorKind, check: Check, *, uses: str | None = None) -> None:
        """Check and record it once per claim and kind.

        Errors: CODE_WRONG, TOO_MANY_ATTEMPTS, REFUSED_BY_RULE and ALARM_WAITING (see Claims.live), WALLET_UNREACHABLE
        (counted, since it cannot be known whether it was used up).
        """
        facts, since = await self.claims.live(claim)
        step = PresentFactorInput(
            incident_id=claim.incident_id,
            episode=claim.episode,
            step_key=step_key_of(claim, f"factor/{kind.value}", since),
            claim_id=claim.claim_id,
            factor=kind,
        )
        if await self.steps.store.done(step.incident_id, step.episode, step.step_key) is not None:
            return
        await self.count(claim, facts.account_id, kind)

        async def effect(running: Running) -> Effect[PresentFactorResult]:
            account = await self.wallet.account(facts.account_id)
            found = await check(account, since, running)
            if found is None:
                wrong = not_right()
                result = PresentFactorResult(
                    step_key=step.step_key,
                    factor=kind,
                    refusal=Refusal(code=wrong.code.value, message=wrong.message),
                )
                return Effect(result)
            return Effect(
                PresentFactorResult(step_key=step.step_key, factor=kind, reference=found.reference),
                changes=(RecordEvidence(claim.claim_id, found, running.started_at, uses),),
            )

        result = await self.steps.run(
            step,
            StepKind.FACTOR,
            PresentFactorResult,
            effect,
            origin=Origin(gateway_attempt=new_id()),
            actor=Actor.CLAIMANT,
            role=CLAIMANT,
        )
        if result.refusal is not None:
            raise not_right()
        await self.limits.succeeded(facts.account_id, kind.value, claim.claim_id)

    async def ask(
        self, step: AskContactsInput, effect: Callable[[Running], Awaitable[Effect[AskContactsResult]]]
    ) -> None:
        """Send codes because a claimant asked for them, as a recorded step of theirs. Errors: those of `effect`."""
        await self.steps.run(
            step,
            StepKind.CHALLENGE,
            AskContactsResult,
            effect,
            origin=Origin(gateway_attempt=new_id()),
            actor=Actor.CLAIMANT,
            role=CLAIMANT,
        )

    def stood_before(self, factor: Presented, since: datetime) -> bool:
        """Whether it may be tried at all: what was set since is not even asked."""
        return refusal(factor, since, self.swap_window) is None

    @property
    def swap_window(self) -> timedelta:
        """How long before the compromise time a number in other hands counts as the thief's."""
        return timedelta(seconds=self.rules.swap_window_seconds)


def active_at(entry: SecurityEntry, since: datetime) -> bool:
    """Whether the owner had it when the theft began: one that only the thief has ended is the owner's."""
    return entry.ended_at is None or entry.ended_at >= since
