"""What people decide: put a question, choose, approve or decline another's choice, take one's own back (DESIGN 7)."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta

from activities.changes import OpenDecisionTask
from activities.ports import Clock, Incidents, Policies
from activities.steps import Effect, Running, Steps
from models.contracts.alarms import Sender
from models.contracts.identity import Claim
from models.contracts.incidents import AskDecisionInput, AskDecisionResult, IncidentFacts
from models.contracts.steps import Origin
from models.digests import digest
from models.errors import ErrorCode, StanchError
from models.ids import new_id
from models.lifecycle import LIFTED, Status
from models.names import Actor, DecisionKind, Outcome, Role, StepKind
from use_cases.ports import DecisionDesk, DecisionView, Overview


@dataclass(frozen=True)
class Question:
    """What may be chosen when a person puts this question themselves, and whether two people must agree."""

    choices: tuple[str, ...]
    four_eyes: bool


RAISED_BY_PEOPLE: dict[DecisionKind, Question] = {
    DecisionKind.END_AS_FALSE_ALARM: Question((Outcome.FALSE_ALARM.value,), four_eyes=True),
    DecisionKind.UNPROVEN_OWNER: Question(("keep", Outcome.RELEASED.value), four_eyes=True),
    DecisionKind.END_AS_IMPOSTOR: Question((Outcome.IMPOSTOR.value,), four_eyes=True),
    # Keeping protection up lifts nothing and moves nothing: one person may.
    DecisionKind.RENEW_FREEZE: Question(("renew",), four_eyes=False),
    # Only contacts from before the compromise time get codes, and what was guessed wrongly stays counted.
    DecisionKind.NEW_CODES: Question(("send",), four_eyes=False),
    # It goes to a contact from before the compromise time, and sets secrets that only its reader chooses.
    DecisionKind.OWNER_LINK: Question(("send",), four_eyes=False),
}
"""Questions a person may put without having been asked. All others are the engine's to put."""

ABOUT_CLAIMS: dict[DecisionKind, Question] = {
    DecisionKind.ACCEPT_IDENTITY: Question(("accept",), four_eyes=True),
    DecisionKind.IMPOSTOR: Question(("protect",), four_eyes=True),
    # It takes a rival out of the way of whoever is left, so one person is not enough.
    DecisionKind.WITHDRAW_CLAIM: Question(("withdraw",), four_eyes=True),
}
"""Questions about one claimant. The claim is part of the action, so nobody says yes to another one than they saw."""


@dataclass
class Decide:
    """People's choices. Each has Temporal look at the incident, in the same commit."""

    desk: DecisionDesk
    overview: Overview
    incidents: Incidents
    steps: Steps
    policies: Policies
    clock: Clock

    async def ask(
        self, incident_id: str, kind: DecisionKind, choice: str, reason: str, *, by: Sender
    ) -> DecisionView:
        """Choose on a question of this kind: the open one, or a new one where people may put it.

        Records an ask_decision step for a new question. Errors: NOT_FOUND; REFUSED_BY_RULE (closed incident, a kind that
        only the engine asks, a freeze that cannot be renewed any more, codes that nobody waits for, a link before the reset); INVALID (not a choice); ALREADY_DECIDED.
        """
        facts = await self._open_incident(incident_id)
        if kind is DecisionKind.RENEW_FREEZE:
            self._refuse_needless_renewal(facts)
        if kind is DecisionKind.NEW_CODES:
            self._refuse_needless_codes(facts)
        if kind is DecisionKind.OWNER_LINK:
            refuse_early_link(facts)
        listed = await self.overview.decisions(state=None, incident_id=incident_id)
        # A question about the money stands in whatever episode it was asked.
        same = [
            each
            for each in listed
            if each.kind is kind and (kind.of_recovery or each.episode == facts.episode)
        ]
        standing = next((each for each in same if each.closed_at is None), None)
        if standing is not None:
            task_id = standing.task_id
        else:
            question = RAISED_BY_PEOPLE.get(kind)
            if question is None:
                raise StanchError(
                    ErrorCode.REFUSED_BY_RULE,
                    "No such question is open, and people cannot put this one themselves. Nothing was changed.",
                )
            if choice not in question.choices:
                raise not_a_choice(question.choices)
            task_id = await self._put(facts, kind, question, len(same), by)
        return await self.request(task_id, choice, reason, by=by)

    async def about_claim(self, claim: Claim, kind: DecisionKind, reason: str, *, by: Sender) -> DecisionView:
        """Ask that this claimant's evidence be accepted, that they be named an impostor, or that their claim be withdrawn
        as a mistake; another person approves.

        Records an ask_decision step for a new question. Errors: REFUSED_BY_RULE (the claim or its episode is over,
        protection is being lifted already, or another claimant is being decided on), ALREADY_DECIDED.
        """
        facts = await self._open_incident(claim.incident_id)
        if claim.ended_at is not None or claim.episode != facts.episode:
            raise StanchError(
                ErrorCode.REFUSED_BY_RULE,
                "This claim is over. Nothing was changed; open a new one if the claimant comes again.",
            )
        if facts.status in LIFTED:
            raise StanchError(
                ErrorCode.REFUSED_BY_RULE,
                "Protection is being lifted already, and a word about a claimant does not stop that. Nothing was changed; "
                "raise an alarm, it freezes the account again.",
            )
        if kind is DecisionKind.WITHDRAW_CLAIM:
            await self._refuse_proven(claim)
        listed = await self.overview.decisions(state=None, incident_id=claim.incident_id)
        same = [each for each in listed if each.kind is kind and each.episode == facts.episode]
        standing = next((each for each in same if each.closed_at is None), None)
        question = ABOUT_CLAIMS[kind]
        if standing is None:
            task_id = await self._put(facts, kind, question, len(same), by, claim_id=claim.claim_id)
        elif standing.action.get("claim_id") == claim.claim_id:
            task_id = standing.task_id
        else:
            raise StanchError(
                ErrorCode.REFUSED_BY_RULE,
                "The same is being asked about another claimant. Nothing was changed; decide that first.",
            )
        return await self.request(task_id, question.choices[0], reason, by=by)

    async def request(self, task_id: str, choice: str, reason: str, *, by: Sender) -> DecisionView:
        """Choose on an open question. Errors: those of DecisionDesk.request."""
        at = self.clock.now()
        lifetime = timedelta(seconds=self.policies.current().approval.request_seconds)
        return await self.desk.request(
            task_id=task_id,
            request_id=new_id(),
            choice=choice,
            reason=reason,
            by=by,
            at=at,
            expires_at=at + lifetime,
        )

    async def approve(self, request_id: str, reason: str, *, by: Sender) -> DecisionView:
        """Say yes to another person's choice. Errors: those of DecisionDesk.approve."""
        return await self.desk.approve(request_id=request_id, reason=reason, by=by, at=self.clock.now())

    async def decline(self, request_id: str, reason: str, *, by: Sender) -> DecisionView:
        """Say no to another person's choice. Errors: those of DecisionDesk.decline."""
        return await self.desk.decline(request_id=request_id, reason=reason, by=by, at=self.clock.now())

    async def withdraw(self, request_id: str, *, by: Sender) -> DecisionView:
        """Take one's own choice back. Errors: those of DecisionDesk.withdraw."""
        return await self.desk.withdraw(request_id=request_id, by=by, at=self.clock.now())

    async def _refuse_proven(self, claim: Claim) -> None:
        proof = await self.incidents.standing_proof(claim.incident_id, claim.episode)
        if proof is not None and proof.claim_id == claim.claim_id:
            raise StanchError(
                ErrorCode.REFUSED_BY_RULE,
                "This claim has proven the owner. Nothing was changed; if it was somebody else's, name them an impostor.",
            )

    def _refuse_needless_renewal(self, facts: IncidentFacts) -> None:
        if facts.provisional and facts.renewals < self.policies.current().freeze.renewals:
            return
        raise StanchError(
            ErrorCode.REFUSED_BY_RULE,
            "Only a freeze that ends by its clock can be renewed, and only as often as the rules allow. Nothing was "
            "changed; the owner must prove themselves, or two people decide.",
        )

    def _refuse_needless_codes(self, facts: IncidentFacts) -> None:
        if facts.status in {Status.FROZEN, Status.PROTECTED}:
            return
        raise StanchError(
            ErrorCode.REFUSED_BY_RULE,
            "New codes are sent only while the owner is to be proven, and that is not so now. Nothing was changed; look at "
            "the incident.",
        )

    async def _open_incident(self, incident_id: str) -> IncidentFacts:
        facts = await self.incidents.facts(incident_id)
        if facts is None:
            raise StanchError(ErrorCode.NOT_FOUND, "There is no incident with this id. Nothing was changed.")
        if facts.closed_at is not None:
            raise StanchError(
                ErrorCode.REFUSED_BY_RULE,
                "This incident is closed: nothing is left to decide. Nothing was changed.",
            )
        return facts

    async def _put(
        self,
        facts: IncidentFacts,
        kind: DecisionKind,
        question: Question,
        before: int,
        by: Sender,
        *,
        claim_id: str | None = None,
    ) -> str:
        """Open the question as a step of the incident. Two people who put it at once share it: the key is the same."""
        about = {} if claim_id is None else {"claim_id": claim_id}
        step = AskDecisionInput(
            incident_id=facts.incident_id,
            episode=facts.episode,
            step_key=f"ask/{kind}/people/{before + 1}",
            kind=kind,
            action={"account_id": facts.account_id, "episode": str(facts.episode), **about},
            choices=question.choices,
            four_eyes=question.four_eyes,
            expires_at=self.clock.now()
            + timedelta(seconds=self.policies.current().approval.decision_seconds),
        )

        async def effect(running: Running) -> Effect[AskDecisionResult]:
            task_id = digest(["task", step.incident_id, step.episode, step.step_key])[:26].upper()
            task = OpenDecisionTask(
                task_id=task_id,
                task_key=step.step_key,
                kind=step.kind,
                action=step.action,
                choices=step.choices,
                four_eyes=step.four_eyes,
                approver_role=Role.SUPERVISOR,
                at=running.started_at,
                expires_at=step.expires_at,
            )
            return Effect(AskDecisionResult(step_key=step.step_key, task_id=task_id), changes=(task,))

        result = await self.steps.run(
            step,
            StepKind.ASK_DECISION,
            AskDecisionResult,
            effect,
            origin=Origin(gateway_attempt=new_id()),
            actor=Actor(by.role.value),
            role=by.name,
        )
        return result.task_id


def not_a_choice(choices: tuple[str, ...]) -> StanchError:
    """The choice is none of those the question has."""
    return StanchError(
        ErrorCode.INVALID, f"choice: must be one of {', '.join(choices)}. Nothing was changed; choose again."
    )


def refuse_early_link(facts: IncidentFacts) -> None:
    """Errors: REFUSED_BY_RULE, unless the owner is proven and everything is clean: the next reset would end the link."""
    if facts.status not in {Status.RESET, Status.RETURNING}:
        raise StanchError(
            ErrorCode.REFUSED_BY_RULE,
            "A link for new secrets goes out when the owner is proven and everything is reset, and not before. Nothing was "
            "sent; see what is missing with `stanch incident security`.",
        )
