"""RecoverCredential: an owner has forgotten a password and nothing was stolen. The cheap path: no trace, no holds."""

from __future__ import annotations

import asyncio
import contextlib
from datetime import datetime, timedelta

from temporalio import workflow

with workflow.unsafe.imports_passed_through():
    from activities.credential import (
        SEND_LINK,
        CheckCredential,
        EndCredential,
        EndSessions,
        LookForPassword,
        PlanCredential,
        SendCredentialCode,
        SendCredentialLink,
    )
    from activities.decisions import AskDecision, ReadDecision
    from models.contracts.credential import (
        EPISODE,
        CheckCredentialInput,
        CheckCredentialResult,
        CredentialCodeInput,
        CredentialEnding,
        CredentialLinkInput,
        CredentialLinkResult,
        EndCredentialInput,
        EndSessionsInput,
        LookForPasswordInput,
        PlanCredentialInput,
        PlanCredentialResult,
        RecoverCredentialInput,
        RecoverCredentialResult,
    )
    from models.contracts.incidents import AskDecisionInput, ContactChoice, Decision, ReadDecisionInput
    from models.names import WAKE, DecisionKind, SecurityItem
    from models.registered import Workflow
    from workflows.policies import LOOK, STEP

LONGEST_PAUSE = timedelta(minutes=1)
"""Between two looks for the new password, and at the questions of an agent: nobody else may wake this."""

CLOSE = "close"


@workflow.defn(name=Workflow.RECOVER_CREDENTIAL)
class RecoverCredential:
    """Planned -> codes sent -> proven -> link sent -> renewed -> sessions ended, or handed over to two people on the way.

    Woken by a signal that carries nothing. It lives for hours, with looks that grow apart, so its history stays small.
    """

    @workflow.init
    def __init__(self, request: RecoverCredentialInput) -> None:
        self._id = request.recovery_id
        self._woken = False

    @workflow.signal(name=WAKE)
    def wake(self) -> None:
        """Somebody answered, asked for help, or decided: look at the database."""
        self._woken = True

    @workflow.run
    async def run(self, request: RecoverCredentialInput) -> RecoverCredentialResult:
        """Until it is over; how, is in the database too."""
        plan = await workflow.execute_activity_method(
            PlanCredential.run,
            PlanCredentialInput(incident_id=request.recovery_id, episode=EPISODE, step_key="credential/plan"),
            summary="whose it is, and which contacts are old enough",
            **STEP,
        )
        if plan.ending is not None or plan.account_id is None:
            return RecoverCredentialResult(ending=plan.ending or CredentialEnding.NOBODY)
        await asyncio.gather(*(self._send(plan, plan.account_id, each) for each in plan.contacts))
        proof = await self._answers(plan, plan.account_id)
        if proof.incident:
            return await self._end(plan, CredentialEnding.INCIDENT)
        request_id: str | None = None
        if not proof.proven:
            if not proof.stuck:
                return await self._end(plan, CredentialEnding.SILENCE)
            decision = await self._ask_agent(plan, plan.account_id)
            if decision is None or decision.choice == CLOSE:
                by = None if decision is None else decision.request_id
                return await self._end(plan, CredentialEnding.DECLINED, by)
            request_id = decision.request_id
        return await self._renew(plan, plan.account_id, request_id)

    async def _send(self, plan: PlanCredentialResult, account_id: str, contact: ContactChoice) -> None:
        await workflow.execute_activity_method(
            SendCredentialCode.run,
            CredentialCodeInput(
                incident_id=self._id,
                episode=EPISODE,
                step_key=f"credential/code/{contact.contact_id}",
                account_id=account_id,
                contact=contact,
                trusted_before=plan.trusted_before,
            ),
            summary=f"one-time code by {contact.kind}",
            **STEP,
        )

    async def _answers(self, plan: PlanCredentialResult, account_id: str) -> CheckCredentialResult:
        """Check each time somebody answered, until proven, stuck, overtaken by an incident, or out of time."""
        while True:
            self._woken = False
            proof = await workflow.execute_activity_method(
                CheckCredential.run,
                CheckCredentialInput(
                    incident_id=self._id,
                    episode=EPISODE,
                    step_key="credential/proof",
                    account_id=account_id,
                    trusted_before=plan.trusted_before,
                ),
                **LOOK,
            )
            left = plan.window_ends_at - workflow.now()
            if proof.proven or proof.stuck or proof.incident or left <= timedelta(0):
                return proof
            await self._pause(left)

    async def _ask_agent(self, plan: PlanCredentialResult, account_id: str) -> Decision | None:
        """Two people look at who asks. None when nobody decided in time."""
        until = workflow.now() + timedelta(seconds=plan.decision_seconds)
        await workflow.execute_activity_method(
            AskDecision.run,
            AskDecisionInput(
                incident_id=self._id,
                episode=EPISODE,
                step_key=f"ask/{DecisionKind.CREDENTIAL}/1",
                kind=DecisionKind.CREDENTIAL,
                action={"account_id": account_id, "contacts": str(len(plan.contacts))},
                choices=(SEND_LINK, CLOSE),
                four_eyes=True,
                expires_at=until,
            ),
            summary="ask people: who is it that forgot the password",
            **STEP,
        )
        while workflow.now() < until:
            self._woken = False
            read = await workflow.execute_activity_method(
                ReadDecision.run, ReadDecisionInput(incident_id=self._id, episode=EPISODE), **LOOK
            )
            if read.standing:
                return read.standing[0]
            await self._pause(until - workflow.now())
        return None

    async def _renew(
        self, plan: PlanCredentialResult, account_id: str, request_id: str | None
    ) -> RecoverCredentialResult:
        """The wallet's link, the new password, and nobody in by the old one."""
        expires_at = workflow.now() + timedelta(seconds=plan.link_seconds)
        sent: CredentialLinkResult = await workflow.execute_activity_method(
            SendCredentialLink.run,
            CredentialLinkInput(
                incident_id=self._id,
                episode=EPISODE,
                step_key="credential/link" if request_id is None else f"approval/{request_id}",
                account_id=account_id,
                trusted_before=plan.trusted_before,
                expires_at=expires_at,
                request_id=request_id,
            ),
            summary="the wallet's one-use link to a contact of old",
            **STEP,
        )
        if sent.sent_at is None:
            refused = CredentialEnding.NO_CONTACT if sent.refusal is None else sent.refusal.code
            return await self._end(plan, CredentialEnding(refused))
        failed = await self._until_renewed(account_id, sent.sent_at, expires_at, plan.look_seconds)
        if failed is not None:
            return await self._end(plan, failed)
        await asyncio.gather(
            *(
                workflow.execute_activity_method(
                    EndSessions.run,
                    EndSessionsInput(
                        incident_id=self._id,
                        episode=EPISODE,
                        step_key=f"credential/{item}",
                        account_id=account_id,
                        item=item,
                        trusted_before=plan.trusted_before,
                    ),
                    summary=f"end the {item}",
                    **STEP,
                )
                for item in (SecurityItem.SESSIONS, SecurityItem.REFRESH_TOKENS)
            )
        )
        return await self._end(plan, CredentialEnding.RENEWED)

    async def _until_renewed(
        self, account_id: str, since: datetime, expires_at: datetime, look_seconds: int
    ) -> CredentialEnding | None:
        """Look at the wallet until the password is a new one, ever more seldom; or why it will not be."""
        pause = timedelta(seconds=look_seconds)
        while True:
            self._woken = False
            look = await workflow.execute_activity_method(
                LookForPassword.run, LookForPasswordInput(account_id=account_id, since=since), **LOOK
            )
            left = expires_at - workflow.now()
            if look.incident:
                return CredentialEnding.INCIDENT
            if look.renewed_at is not None:
                return None
            if left <= timedelta(0):
                return CredentialEnding.NOT_RENEWED
            await self._pause(min(left, pause))
            pause = min(2 * pause, LONGEST_PAUSE)

    async def _end(
        self, plan: PlanCredentialResult, ending: CredentialEnding, request_id: str | None = None
    ) -> RecoverCredentialResult:
        await workflow.execute_activity_method(
            EndCredential.run,
            EndCredentialInput(
                incident_id=self._id,
                episode=EPISODE,
                step_key="credential/end" if request_id is None else f"approval/{request_id}",
                account_id=plan.account_id,
                ending=ending,
                request_id=request_id,
            ),
            summary=f"over: {ending}",
            **STEP,
        )
        await workflow.wait_condition(workflow.all_handlers_finished)
        return RecoverCredentialResult(ending=ending)

    async def _pause(self, longest: timedelta) -> None:
        """Until woken, or so long at most."""
        with contextlib.suppress(TimeoutError):
            await workflow.wait_condition(lambda: self._woken, timeout=longest)
