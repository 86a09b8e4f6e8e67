"""How a story is told: sums, lines told together, the money's way."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest

from cli.demo.events import Event, Kind, Small, Who, told_together
from cli.demo.flow import by_hop, last_trace
from models.money import sum_of_money
from tracing.edges import Edge

pytestmark = pytest.mark.fast

START = datetime(2026, 1, 31, tzinfo=UTC)


def at(seconds: float) -> datetime:
    return START + timedelta(seconds=seconds)


@pytest.mark.parametrize(
    ("amount", "currency", "text"),
    [
        (123450, "CNY", "1,234.50 CNY"),
        (7, "EUR", "0.07 EUR"),
        (1234, "JPY", "1,234 JPY"),
        (1234567, "KWD", "1,234.567 KWD"),
        (-5, "SEK", "-0.05 SEK"),
        (2**63, "XXX", "92,233,720,368,547,758.08 XXX"),
    ],
)
def test_sums_are_exact(amount: int, currency: str, text: str) -> None:
    assert sum_of_money(amount, currency) == text


def test_small_events_are_told_together_at_the_last_of_them_and_the_others_in_order() -> None:
    def moved(seconds: float, amount: int, currency: str = "CNY") -> Event:
        small = Small(
            kind=Kind.TAKEN_OUT, currency=currency, amount=amount, word="cash" if amount > 1 else "fee"
        )
        return Event(at=at(seconds), who=Who.THIEF, small=small)

    frozen = Event(at=at(2), who=Who.STANCH, text="account frozen")
    told = told_together([moved(3, 500), frozen, moved(1, 1), moved(2.5, 900, "USD")])
    assert [(event.at, event.text) for event in told] == [
        (at(2), "account frozen"),
        (at(2.5), "takes 9.00 USD out of the wallet: cash"),
        (at(3), "takes 5.01 CNY out of the wallet: cash, fee"),
    ]


def test_the_moneys_way_counts_transfers_once_and_names_the_exits() -> None:
    def edge(seq: int, dst: str, kind: str, units: tuple[int, int], hop: int) -> Edge:
        return Edge(seq, f"t{seq}", "src", dst, kind, *units, 0, hop)

    way = by_hop(
        [
            edge(1, "mule", "wallet", (0, 100), 0),
            edge(2, "atm", "cash", (0, 30), 1),
            edge(2, "atm", "cash", (40, 50), 1),
            edge(3, "second", "wallet", (50, 70), 1),
        ]
    )
    assert way == [
        {"hop": 0, "transfers": 1, "accounts": 1, "amount": 100, "left_wallet": {}},
        {"hop": 1, "transfers": 2, "accounts": 2, "amount": 60, "left_wallet": {"cash": 40}},
    ]


def test_the_last_trace_of_a_currency_is_the_one_shown() -> None:
    def step(kind: str, currency: str, trace: str) -> dict[str, object]:
        return {"kind": kind, "result": {"summary": {"currency": currency, "trace_id": trace}}}

    steps: list[dict[str, object]] = [
        step("trace", "CNY", "a"),
        step("trace", "CNY", "b"),
        step("trace", "USD", "c"),
        {"kind": "freeze", "result": {}},
    ]
    assert last_trace(steps, "CNY") == "b"
    assert last_trace(steps, "EUR") is None
