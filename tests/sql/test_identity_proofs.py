"""What a proof may rely on when it is recorded: a verdict that came in between wins."""

from __future__ import annotations

from datetime import timedelta

import pytest

from activities.changes import EndClaimOfImpostor, MoveIncident, RecordEvidence, RecordProof
from activities.identity_changes import WithdrawClaim
from adapters.sql.identity_claims import SqlIdentityClaims
from models.contracts.alarms import AcceptedAlarm
from models.contracts.identity import UNCLAIMED, Claim, FactorKind, Presented
from models.errors import ErrorCode, StanchError
from models.ids import new_id
from models.lifecycle import Event, Status
from models.names import Role, StepKind
from tests.sql.house import House, compromised, now

OLD = timedelta(days=90)
RIGHT = "49301127"


async def claim(house: House, accepted: AcceptedAlarm) -> Claim:
    opened = Claim(
        claim_id=new_id(),
        incident_id=accepted.incident_id,
        episode=accepted.episode,
        opened_by=(await house.operator(Role.AGENT)).operator_id,
        opened_at=now(),
        expires_at=now() + timedelta(days=1),
    )
    await SqlIdentityClaims(house.engine).open(opened, new_id())
    return opened


async def show(house: House, claimant: Claim, kind: FactorKind, reference: str) -> None:
    shown = Presented(kind=kind, reference=reference, set_at=now() - OLD)
    await house.do(
        claimant.incident_id,
        1,
        f"identity/factor/{kind}/{claimant.claim_id}",
        StepKind.FACTOR,
        (RecordEvidence(claimant.claim_id, shown, now()),),
    )


async def prove(house: House, claimant: Claim | AcceptedAlarm, *factors: str) -> None:
    claim_id = claimant.claim_id if isinstance(claimant, Claim) else None
    proof = RecordProof(factors, now() - 2 * OLD, now(), claim_id)
    await house.do(
        claimant.incident_id,
        1,
        "identity/proof/1",
        StepKind.VERIFY_IDENTITY,
        (proof, MoveIncident(Event.IDENTITY_PROVEN)),
    )


async def code(house: House, accepted: AcceptedAlarm) -> str:
    """A code that was sent to the old phone; its challenge."""
    challenge_id = new_id()
    await house.challenges.prepare(
        challenge_id=challenge_id,
        incident_id=accepted.incident_id,
        episode=1,
        contact_id="phone-1",
        channel="phone",
        contact_set_at=now() - OLD,
        round_number=1,
        code=RIGHT,
        sent_at=now(),
        expires_at=now() + timedelta(minutes=10),
        attempts_allowed=5,
    )
    return challenge_id


async def test_a_proof_judged_before_the_verdict_is_not_recorded_after_it(house: House) -> None:
    accepted = await house.frozen(house.trigger())
    thiefs = await claim(house, accepted)
    await show(house, thiefs, FactorKind.TOTP, "app-1")
    verdict = (EndClaimOfImpostor(thiefs.claim_id, now()),)
    await house.do(accepted.incident_id, 1, "approval/1", StepKind.DECISION, verdict)
    with pytest.raises(StanchError) as refused:
        await prove(house, thiefs, "totp:app-1", "recovery_code:saved-1")
    assert refused.value.matches(ErrorCode.INTERNAL)
    assert await house.rows("SELECT 1 FROM proof") == []
    assert (await house.facts(accepted)).status is Status.PROTECTED


async def test_what_fell_while_it_was_looked_at_proves_nothing(house: House) -> None:
    accepted = await house.frozen(house.trigger())
    owners = await claim(house, accepted)
    await show(house, owners, FactorKind.TOTP, "app-1")
    await show(house, owners, FactorKind.CALL_BACK, "phone-1")
    await code(house, accepted)
    with pytest.raises(StanchError) as unanswered:
        await prove(house, owners, "phone:phone-1", "totp:app-1")
    assert unanswered.value.matches(ErrorCode.INTERNAL)
    earlier = compromised(now() - OLD - timedelta(days=1), voids=True)
    await house.do(accepted.incident_id, 1, "alarm/earlier", StepKind.ALARM, (earlier,))
    with pytest.raises(StanchError) as fallen:
        # As if the wallet had said an older time of it: the row itself is void.
        await prove(house, owners, "totp:app-1", "call_back:phone-1")
    assert fallen.value.matches(ErrorCode.INTERNAL)
    assert await house.rows("SELECT 1 FROM proof") == []


async def test_a_number_that_was_called_needs_no_code(house: House) -> None:
    accepted = await house.frozen(house.trigger())
    owners = await claim(house, accepted)
    await show(house, owners, FactorKind.CALL_BACK, "phone-1")
    await prove(house, owners, "call_back:phone-1", "email:email-1")
    assert len(await house.rows("SELECT 1 FROM proof")) == 1


async def test_whoever_else_had_shown_something_when_the_owner_was_proven_is_told_of(house: House) -> None:
    accepted = await house.frozen(house.trigger())
    owners, thiefs, withdrawn = [await claim(house, accepted) for _ in range(3)]
    await show(house, owners, FactorKind.PASSKEY, "key-1")
    await show(house, thiefs, FactorKind.TOTP, "app-1")
    await show(house, withdrawn, FactorKind.TOTP, "app-1")
    mistake = (WithdrawClaim(withdrawn.claim_id, now(), alone=False),)
    await house.do(accepted.incident_id, 1, "approval/1", StepKind.DECISION, mistake)
    alone = (WithdrawClaim(thiefs.claim_id, now(), alone=True),)
    with pytest.raises(StanchError) as refused:
        await house.do(accepted.incident_id, 1, "identity/withdraw/x", StepKind.WITHDRAW_CLAIM, alone)
    assert refused.value.matches(ErrorCode.REFUSED_BY_RULE)
    await prove(house, owners, "passkey:key-1", "document:session-1")
    subjects = await house.rows("SELECT subject FROM staff_alert WHERE kind = 'identity_contested'")
    assert [tuple(each) for each in subjects] == [(f"{accepted.incident_id}/1/{thiefs.claim_id}",)]


async def test_whoever_answered_without_a_claim_can_be_named_and_their_proof_falls(house: House) -> None:
    """As codes were answered until every such answer opened a claim."""
    accepted = await house.frozen(house.trigger())
    asked = await code(house, accepted)
    assert (await house.challenges.answer(asked, RIGHT, now()))[0] == "accepted"
    claims = SqlIdentityClaims(house.engine)
    assert await claims.unclaimed(accepted.incident_id, 1)
    await prove(house, accepted, "phone:phone-1", "email:email-1")
    verdict = (EndClaimOfImpostor(UNCLAIMED, now()),)
    await house.do(accepted.incident_id, 1, "approval/1", StepKind.DECISION, verdict)
    assert not await house.incidents.proven(accepted.incident_id, 1)
    assert (await house.facts(accepted)).status is Status.PROTECTED
    assert await house.incidents.impostor_found(accepted.incident_id)
    assert await house.challenges.answered(accepted.incident_id, 1) == []
    assert not await claims.unclaimed(accepted.incident_id, 1)
    ((adopted,),) = await house.rows("SELECT claim_id FROM identity_challenge")
    found = await claims.find(adopted)
    assert found is not None
    assert (found.ending, found.opened_by) == ("impostor", None)
