"""What must stand before protection is lifted, and what an earlier compromise time takes away."""

from __future__ import annotations

import asyncio
from datetime import timedelta
from typing import Any

import pytest

from activities.changes import (
    Change,
    CloseIncident,
    MoveIncident,
    RecordProof,
    RecordReset,
)
from activities.ending_changes import RecordClosure, RecordDestination
from activities.freeze import freeze_step_key
from activities.payment_changes import PaymentSettled
from models.contracts.closure import ProvenDestination, WalletDestination
from models.contracts.security import FoundPayment
from models.errors import ErrorCode, StanchError
from models.lifecycle import Event, Status
from models.names import (
    Outcome,
    PaymentKind,
    PaymentState,
    SecurityItem,
    StepKind,
)
from tests.sql.house import House, compromised, now


async def test_lifting_refuses_while_an_alarm_waits_and_records_no_intent(house: House) -> None:
    accepted = await house.accept(house.trigger())
    await house.freeze(accepted)
    attempts = await house.scalar("SELECT count(*) FROM step_attempt")
    with pytest.raises(StanchError) as refused:
        await house.do(accepted.incident_id, 1, "r", StepKind.RELEASE, lifting=Event.RELEASE_INTENDED)
    assert refused.value.matches(ErrorCode.ALARM_WAITING)
    assert await house.scalar("SELECT count(*) FROM step_attempt") == attempts
    assert (await house.facts(accepted)).status is Status.FROZEN


async def test_a_return_needs_the_proof_and_every_receipt(house: House) -> None:
    accepted = await house.frozen(house.trigger())
    await house.ready_to_return(accepted, leave_out=SecurityItem.FORWARDING)
    with pytest.raises(StanchError) as refused:
        await house.do(accepted.incident_id, 1, "r", StepKind.RELEASE, lifting=Event.RETURN_INTENDED)
    assert refused.value.matches(ErrorCode.RESET_INCOMPLETE)
    assert "forwarding" in refused.value.message
    assert (await house.facts(accepted)).status is Status.RESET
    since = (await house.facts(accepted)).compromised_since
    assert since is not None
    too_late = RecordReset(SecurityItem.FORWARDING, "rc", since + timedelta(seconds=1), now())
    await house.do(accepted.incident_id, 1, "reset/late", StepKind.RESET_ITEM, (too_late,))
    with pytest.raises(StanchError):
        await house.do(accepted.incident_id, 1, "r", StepKind.RELEASE, lifting=Event.RETURN_INTENDED)
    enough = RecordReset(SecurityItem.FORWARDING, "rc", since, now())
    await house.do(accepted.incident_id, 1, "reset/forwarding", StepKind.RESET_ITEM, (enough,))
    await house.do(accepted.incident_id, 1, "r", StepKind.RELEASE, lifting=Event.RETURN_INTENDED)
    assert (await house.facts(accepted)).status is Status.RETURNING
    assert set(await house.incidents.receipts(accepted.incident_id, 1, since)) == set(SecurityItem)


async def test_a_return_needs_a_look_at_payments_and_none_that_may_still_move_money(house: House) -> None:
    accepted = await house.frozen(house.trigger())
    await house.ready_to_return(accepted, look=False)
    since = (await house.facts(accepted)).compromised_since
    assert since is not None

    async def missing() -> str:
        with pytest.raises(StanchError) as refused:
            await house.do(accepted.incident_id, 1, "r", StepKind.RELEASE, lifting=Event.RETURN_INTENDED)
        assert refused.value.matches(ErrorCode.RESET_INCOMPLETE)
        return refused.value.message

    assert "a look for payments in flight" in await missing()
    await house.look_for_payments(accepted, "1", since + timedelta(seconds=1))
    assert "a look for payments in flight" in await missing(), "it did not go back far enough"
    found = FoundPayment(
        payment_id="pay-1",
        kind=PaymentKind.SCHEDULED_PAYMENT,
        label="wallet payee",
        to="acc-2",
        to_kind="wallet",
        amount=100,
        currency="CNY",
        authorised_at=since,
        due_at=since,
        state=PaymentState.FOUND,
    )
    kept = found.model_copy(update={"payment_id": "pay-2", "state": PaymentState.KEPT})
    await house.look_for_payments(accepted, "2", since, found, kept)
    assert "1 payment(s) in flight" in await missing()
    stopped = PaymentSettled("pay-1", PaymentState.STOPPED, "rcp-1", None, now())
    await house.do(accepted.incident_id, 1, "payments/stop/pay-1", StepKind.STOP_PAYMENT, (stopped,))
    # A slow look that still saw it pending takes nothing of that back.
    await house.look_for_payments(accepted, "3", since, found)
    await house.do(accepted.incident_id, 1, "r", StepKind.RELEASE, lifting=Event.RETURN_INTENDED)
    assert (await house.facts(accepted)).status is Status.RETURNING


async def test_an_earlier_compromise_time_voids_what_relied_on_anything_set_since(house: House) -> None:
    accepted = await house.frozen(house.trigger())
    await house.ready_to_return(accepted)
    since = (await house.facts(accepted)).compromised_since
    assert since is not None
    assert await house.incidents.proven(accepted.incident_id, 1)
    earlier = since - timedelta(days=1)
    await house.do(accepted.incident_id, 1, "a/1", StepKind.ALARM, (compromised(earlier, voids=True),))
    assert await house.incidents.proven(accepted.incident_id, 1), (
        "the contacts were older still: the proof stands"
    )
    assert await house.incidents.receipts(accepted.incident_id, 1, earlier) == {}
    with pytest.raises(StanchError) as refused:
        await house.do(accepted.incident_id, 1, "r", StepKind.RELEASE, lifting=Event.RETURN_INTENDED)
    assert refused.value.matches(ErrorCode.RESET_INCOMPLETE)
    before_contacts = since - timedelta(days=10)
    await house.do(
        accepted.incident_id, 1, "a/2", StepKind.ALARM, (compromised(before_contacts, voids=True),)
    )
    assert not await house.incidents.proven(accepted.incident_id, 1)


async def test_a_proof_that_relies_on_something_set_since_is_never_recorded(house: House) -> None:
    """The codes were answered before an alarm moved the compromise time, the proof is recorded after it."""
    accepted = await house.frozen(house.trigger())
    since = (await house.facts(accepted)).compromised_since
    assert since is not None
    proof = RecordProof(("phone:a", "email:b"), since, now())
    with pytest.raises(StanchError) as refused:
        await house.do(
            accepted.incident_id,
            1,
            "proof/1",
            StepKind.VERIFY_IDENTITY,
            (proof, MoveIncident(Event.IDENTITY_PROVEN)),
        )
    assert refused.value.matches(ErrorCode.INTERNAL), "worth repeating: the next look finds the codes void"
    assert await house.counts("proof") == {"proof": 0}
    assert (await house.facts(accepted)).status is Status.FROZEN


async def test_a_proof_and_an_earlier_compromise_time_at_once_never_leave_a_void_proof_standing(
    house: House,
) -> None:
    for number in range(10):
        accepted = await house.frozen(house.trigger(f"acc-{number}"))
        since = (await house.facts(accepted)).compromised_since
        assert since is not None
        proof: tuple[Change, ...] = (
            RecordProof(("phone:a", "email:b"), since - timedelta(hours=1), now()),
            MoveIncident(Event.IDENTITY_PROVEN),
        )
        await asyncio.gather(
            house.do(accepted.incident_id, 1, "proof/1", StepKind.VERIFY_IDENTITY, proof),
            house.do(
                accepted.incident_id,
                1,
                "a/1",
                StepKind.ALARM,
                (compromised(since - timedelta(hours=2), voids=True),),
            ),
            return_exceptions=True,
        )
        assert not await house.incidents.proven(accepted.incident_id, 1)


async def test_an_alarm_after_an_account_was_closed_out_of_its_stages_asks_nobody(house: House) -> None:
    """Its limits are not lifted yet, and the wallet can freeze nothing any more: that is how its owner wished it to end."""
    accepted = await house.frozen(house.trigger())
    incident_id = accepted.incident_id
    await house.ready_to_return(accepted)
    await house.do(incident_id, 1, "return/stage/1/1", StepKind.STAGE)
    await house.do(incident_id, 1, "r", StepKind.RELEASE, lifting=Event.RETURN_INTENDED)
    where = ProvenDestination(
        destination=WalletDestination(kind="wallet", account_id="acc-9"), how_proven="seen by video"
    )
    entered = (RecordDestination("D" * 26, where, now()),)
    await house.do(incident_id, 1, "ask/close", StepKind.ASK_DECISION, entered)
    closing: dict[str, Any] = {"lifting": Event.CLOSURE_INTENDED}
    await house.do(incident_id, 1, "c", StepKind.CLOSE_ACCOUNT, (RecordClosure("D" * 26, now()),), **closing)
    assert (await house.facts(accepted)).status is Status.RETURN_CLOSING
    again = await house.accept(house.trigger())
    assert again.episode == 2
    facts = await house.facts(again)
    assert (facts.status, facts.limits_left) == (Status.OPENED, False)
    refused = CloseIncident(Outcome.NOT_FROZEN, now(), {}, forced=True)
    await house.do(incident_id, 2, freeze_step_key(again.scope), StepKind.FREEZE, (refused,))
    ended = await house.facts(again)
    assert (ended.status, ended.outcome) == (Status.CLOSED, Outcome.ACCOUNT_CLOSED)

    # The limits of an account that nobody closed are another matter.
    other = await house.frozen(house.trigger())
    await house.ready_to_return(other)
    await house.do(other.incident_id, 1, "return/stage/1/1", StepKind.STAGE)
    await house.do(other.incident_id, 1, "r", StepKind.RELEASE, lifting=Event.RETURN_INTENDED)
    refrozen = await house.accept(house.trigger())
    assert (refrozen.incident_id, refrozen.episode) == (other.incident_id, 2)
    assert (await house.facts(refrozen)).limits_left
