"""Two claimants who have both shown something: people are told and asked at once, and nothing is lifted meanwhile."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta

from activities.changes import Change, CloseDecisionTasks, OpenDecisionTask
from activities.identity_changes import KeepFreeze
from activities.origin import activity_origin
from activities.ports import Incidents, Policies
from activities.proving import Judged, Prover
from activities.steps import Effect, Running, Steps
from models.contracts.claims import ContestInput, ContestResult
from models.contracts.identity import UNCLAIMED, ProofAction
from models.contracts.incidents import IncidentFacts
from models.contracts.steps import Refusal, StepInput
from models.digests import digest
from models.errors import ErrorCode, StanchError
from models.lifecycle import LIFTED, Status
from models.names import DecisionKind, Role, StepKind

KEEP = "keep"
"""The one answer to the question: a person has seen it. What ends the contest is their word about a claimant."""

AGREED = (DecisionKind.RETURN_ACCOUNT, DecisionKind.END_AS_FALSE_ALARM, DecisionKind.CLOSE_ACCOUNT)
"""What people have agreed on without knowing of the rival is not agreed on any more."""


@dataclass
class Contests:
    """Notes that an incident is contested, and refuses to lift protection for whoever is not the owner beyond doubt."""

    steps: Steps
    incidents: Incidents
    prover: Prover
    policies: Policies

    async def note(self, step: StepInput, account_id: str, judged: Judged, *, lifting: bool = False) -> None:
        """Record it once for these rivals: the freeze does not end by its clock, staff are alerted, people are asked.

        With `lifting` once for each step that would lift protection: what people agreed on for it is closed.
        """
        claims = tuple(sorted(each or UNCLAIMED for each in judged.rivals))
        name = digest([*claims, step.step_key if lifting else ""])[:16]
        contest = ContestInput(
            incident_id=step.incident_id,
            episode=step.episode,
            step_key=f"identity/contested/{name}",
            claims=claims,
        )

        async def effect(running: Running) -> Effect[ContestResult]:
            task_id = digest(["task", contest.incident_id, contest.episode, contest.step_key])[:26].upper()
            lifetime = timedelta(seconds=self.policies.current().approval.decision_seconds)
            former = (DecisionKind.IDENTITY_CONTESTED, *(AGREED if lifting else ()))
            asked = OpenDecisionTask(
                task_id=task_id,
                task_key=contest.step_key,
                kind=DecisionKind.IDENTITY_CONTESTED,
                action={
                    "account_id": account_id,
                    "episode": str(contest.episode),
                    "claims": ",".join(claims),
                },
                choices=(KEEP,),
                four_eyes=False,
                approver_role=Role.SUPERVISOR,
                at=running.started_at,
                expires_at=running.started_at + lifetime,
            )
            changes: tuple[Change, ...] = (
                KeepFreeze(),
                CloseDecisionTasks(former, running.started_at),
                asked,
            )
            return Effect(ContestResult(step_key=contest.step_key, task_id=task_id), changes=changes)

        await self.steps.run(
            contest, StepKind.IDENTITY_CONTESTED, ContestResult, effect, origin=activity_origin()
        )

    async def refuse_in_doubt(
        self, step: StepInput, action: ProofAction, *, while_returning: bool = False
    ) -> None:
        """Judge everybody again right before protection is lifted under the proof that stands.

        Where nothing has begun to be lifted, or (`while_returning`) only the stages run, errors: PROOF_IN_DOUBT when rivals
        stand and not whoever is proven among them gave the proof, or when a false alarm needs more than the proof has;
        recorded first, and what people had agreed on is closed. WALLET_UNREACHABLE.
        """
        facts = await self.incidents.facts(step.incident_id)
        if facts is None or facts.compromised_since is None:
            return
        if facts.status in LIFTED and not (while_returning and facts.status is Status.RETURNING):
            return
        proof = await self.incidents.standing_proof(step.incident_id, step.episode)
        if proof is None:
            # The intent of the lifting says so itself.
            return
        judged = await self._judge(step, facts, action)
        winner = judged.winner()
        if judged.contested and (winner is None or winner[0] != proof.claim_id):
            await self._refuse(step, facts, judged)
        if judged.contested or action is not ProofAction.FALSE_ALARM:
            return
        said = judged.by_claim.get(proof.claim_id)
        if winner is None and said is not None and not said.proven:
            restore = (await self._judge(step, facts, ProofAction.RESTORE)).by_claim[proof.claim_id]
            met = {(each.what, each.needed, each.one_of) for each in restore.missing}
            # Only what a false alarm needs beyond a restore: what a proof was once enough for, it stays enough for.
            if any((each.what, each.needed, each.one_of) not in met for each in said.missing):
                await self._ask_for_more(step)

    async def refuse_contested(self, step: StepInput) -> None:
        """Before a freeze ends by its clock. Errors: PROOF_IN_DOUBT when rivals stand, recorded first; WALLET_UNREACHABLE."""
        facts = await self.incidents.facts(step.incident_id)
        if facts is None or facts.status in LIFTED or facts.compromised_since is None:
            return
        judged = await self._judge(step, facts, ProofAction.RESTORE)
        if judged.contested:
            await self._refuse(step, facts, judged)

    async def _judge(self, step: StepInput, facts: IncidentFacts, action: ProofAction) -> Judged:
        since = facts.compromised_since or facts.opened_at
        return await self.prover.judge(step.incident_id, step.episode, facts.account_id, since, action)

    async def _refuse(self, step: StepInput, facts: IncidentFacts, judged: Judged) -> None:
        await self.note(step, facts.account_id, judged, lifting=True)
        raise StanchError(
            ErrorCode.PROOF_IN_DOUBT,
            "More than one claimant has shown factors, and not whoever gave the proof is the owner beyond doubt. Nothing was "
            "lifted; name the impostor, or withdraw the claim that was a mistake.",
        )

    async def _ask_for_more(self, step: StepInput) -> None:
        """Record that the proof is not enough to call it a false alarm, and close what people had agreed on."""
        said = Refusal(
            code=ErrorCode.PROOF_IN_DOUBT,
            message="The proof of the owner that stands is not enough to call it a false alarm by the rules. Nothing was "
            "lifted; the owner shows one more factor under their claim, then it is decided again.",
        )
        doubt = ContestInput(
            incident_id=step.incident_id,
            episode=step.episode,
            step_key=f"identity/not-enough/{digest([step.step_key])[:16]}",
            claims=(),
        )

        async def effect(running: Running) -> Effect[ContestResult]:
            result = ContestResult(step_key=doubt.step_key, refusal=said)
            return Effect(result, changes=(CloseDecisionTasks(AGREED, running.started_at),))

        await self.steps.run(
            doubt, StepKind.IDENTITY_CONTESTED, ContestResult, effect, origin=activity_origin()
        )
        raise StanchError(ErrorCode.PROOF_IN_DOUBT, said.message)
