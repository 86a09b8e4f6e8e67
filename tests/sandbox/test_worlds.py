"""Worlds: the same seed gives the same one, and somebody else's ledger is taken as it is or not at all."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from typing import Any

import httpx2
import pytest

from cli.embedded.ports import free_port
from sandbox.world.seeded import make_world
from tests.conftest import Databases
from tests.running_sandbox import RunningSandbox, run_sandbox

BASE = datetime(2026, 1, 15, 12, tzinfo=UTC)


@pytest.fixture(scope="module")
def world(databases: Databases) -> Iterator[RunningSandbox]:
    """A sandbox whose world may be replaced."""
    with databases.sandbox() as database_url, run_sandbox(database_url, free_port()) as running:
        yield running


def load(sandbox: RunningSandbox, lines: list[dict[str, Any]]) -> httpx2.Response:
    content = "\n".join(json.dumps(line) for line in lines).encode()
    headers = {"Authorization": f"Bearer {sandbox.admin_key}"}
    return sandbox.client.post("/sandbox/ledger", content=content, headers=headers)


def account(name: str, opening: int, inferred: int = 0, kind: str = "wallet") -> dict[str, Any]:
    told = {"id": name, "kind": kind, "currency": "CNY", "opening": opening, "inferred": inferred}
    return {"account": told}


def transfer(number: int, src: str, dst: str, amount: Any, **more: Any) -> dict[str, Any]:
    at = (BASE + timedelta(minutes=number)).isoformat()
    told = {
        "transfer_id": str(number),
        "src": src,
        "dst": dst,
        "amount": amount,
        "currency": "CNY",
        "posted_at": at,
    }
    return {"transfer": {**told, **more}}


@pytest.mark.fast
def test_the_same_seed_gives_the_same_ids_and_amounts_at_any_time() -> None:
    one, later = make_world(5, BASE), make_world(5, BASE + timedelta(days=3))
    assert [row[:8] for row in one.transfer] == [row[:8] for row in later.transfer]
    assert one.balance == later.balance
    assert [row[:2] for row in one.security_entry] == [row[:2] for row in later.security_entry]
    assert one.summary["victim"] == later.summary["victim"]
    assert later.transfer[0][8] - one.transfer[0][8] == timedelta(days=3)
    assert make_world(6, BASE).transfer[:5] != one.transfer[:5]


@pytest.mark.fast
def test_a_seeded_world_is_heavy_tailed_and_never_below_zero() -> None:
    rows = make_world(5, BASE)
    assert len([row for row in rows.account if row[1] == "wallet"]) == 2000
    assert len(rows.transfer) == 20_000
    assert {row[5] for row in rows.transfer} == {
        "wallet",
        "merchant",
        "bank",
        "cash",
        "card",
        "crypto",
        "fee",
    }
    running = {row[:2]: row[3] for row in rows.balance}
    for _, _, src, dst, src_kind, dst_kind, amount, currency, *_ in rows.transfer:
        if src_kind == "wallet":
            running[src, currency] -= amount
            assert running[src, currency] >= 0
        if dst_kind == "wallet":
            running[dst, currency] += amount
    assert running == {row[:2]: row[5] for row in rows.balance}
    spent = Counter(row[2] for row in rows.transfer if row[4] == "wallet").most_common()
    assert sum(count for _, count in spent[:100]) > 0.3 * sum(count for _, count in spent)
    times = [row[8] for row in rows.transfer]
    assert times == sorted(times)
    assert BASE - timedelta(days=90) <= times[0] <= times[-1] <= BASE


@pytest.mark.fast
def test_the_likely_victim_has_money_and_two_old_contacts() -> None:
    for seed in range(5):
        rows = make_world(seed, BASE)
        victim = rows.summary["victim"]
        assert victim["balance"] >= 8_000_000
        contacts = [
            row for row in rows.security_entry if row[1] == victim["account_id"] and row[2] == "contacts"
        ]
        assert {row[3] for row in contacts} == {"phone", "email"}
        assert all(row[7] < BASE - timedelta(days=90) for row in contacts)
        young = [row for row in rows.security_entry if row[7] > BASE - timedelta(days=40)]
        assert {row[2] for row in young} <= {"sessions", "refresh_tokens"}


def test_another_world_forgets_the_one_before(world: RunningSandbox) -> None:
    world.seed(1)
    world.restrict("acc-0001", "forget/1/full").raise_for_status()
    again = world.seed(1)
    assert again == world.control("GET", "/world")
    assert world.state("acc-0001")["restrictions"] == []
    assert world.ask("GET", "/v1/receipts/forget/1/full").status_code == 404
    assert world.control("GET", "/books")["balanced"]


def test_a_ledger_keeps_its_ids_and_its_customers_can_be_robbed(world: RunningSandbox) -> None:
    lines = [
        account("17", 90_000, 500),
        account("18", 0),
        account("shop", 0, kind="merchant"),
        transfer(1, "17", "18", 40_000),
        transfer(2, "18", "shop", 10_000),
        transfer(3, "18", "18", 5),
        transfer(4, "-2", "18", 7, status="ignored"),
        transfer(5, "18", "-1", 3),
    ]
    summary = load(world, lines).raise_for_status().json()
    assert (summary["transfers"], summary["head_seq"], summary["victim"]) == (5, 5, None)
    page = world.ask("GET", "/v1/transfers", params={"after_seq": 0}).json()
    assert [one["transfer_id"] for one in page["transfers"]] == ["1", "2", "3", "4", "5"]
    assert [(one["src_kind"], one["dst_kind"]) for one in page["transfers"]][1:4] == [
        ("wallet", "merchant"),
        ("wallet", "wallet"),
        ("outside", "wallet"),
    ]
    openings = {one["account_id"]: one for one in world.ask("GET", "/v1/openings").json()["openings"]}
    assert openings["17"] == {
        "account_id": "17",
        "kind": "wallet",
        "currency": "CNY",
        "amount": 90_000,
        "inferred": 500,
    }
    assert openings["shop"]["kind"] == "merchant"
    assert world.balance("18")["balance"] == 30_004
    contacts = world.state("17")["contact_points"]
    assert {one["kind"] for one in contacts} == {"phone", "email"}
    assert all(datetime.fromisoformat(one["set_at"]) < BASE for one in contacts)
    theft = world.steal("17", [1000, 1000, 1000])
    assert len(theft.transfers) == 3
    assert world.control("GET", "/books")["balanced"]


@pytest.mark.parametrize(
    "line",
    [
        transfer(1, "17", "18", 0),
        transfer(1, "17", "18", -5),
        transfer(1, "17", "18", 2**63),
        transfer(1, "17", "18", 1.5),
        transfer(1, "17", "18", "5"),
        transfer(1, "17", "18", 101),
        transfer(1, "", "18", 5),
        transfer(1, "a/b", "18", 5),
        {"transfer": {"transfer_id": "1"}},
        {"something": {}},
        account("17", 5),
        account("19", -5),
        account("19", 5, 6),
        account("19", 5, kind="planet"),
    ],
)
def test_a_ledger_with_a_wrong_line_is_refused_whole(world: RunningSandbox, line: dict[str, Any]) -> None:
    good = [account("17", 100), account("18", 0)]
    load(world, [*good, transfer(9, "17", "18", 1)]).raise_for_status()
    refused = load(world, [*good, transfer(8, "17", "18", 0 + 2), line])
    if line == transfer(1, "17", "18", 101):
        assert "below zero" in refused.json()["detail"]
    assert (refused.status_code, refused.json()["code"]) == (422, "ledger_invalid")
    assert "Line 4" in refused.json()["detail"]
    assert world.balance("18")["balance"] == 1


def test_a_sum_may_exceed_what_one_transfer_can_carry(world: RunningSandbox) -> None:
    most = 2**63 - 1
    lines = [
        account("17", 2 * most),
        account("18", most),
        transfer(1, "17", "18", most),
        transfer(2, "17", "18", most),
    ]
    load(world, lines).raise_for_status()
    assert world.balance("18")["balance"] == 3 * most
    assert world.hold("18", "big/1", most).json()["result"]["placed_amount"] == most
    assert world.balance("18")["available"] == 2 * most


def test_the_admin_side_wants_its_own_key(world: RunningSandbox) -> None:
    for key in ("", world.wallet_key, "wrong"):
        answer = world.client.get("/sandbox/world", headers={"Authorization": f"Bearer {key}x"})
        assert (answer.status_code, answer.json()["code"]) == (401, "unauthenticated")
