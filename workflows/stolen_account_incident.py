"""StolenAccountIncident: the story of an incident, from the first alarm to its closing."""

from __future__ import annotations

import math
from datetime import timedelta

from temporalio import workflow
from temporalio.exceptions import ActivityError, ChildWorkflowError, is_cancelled_exception

with workflow.unsafe.imports_passed_through():
    from activities.freeze import Freeze, freeze_step_key
    from activities.link_use import LookAtLink
    from activities.opening import RegisterIncident
    from models.contracts.incidents import (
        FreezeInput,
        IncidentEnding,
        IncidentOpening,
        RegisterInput,
        ReturnAccountInput,
        VerifyIdentityInput,
    )
    from models.contracts.policy import RESET_DEFAULTS
    from models.contracts.resets import LookAtLinkInput
    from models.digests import digest
    from models.errors import ErrorCode
    from models.lifecycle import PROVEN, Status
    from models.names import WAKE, DecisionKind, Outcome
    from models.registered import Workflow
    from workflows.endings import Endings
    from workflows.policies import FREEZE, LOOK, code_of
    from workflows.recovery_begin import wake_recovery
    from workflows.reset_rounds import ResetRounds
    from workflows.return_account import ReturnAccount
    from workflows.turns import Ended, HistoryFull, Turn, Voided
    from workflows.verify_identity import VerifyIdentity

PATIENCE_TO_THE_END = "patience-to-the-end"
"""Patch: the owner is asked until the freeze's clock has run out. A second cut off had them asked anew for that second."""
PROOF_WAKES_RECOVERY = "proof-wakes-recovery"
"""Patch: since this shape a recovery learns at once that the owner is proven, and with it which reports were the owner's."""

RETURNING_IS_PROVEN = "returning-is-proven"
"""Patch: also in a run that goes on from another, an account may be closed for its owner while the stages of its return run."""

BEING_ENDED = frozenset({Status.RELEASING, Status.CLOSING, Status.RETURN_CLOSING})
"""An ending without stages, or one out of them, has begun: told again, the story goes on with it."""

RETURN_SHOWS_LINK = "return-shows-link"
"""Patch: who approves a return reads what became of the owner's link; when that changes, the question is put anew."""

OVERTAKEN = frozenset({ErrorCode.ALARM_WAITING.value, ErrorCode.ILLEGAL_MOVE.value})
"""Refusals because something came in between: the next telling sees it. Everything else goes to people first."""


@workflow.defn(name=Workflow.STOLEN_ACCOUNT_INCIDENT)
class StolenAccountIncident(ResetRounds, Endings):
    """Opened -> frozen -> verified -> reset -> returning -> closed; models/lifecycle.py has every move.

    The wake update carries nothing: what happened is read from the database. Whatever happens while the account is
    frozen or in its stages turns the story by a Turn; telling it again repeats no effect, for steps are adopted.
    """

    @workflow.init
    def __init__(self, opening: IncidentOpening) -> None:
        super().__init__(opening)

    @workflow.update(name=WAKE)
    async def wake(self) -> None:
        """Something was committed for this incident. An update, so that the caller knows it was taken."""
        self.woken = True

    @workflow.run
    async def run(self, opening: IncidentOpening) -> IncidentEnding:
        """Tell the story until the incident is closed; the ending is also in the database."""
        registered = await workflow.execute_activity_method(
            RegisterIncident.run, RegisterInput(opening=opening), **LOOK
        )
        if registered.facts is None or registered.facts.closed_at is not None:
            await workflow.wait_condition(workflow.all_handlers_finished)
            outcome = registered.facts.outcome if registered.facts is not None else None
            return IncidentEnding(incident_id=opening.incident_id, outcome=outcome, joined=registered.joined)
        self.know(registered.facts, registered.policy)
        while True:
            try:
                outcome = await self._tell()
            except HistoryFull:
                await workflow.wait_condition(workflow.all_handlers_finished)
                workflow.continue_as_new(
                    IncidentOpening(
                        incident_id=opening.incident_id,
                        attempt=self.attempt + 1,
                        factors=self.factors,
                        identity_round=self.identity_round,
                        reset_round=self.reset_round,
                        money_round=self.money_round,
                        return_round=self.return_round,
                        return_request=self.return_request,
                        ending=self.ending,
                        ending_request=self.ending_request,
                        continued=True,
                    )
                )
            except Turn:
                self.attempt += 1
                self.continued = False
                continue
            except (ActivityError, ChildWorkflowError) as error:
                if is_cancelled_exception(error):
                    raise
                if code_of(error) in OVERTAKEN:
                    self.woken = True
                else:
                    await self.stuck(error)
                self.attempt += 1
                self.continued = False
                continue
            if self.money_round:
                await wake_recovery(opening.incident_id)
            await workflow.wait_condition(workflow.all_handlers_finished)
            return IncidentEnding(incident_id=opening.incident_id, outcome=outcome)

    async def _tell(self) -> Outcome:
        """One telling, from the freeze to the closing. Raises a Turn when the story must begin again.

        Told again after protection began to be lifted, it goes on there: what was lifted is not proven a second time.
        """
        try:
            if self.told:
                await self.refresh()
            self.told = True
            if self.facts.status is Status.RETURNING and self.return_request is not None:
                # A run that goes on here knows by it that the owner is proven: what they decide may be carried out.
                self.proven = self.proven or workflow.patched(RETURNING_IS_PROVEN)
                return await self._finish_return(self.return_request, self.factors)
            if self.facts.status in BEING_ENDED and self.ending is not None:
                return await self._end(Ended(self.ending, self.ending_request))
            if not await self._freeze():
                return Outcome.NOT_FROZEN
            await self.look()
            self.follow_money_once()
            self.factors = await self._prove_owner()
            await self._believe()
            await self.reset_security()
            self.return_request = await self._decide_return()
            self.return_round += 1
            return await self._finish_return(self.return_request, self.factors)
        except Ended as ended:
            return await self._end(ended)

    async def _freeze(self) -> bool:
        """Place what this episode needs; False when the wallet refused for good and nothing is frozen."""
        if self.facts.held_back:
            await self._decide_freeze()
        scope = self.facts.scope
        result = await workflow.execute_activity_method(
            Freeze.run,
            FreezeInput(
                incident_id=self.incident_id,
                episode=self.facts.episode,
                step_key=freeze_step_key(scope),
                account_id=self.facts.account_id,
                scope=scope,
            ),
            summary=f"freeze {scope}",
            **FREEZE,
        )
        if result.refusal is not None and not self.frozen_scopes:
            await self.refresh()
            if self.facts.closed_at is not None:
                return False
            if self.facts.limits_left:
                await self._decide_unfrozen()
                raise Voided
            if self.facts.status is Status.OPENED:
                # A wider freeze was asked for while this one was refused: that one decides.
                raise Voided
        # Where a wider freeze is refused, the narrower one stands and is not given up.
        self.note_frozen(scope, result.effective_seq)
        return True

    async def _decide_freeze(self) -> None:
        """An unproven report after too many of them: an agent looks before anything is frozen."""
        await self.ask(DecisionKind.FREEZE_ON_REPORT, ("freeze", Outcome.RELEASED.value), four_eyes=False)
        await self.attend_until(
            lambda: (
                self.choice("freeze", DecisionKind.FREEZE_ON_REPORT) is not None or not self.facts.held_back
            )
        )

    async def _decide_unfrozen(self) -> None:
        """The wallet refuses to freeze again what a return had begun to give back. Its limits are the only protection left:
        they stay until two people end the incident without a freeze, or have it tried again.
        """
        await self.ask(DecisionKind.NOT_FROZEN, ("try_again", Outcome.NOT_FROZEN.value), four_eyes=True)
        await self.attend_until(lambda: self.choice("try_again", DecisionKind.NOT_FROZEN) is not None)
        await self.carry_out("try_again", DecisionKind.NOT_FROZEN)

    async def _prove_owner(self) -> tuple[str, ...]:
        """Until the owner is proven. An unproven report's freeze ends by its clock; a trigger's only escalates.

        A proof that stands is found again, whatever the clock says: it was given in time.
        """
        escalated = False
        while True:
            stands = self.facts.status in PROVEN
            patience = self.patience()
            if patience <= timedelta(0):
                if self.facts.provisional and not stands:
                    raise Ended(Outcome.RELEASED)
                if not escalated and not stands:
                    escalated = True
                    question = (DecisionKind.UNPROVEN_OWNER, ("keep", Outcome.RELEASED.value))
                    await self.ask(*question, four_eyes=True)
                patience = timedelta(seconds=self.policy.freeze.escalate_seconds)
            self.identity_round += 0 if stands else 1
            whole = math.ceil if workflow.patched(PATIENCE_TO_THE_END) else int
            proof = await self.attend_child(
                VerifyIdentity.run,
                VerifyIdentityInput(
                    incident_id=self.incident_id,
                    episode=self.facts.episode,
                    account_id=self.facts.account_id,
                    compromised_since=self.compromised_since(),
                    policy=self.policy,
                    attempt=self.identity_round,
                    patience_seconds=max(1, whole(patience.total_seconds())),
                ),
                part=f"identity/{self.identity_round}",
                wakeable=True,
            )
            if proof.proven:
                # What was asked under another proof is not asked under this one.
                self.continued = self.continued and stands
                self.proven = True
                return proof.factors
            await self.look()

    async def _believe(self) -> None:
        """The report is the owner's: from here on it freezes and holds like any alarm of compromise."""
        unproven = self.facts.provisional
        await self.widen()
        if unproven:
            self.follow_money()
        elif workflow.patched(PROOF_WAKES_RECOVERY):
            # What the owner's own report names counts from now on, and is held.
            await wake_recovery(self.incident_id)
        await self.look()

    async def _decide_return(self) -> str:
        """An agent asks for the return and a supervisor approves it: lifting protection takes four eyes.

        They agree to what became of the owner's link, too. What they chose before it was used says nothing of its use: the
        question is put anew then.
        """
        kind, choice = DecisionKind.RETURN_ACCOUNT, Outcome.RESTORED.value
        shows_link = workflow.patched(RETURN_SHOWS_LINK)
        rules = self.policy.reset or RESET_DEFAULTS
        pause, longest = (
            timedelta(seconds=each) for each in (rules.first_pause_seconds, rules.longest_pause_seconds)
        )
        asked: str | None = None
        while True:
            link = await self._look_at_link() if shows_link else ""
            if link != asked:
                asked = link
                await self._ask_return(link)
            elif (decision := self.choice(choice, kind)) is not None:
                return decision.request_id
            await self.attend_until(
                lambda: self.choice(choice, kind) is not None, patience=pause if shows_link else None
            )
            pause = min(2 * pause, longest)

    async def _ask_return(self, link: str) -> None:
        details = {"receipts": digest({item.value: receipt for item, receipt in self.receipts.items()})}
        if link:
            details["owner_link"] = link
        await self.ask(
            DecisionKind.RETURN_ACCOUNT,
            (Outcome.RESTORED.value, Outcome.FALSE_ALARM.value),
            four_eyes=True,
            details=details,
        )

    async def _look_at_link(self) -> str:
        found = await workflow.execute_activity_method(
            LookAtLink.run,
            LookAtLinkInput(
                incident_id=self.incident_id,
                episode=self.facts.episode,
                account_id=self.facts.account_id,
            ),
            summary="what became of the owner's link",
            **LOOK,
        )
        return found.words

    async def _finish_return(self, request_id: str, factors: tuple[str, ...]) -> Outcome:
        stages = await self._return_account(request_id)
        return await self._close(Outcome.RESTORED, factors, stages)

    async def _return_account(self, request_id: str) -> tuple[str, ...]:
        """The ladder. A refused release means that something came in between: look, and tell the story again."""
        result = await self.attend_child(
            ReturnAccount.run,
            ReturnAccountInput(
                incident_id=self.incident_id,
                episode=self.facts.episode,
                account_id=self.facts.account_id,
                attempt=self.return_round,
                policy=self.policy,
                request_id=request_id,
            ),
            part=f"return/{self.return_round}",
        )
        if result.refused is not None:
            self.reset_again = result.refused == ErrorCode.RESET_INCOMPLETE
            await self.look()
            if self.facts.status is not Status.RETURNING:
                self.return_request = None
            raise Voided
        return result.stages
