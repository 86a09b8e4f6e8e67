"""Every method of the port, against the wallet's own word."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest

from adapters.wallet.contract import HttpWallet
from models.contracts.wallet import InFlightState, StageLimits
from models.errors import ErrorCode, StanchError, WalletRefusal
from models.ids import new_id
from models.names import PaymentKind, Scope, SecurityItem
from tests.running_sandbox import RunningSandbox


def restriction() -> str:
    return f"{new_id()}/1/full"


async def test_a_restriction_stands_and_its_release_names_it(
    sandbox: RunningSandbox, wallet: HttpWallet
) -> None:
    account_id, name = sandbox.account(), restriction()
    receipt = await wallet.place_restriction(account_id, name, Scope.FULL, key=name)
    assert receipt.idempotency_key == name
    assert receipt.account_id == account_id
    state = await wallet.account(account_id)
    assert [each.restriction_id for each in state.restrictions] == [name]
    assert name in {each.restriction_id for each in await wallet.restrictions()}
    released = await wallet.release_restrictions(account_id, [name], "a test", key=f"{name}/release")
    assert released.result == {"ended": [name], "still_standing": []}
    assert (await wallet.account(account_id)).restrictions == ()


async def test_what_was_done_under_a_key_is_told_afterwards_and_nothing_of_what_was_not(
    sandbox: RunningSandbox, wallet: HttpWallet
) -> None:
    account_id, name = sandbox.account(), restriction()
    assert await wallet.receipt(name) is None
    sandbox.fault("POST /v1/accounts/[^/]+/restrictions$", "lost_answer")
    with pytest.raises(StanchError) as unheard:
        await wallet.place_restriction(account_id, name, Scope.FULL, key=name)
    assert unheard.value.code is ErrorCode.WALLET_UNREACHABLE
    told = await wallet.receipt(name)
    assert told == await wallet.place_restriction(account_id, name, Scope.FULL, key=name)
    sandbox.fault("GET /v1/receipts/", "error")
    with pytest.raises(StanchError) as unknown:
        await wallet.receipt(name)
    assert unknown.value.code is ErrorCode.WALLET_UNREACHABLE, "no answer is not a no"


async def test_an_ended_restriction_never_comes_back(sandbox: RunningSandbox, wallet: HttpWallet) -> None:
    account_id, name = sandbox.account(), restriction()
    await wallet.release_restrictions(account_id, [name], "a test", key=f"{name}/release")
    with pytest.raises(WalletRefusal) as refused:
        await wallet.place_restriction(account_id, name, Scope.FULL, key=name)
    assert refused.value.code is ErrorCode.WALLET_REFUSED
    assert refused.value.wallet_code == "restriction_ended"


async def test_an_unknown_account_has_its_own_code(wallet: HttpWallet) -> None:
    name = restriction()
    with pytest.raises(WalletRefusal) as refused:
        await wallet.place_restriction("nobody", name, Scope.FULL, key=name)
    assert refused.value.code is ErrorCode.ACCOUNT_UNKNOWN
    with pytest.raises(StanchError) as read:
        await wallet.account("nobody")
    assert read.value.code is ErrorCode.ACCOUNT_UNKNOWN


async def test_a_hold_is_placed_shrunk_and_released(sandbox: RunningSandbox, wallet: HttpWallet) -> None:
    account_id, hold_id = sandbox.rich_account(50_000), f"{new_id()}/1/hold/1"
    until = datetime.now(UTC) + timedelta(hours=1)
    placed = await wallet.place_hold(account_id, hold_id, "CNY", 40_000, until, key=hold_id)
    assert placed.result["placed_amount"] == 40_000
    standing = {each.hold_id: each for each in await wallet.holds()}
    assert standing[hold_id].amount == 40_000
    shrunk = await wallet.shrink_hold(hold_id, 15_000, key=f"{hold_id}/shrink")
    assert shrunk.result["amount"] == 15_000
    released = await wallet.release_hold(hold_id, "a test", key=f"{hold_id}/release")
    assert released.result["amount"] == 0
    assert hold_id not in {each.hold_id for each in await wallet.holds()}


async def test_a_hold_nobody_placed_is_refused_by_code(wallet: HttpWallet) -> None:
    with pytest.raises(WalletRefusal) as refused:
        await wallet.release_hold("never/placed", "a test", key=new_id())
    assert refused.value.wallet_code == "hold_unknown"
    assert refused.value.code is ErrorCode.WALLET_REFUSED


async def test_lists_are_read_to_their_end(
    sandbox: RunningSandbox, wallet: HttpWallet, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("adapters.wallet.contract.PAGE", 2)
    names = [restriction() for _ in range(5)]
    for name in names:
        await wallet.place_restriction(sandbox.account(), name, Scope.OUTGOING, key=name)
    listed = [each.restriction_id for each in await wallet.restrictions()]
    assert set(names) <= set(listed)
    assert len(listed) == len(set(listed))


async def test_each_item_is_reset_with_a_receipt(sandbox: RunningSandbox, wallet: HttpWallet) -> None:
    account_id = sandbox.account()
    since = datetime.now(UTC) - timedelta(days=1)
    for item in SecurityItem:
        receipt = await wallet.reset_item(account_id, item, since, key=f"{new_id()}/1/reset/{item}")
        assert receipt.result["item"] == item.value
    state = await wallet.account(account_id)
    assert set(state.security) == set(SecurityItem)


async def test_an_owner_link_goes_to_a_standing_contact(sandbox: RunningSandbox, wallet: HttpWallet) -> None:
    account_id = sandbox.account()
    contact = (await wallet.account(account_id)).contact_points[0]
    until = datetime.now(UTC) + timedelta(hours=1)
    receipt = await wallet.owner_link(account_id, contact.id, until, key=new_id())
    assert set(receipt.result) == {"link_id", "asks_confirmation"}
    assert receipt.result["asks_confirmation"] is False
    asking = await wallet.owner_link(account_id, contact.id, until, key=new_id(), confirmation="49301127")
    assert asking.result["asks_confirmation"] is True
    links = (await wallet.account(account_id)).owner_links
    assert links is not None
    assert [(each.link_id, each.ended_at is None) for each in links] == [
        (receipt.result["link_id"], False),
        (asking.result["link_id"], True),
    ]
    with pytest.raises(WalletRefusal) as refused:
        await wallet.owner_link(account_id, "no-such-contact", until, key=new_id())
    assert refused.value.wallet_code == "contact_point_unknown"


async def test_payments_in_flight_are_listed_page_by_page_and_stopped(
    sandbox: RunningSandbox, wallet: HttpWallet, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("adapters.wallet.contract.PAGE", 2)
    account_id = sandbox.account()
    owner, since = sandbox.owner(account_id), datetime.now(UTC)
    ordered = {owner.order("scheduled_payment", "mer-001", 50 + each, seconds=3600) for each in range(3)}
    listed = {each.payment_id: each for each in await wallet.payments(account_id, since)}
    assert set(listed) == ordered
    one = ordered.pop()
    assert (listed[one].kind, listed[one].state) == (PaymentKind.SCHEDULED_PAYMENT, InFlightState.PENDING)
    receipt = await wallet.stop_payment(one, key=f"{new_id()}/1/payments/stop/{one}")
    assert (receipt.account_id, receipt.result) == (account_id, {"payment_id": one, "stopped": True})
    listed = {each.payment_id: each for each in await wallet.payments(account_id, since)}
    assert listed[one].state is InFlightState.STOPPED
    with pytest.raises(WalletRefusal) as refused:
        await wallet.stop_payment("pay-nobody", key=new_id())
    assert refused.value.wallet_code == "payment_unknown"


async def test_stage_limits_are_placed_and_lifted(sandbox: RunningSandbox, wallet: HttpWallet) -> None:
    account_id, stage = sandbox.account(), f"{new_id()}/stage"
    limits = StageLimits(
        stage_id=stage,
        outgoing_per_day={"CNY": 50_000},
        outgoing_total_blocked=False,
        new_payees_allowed=False,
        withdrawals_allowed=False,
    )
    placed = await wallet.place_stage(account_id, limits, key=f"{stage}/place")
    assert placed.result["stage_id"] == stage
    lifted = await wallet.lift_stage(account_id, stage, key=f"{stage}/lift")
    assert lifted.result["lifted"] is True
