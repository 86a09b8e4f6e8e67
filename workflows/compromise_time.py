"""How an incident carries out that people have moved its compromise time."""

from __future__ import annotations

from temporalio import workflow

with workflow.unsafe.imports_passed_through():
    from activities.compromise_time import MoveCompromiseTime
    from models.contracts.recovery import MoveCompromiseTimeInput, MoveCompromiseTimeResult
    from models.names import DecisionKind
    from workflows.money_beside import MoneyBeside
    from workflows.policies import STEP

MOVE = "move"


class CompromiseTime(MoneyBeside):
    """Carries out what stands."""

    async def move_time(self) -> list[MoveCompromiseTimeResult]:
        """What was moved. A decision that was overtaken is recorded as refused, and its question is closed."""
        done: list[MoveCompromiseTimeResult] = []
        for kind in (DecisionKind.COMPROMISED_EARLIER, DecisionKind.COMPROMISED_LATER):
            decision = self.choice(MOVE, kind)
            if decision is None:
                continue
            moved = await workflow.execute_activity_method(
                MoveCompromiseTime.run,
                MoveCompromiseTimeInput(
                    incident_id=self.incident_id,
                    episode=self.facts.episode,
                    step_key=f"approval/{decision.request_id}",
                    request_id=decision.request_id,
                    choice=MOVE,
                ),
                summary=f"since when the account is not trusted: {kind}",
                **STEP,
            )
            self._decisions = tuple(each for each in self._decisions if each is not decision)
            if moved.refusal is None:
                done.append(moved)
        return done
