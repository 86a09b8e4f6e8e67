"""How an incident puts questions to people, and what they chose."""

from __future__ import annotations

from datetime import timedelta

from temporalio import workflow

with workflow.unsafe.imports_passed_through():
    from activities.decisions import AskDecision, CarryOutDecision
    from activities.owner_link import SEND, SendLinkAgain
    from models.contracts.incidents import AskDecisionInput, CarryOutInput, Decision
    from models.contracts.resets import LinkAgainInput
    from models.names import DecisionKind
    from workflows.policies import STEP
    from workflows.story_state import StoryState


class Questions(StoryState):
    """Asks, reads what stands, and records what was carried out."""

    def choice(self, choice: str, kind: DecisionKind) -> Decision | None:
        """The oldest standing decision with this choice on a question of this kind."""
        return next((each for each in self._decisions if (each.choice, each.kind) == (choice, kind)), None)

    async def ask(
        self,
        kind: DecisionKind,
        choices: tuple[str, ...],
        *,
        four_eyes: bool,
        details: dict[str, str] | None = None,
    ) -> None:
        """Put a question to people, once per telling of the story. One that the run before put is not put again."""
        self._asked += 1
        action = {"account_id": self.facts.account_id, "episode": str(self.facts.episode), **(details or {})}
        await workflow.execute_activity_method(
            AskDecision.run,
            AskDecisionInput(
                incident_id=self.incident_id,
                episode=self.facts.episode,
                step_key=f"ask/{kind}/{self.attempt}/{self._asked}",
                kind=kind,
                action=action,
                choices=choices,
                four_eyes=four_eyes,
                expires_at=workflow.now() + timedelta(seconds=self.policy.approval.decision_seconds),
                keep=self.continued,
            ),
            summary=f"ask people: {kind}",
            **STEP,
        )
        # Asking closed the older question of this kind: what was chosen on it must not be taken for the answer.
        self._decisions = tuple(each for each in self._decisions if each.kind is not kind)

    async def carry_out(self, choice: str, kind: DecisionKind) -> None:
        """Record a decision whose whole effect is in the database; it does not stand any more afterwards."""
        decision = self.choice(choice, kind)
        if decision is None:
            return
        await workflow.execute_activity_method(
            CarryOutDecision.run,
            CarryOutInput(
                incident_id=self.incident_id,
                episode=self.facts.episode,
                step_key=f"approval/{decision.request_id}",
                request_id=decision.request_id,
                choice=choice,
            ),
            **STEP,
        )
        self._decisions = tuple(each for each in self._decisions if each is not decision)

    async def send_link_again(self) -> None:
        """The owner's link was lost or ran out, and an agent asked for another one."""
        decision = self.choice(SEND, DecisionKind.OWNER_LINK)
        if decision is None:
            return
        await workflow.execute_activity_method(
            SendLinkAgain.run,
            LinkAgainInput(
                incident_id=self.incident_id,
                episode=self.facts.episode,
                step_key=f"approval/{decision.request_id}",
                account_id=self.facts.account_id,
                compromised_since=self.compromised_since(),
                asked_at=workflow.now(),
                request_id=decision.request_id,
            ),
            summary="the wallet sends the owner another link",
            **STEP,
        )
        self._decisions = tuple(each for each in self._decisions if each is not decision)
