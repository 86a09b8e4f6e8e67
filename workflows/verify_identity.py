"""VerifyIdentity: the owner answers one-time codes sent to contact points older than the theft."""

from __future__ import annotations

import asyncio
import contextlib
from datetime import datetime, timedelta

from temporalio import workflow

with workflow.unsafe.imports_passed_through():
    from activities.asking import LookAtCodes
    from activities.identity import CheckProof, PlanIdentity, SendChallenge
    from models.contracts.claims import CheckProofInput, CheckProofResult, LookAtCodesInput
    from models.contracts.incidents import (
        ContactChoice,
        PlanIdentityInput,
        PlanIdentityResult,
        SendChallengeInput,
        SendChallengeResult,
        VerifyIdentityInput,
        VerifyIdentityResult,
    )
    from models.names import WAKE
    from models.registered import Workflow
    from workflows.code_rounds import CodeRounds
    from workflows.policies import LOOK, STEP

OWN_ROUNDS = "own-rounds"
"""Patch: each contact is sent its next code when its own one expires, and not while its answer counts."""

A_MOMENT = timedelta(seconds=1)
"""Between two looks at least: the database may be a little behind the clock by which an answer counts no more."""


@workflow.defn(name=Workflow.VERIFY_IDENTITY)
class VerifyIdentity:
    """Planned -> codes sent -> proven, or patience over. Usable by itself; wrong codes never reach it."""

    @workflow.init
    def __init__(self, request: VerifyIdentityInput) -> None:
        self._request = request
        self._woken = False

    @workflow.signal(name=WAKE)
    def wake(self) -> None:
        """Somebody answered: look at the database. A signal, since nobody waits for an answer."""
        self._woken = True

    @workflow.run
    async def run(self, request: VerifyIdentityInput) -> VerifyIdentityResult:
        """Send codes, and again when they expire, until enough contacts answered or patience is over."""
        deadline = workflow.now() + timedelta(seconds=request.patience_seconds)
        already = await self._check()
        if already.proven:
            return VerifyIdentityResult(proven=True, factors=already.factors)
        plan = await workflow.execute_activity_method(
            PlanIdentity.run,
            PlanIdentityInput(
                incident_id=request.incident_id,
                episode=request.episode,
                step_key=f"identity/plan/{request.attempt}",
                account_id=request.account_id,
                compromised_since=request.compromised_since,
            ),
            summary="which contact points stood before the theft",
            **STEP,
        )
        if workflow.patched(OWN_ROUNDS):
            return await self._own_rounds(plan, deadline)
        for number in range(1, request.policy.identity.codes_per_contact + 1):
            sent = await asyncio.gather(*(self._send(contact, number) for contact in plan.usable))
            expiries = [each.expires_at for each in sent if each.refusal is None]
            until = min([deadline, *expiries]) if expiries else deadline
            proof = await self._answers_until(until)
            if proof.proven or workflow.now() >= deadline:
                return VerifyIdentityResult(proven=proof.proven, factors=proof.factors)
        proof = await self._answers_until(deadline)
        return VerifyIdentityResult(proven=proof.proven, factors=proof.factors)

    async def _own_rounds(self, plan: PlanIdentityResult, deadline: datetime) -> VerifyIdentityResult:
        """Until the owner is proven or patience is over; who comes last is heard at the last look."""
        request = self._request
        contacts = {each.contact_id: each for each in plan.usable}
        rounds = CodeRounds(contacts, codes=request.policy.identity.codes_per_contact, now=workflow.now())
        first = request.attempt == 1
        while True:
            self._woken = False
            if not first:
                rounds.heard(await self._answered(), workflow.now(), end=deadline)
            first = False
            turn = rounds.next_round(workflow.now()) if workflow.now() < deadline else {}
            sent = await asyncio.gather(
                *(self._send(contacts[each], number) for each, number in turn.items())
            )
            for contact_id, each in zip(turn, sent, strict=True):
                rounds.sent(contact_id, expires_at=each.expires_at)
            proof = await self._check()
            now = workflow.now()
            if proof.proven or now >= deadline:
                return VerifyIdentityResult(proven=proof.proven, factors=proof.factors)
            left = min(deadline, max(rounds.until(deadline), now + A_MOMENT)) - now
            with contextlib.suppress(TimeoutError):
                await workflow.wait_condition(
                    lambda: self._woken, timeout=left, timeout_summary="code expires"
                )

    async def _answered(self) -> dict[str, datetime | None]:
        request = self._request
        found = await workflow.execute_activity_method(
            LookAtCodes.run,
            LookAtCodesInput(incident_id=request.incident_id, episode=request.episode),
            **LOOK,
        )
        return dict(found.answered)

    async def _send(self, contact: ContactChoice, number: int) -> SendChallengeResult:
        request = self._request
        return await workflow.execute_activity_method(
            SendChallenge.run,
            SendChallengeInput(
                incident_id=request.incident_id,
                episode=request.episode,
                step_key=f"identity/code/{request.attempt}/{contact.contact_id}/{number}",
                account_id=request.account_id,
                contact=contact,
                compromised_since=request.compromised_since,
                round=(request.attempt - 1) * request.policy.identity.codes_per_contact + number,
            ),
            summary=f"one-time code {number} by {contact.kind}",
            **STEP,
        )

    async def _answers_until(self, until: datetime) -> CheckProofResult:
        """Check each time somebody answered; return when proven, or the last look at `until`."""
        while True:
            self._woken = False
            proof = await self._check()
            left = until - workflow.now()
            if proof.proven or left <= timedelta(0):
                return proof
            try:
                await workflow.wait_condition(
                    lambda: self._woken, timeout=left, timeout_summary="code expires"
                )
            except TimeoutError:
                continue

    async def _check(self) -> CheckProofResult:
        request = self._request
        return await workflow.execute_activity_method(
            CheckProof.run,
            CheckProofInput(
                incident_id=request.incident_id,
                episode=request.episode,
                step_key=f"identity/proof/{request.attempt}",
                compromised_since=request.compromised_since,
            ),
            **LOOK,
        )
