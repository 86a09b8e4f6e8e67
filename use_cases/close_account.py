"""Ask to close an account for its proven owner: an agent enters where the money goes and how that was proven; two agree."""

from __future__ import annotations

import json
from dataclasses import dataclass
from datetime import timedelta

from activities.changes import OpenDecisionTask
from activities.closure_ports import Closures
from activities.ending_changes import RecordDestination
from activities.ports import Clock, Incidents, Policies
from activities.steps import Effect, Running, Steps
from activities.wallet_ports import Wallet
from models.contracts.alarms import Sender
from models.contracts.closure import AskClosureInput, ProvenDestination, WalletDestination
from models.contracts.incidents import AskDecisionResult, IncidentFacts
from models.contracts.policy import RECOVERY_DEFAULTS
from models.contracts.steps import Origin
from models.digests import digest
from models.errors import ErrorCode, StanchError
from models.ids import new_id
from models.lifecycle import PROVEN, Status
from models.names import Actor, DecisionKind, Outcome, Role, StepKind
from use_cases.ports import DecisionDesk, DecisionView, Overview


@dataclass
class AskToClose:
    """The question binds account, episode, proof, destination and every amount by its digest."""

    wallet: Wallet
    closures: Closures
    desk: DecisionDesk
    overview: Overview
    incidents: Incidents
    steps: Steps
    policies: Policies
    clock: Clock

    async def ask(
        self, incident_id: str, proven: ProvenDestination, reason: str, *, by: Sender
    ) -> DecisionView:
        """Put the question and choose on it; from the policy's amount on two supervisors choose, and it is only put.

        Records an ask_decision step with the destination, sealed. Errors: NOT_FOUND; REFUSED_BY_RULE (no proof stands,
        protection is being lifted otherwise than in stages, another destination is being decided on, money cannot go to the account itself);
        ALREADY_DECIDED; WALLET_UNREACHABLE, when the balance cannot be read now.
        """
        facts = await self._facts(incident_id)
        proof = await self.closures.standing_proof(incident_id, facts.episode)
        if proof is None or facts.status not in PROVEN | {Status.RETURNING}:
            raise _refused(
                "An account is closed only for its proven owner, while it is frozen or comes back in stages, and that is not so "
                "now."
            )
        destination = proven.destination
        if isinstance(destination, WalletDestination) and destination.account_id == facts.account_id:
            raise _refused("The money of a closed account cannot go to that account.")
        state = await self.wallet.account(facts.account_id)
        step = await self._step(
            facts, proof, proven, {each.currency: each.balance for each in state.balances}
        )
        view = await self._put(step, proven, by)
        if Role(step.requester_role) is Role.SUPERVISOR and by.role is not Role.SUPERVISOR:
            return view
        at = self.clock.now()
        return await self.desk.request(
            task_id=view.task_id,
            request_id=new_id(),
            choice=Outcome.ACCOUNT_CLOSED,
            reason=reason,
            by=by,
            at=at,
            expires_at=at + timedelta(seconds=self.policies.current().approval.request_seconds),
        )

    async def look(self, incident_id: str, destination_id: str) -> ProvenDestination:
        """What an approver must see: where the money would go, and how it was proven. Errors: NOT_FOUND, ERASED."""
        return await self.closures.destination(incident_id, destination_id)

    async def _facts(self, incident_id: str) -> IncidentFacts:
        facts = await self.incidents.facts(incident_id)
        if facts is None:
            raise StanchError(ErrorCode.NOT_FOUND, "There is no incident with this id. Nothing was changed.")
        return facts

    async def _step(
        self, facts: IncidentFacts, proof: str, proven: ProvenDestination, balances: dict[str, int]
    ) -> AskClosureInput:
        """The same destination, proof and amounts are the same question: two people who ask at once share it."""
        kept = {currency: amount for currency, amount in sorted(balances.items()) if amount}
        bound = await self.closures.digest(facts.incident_id, proven)
        name = digest([facts.episode, proof, bound, kept])
        rules = self.policies.current().recovery or RECOVERY_DEFAULTS
        big = any(amount >= rules.two_supervisors(currency) for currency, amount in kept.items())
        asked = await self._asked(facts, name)
        return AskClosureInput(
            incident_id=facts.incident_id,
            episode=facts.episode,
            step_key=f"ask/{DecisionKind.CLOSE_ACCOUNT}/people/{name[:16]}/{asked}",
            account_id=facts.account_id,
            proof=proof,
            destination_id=digest(["destination", name, asked])[:26].upper(),
            destination=bound,
            balances=kept,
            requester_role=Role.SUPERVISOR if big else Role.AGENT,
        )

    async def _asked(self, facts: IncidentFacts, name: str) -> int:
        """How often exactly this was asked and closed before. Errors: REFUSED_BY_RULE when another such question is open."""
        same = 0
        for each in await self.overview.decisions(state=None, incident_id=facts.incident_id):
            if each.kind is not DecisionKind.CLOSE_ACCOUNT or each.episode != facts.episode:
                continue
            if each.action["subject"] == name:
                same += each.closed_at is not None
            elif each.closed_at is None and any(r.state in {"open", "approved"} for r in each.requests):
                raise _refused(
                    "Another destination or another amount is being decided on; decline that first."
                )
        return same

    async def _put(self, step: AskClosureInput, proven: ProvenDestination, by: Sender) -> DecisionView:
        now = self.clock.now()
        lifetime = timedelta(seconds=self.policies.current().approval.decision_seconds)

        async def effect(running: Running) -> Effect[AskDecisionResult]:
            task = OpenDecisionTask(
                task_id=digest(["task", step.incident_id, step.episode, step.step_key])[:26].upper(),
                task_key=step.step_key,
                kind=DecisionKind.CLOSE_ACCOUNT,
                action={
                    "account_id": step.account_id,
                    "episode": str(step.episode),
                    "proof": step.proof,
                    "destination_id": step.destination_id,
                    "destination": step.destination,
                    "balances": json.dumps(step.balances, sort_keys=True),
                    "subject": subject(step),
                },
                choices=(Outcome.ACCOUNT_CLOSED.value,),
                four_eyes=True,
                approver_role=Role.SUPERVISOR,
                at=running.started_at,
                expires_at=now + lifetime,
                requester_role=step.requester_role,
            )
            entered = RecordDestination(step.destination_id, proven, running.started_at)
            return Effect(
                AskDecisionResult(step_key=step.step_key, task_id=task.task_id), changes=(entered, task)
            )

        result = await self.steps.run(
            step,
            StepKind.ASK_DECISION,
            AskDecisionResult,
            effect,
            origin=Origin(gateway_attempt=new_id()),
            actor=Actor(by.role.value),
            role=by.name,
        )
        listed = await self.overview.decisions(state=None, incident_id=step.incident_id)
        return next(each for each in listed if each.task_id == result.task_id)


def subject(step: AskClosureInput) -> str:
    """What tells one such question of an incident from another."""
    return digest([step.episode, step.proof, step.destination, step.balances])


def _refused(what: str) -> StanchError:
    return StanchError(ErrorCode.REFUSED_BY_RULE, f"{what} Nothing was changed.")
