"""The difference undone is the state of before, whatever was done to the account and however often it is looked at."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from activities.difference import LISTED, carried_out, counted, difference, merged, receipts_words, why
from models.contracts.security import EntryChange, EntryDone, ItemDifference
from models.contracts.wallet import AccountState
from models.masking import masked_text
from models.names import Happened, SecurityItem, Treatment
from models.reset_order import RESET_ORDER, before, in_order

pytestmark = pytest.mark.fast

SINCE = datetime(2026, 3, 1, 10, tzinfo=UTC)
UNDONE = (SecurityItem.PAYEES, SecurityItem.LIMITS, SecurityItem.CONTACTS, SecurityItem.MANDATES)
"""Items that go back to exactly what they were."""


@dataclass
class Account:
    """One security item of an account, as a wallet keeps it: nothing is ever forgotten."""

    entries: dict[str, dict[str, Any]] = field(default_factory=dict)

    @property
    def active(self) -> set[str]:
        return {name for name, entry in self.entries.items() if entry["ended_at"] is None}

    def add(self, at: datetime, previous: str | None = None) -> None:
        name = f"e{len(self.entries)}"
        former = self.entries.get(previous or "")
        self.entries[name] = {
            "id": name,
            "label": f"thing {name}",
            "set_at": at,
            "ended_at": None,
            "previous": None if former is None else {k: former[k] for k in ("id", "label", "set_at")},
        }

    def end(self, name: str, at: datetime, by: str) -> None:
        self.entries[name] |= {"ended_at": at, "ended_by": by}

    def do(self, what: str, which: int, at: datetime) -> None:
        standing = sorted(self.active)
        if what == "add" or not standing:
            self.add(at)
            return
        name = standing[which % len(standing)]
        self.end(name, at, "replaced" if what == "replace" else "customer")
        if what == "replace":
            self.add(at, previous=name)

    def state(self, item: SecurityItem) -> AccountState:
        shown = [
            {**entry, "active": entry["ended_at"] is None, "last_used_at": None}
            for entry in self.entries.values()
        ]
        return AccountState.model_validate(
            {
                "account_id": "acc-1",
                "status": "active",
                "real_name_state": "verified",
                "read_at": SINCE,
                "balances": [],
                "restrictions": [],
                "contact_points": [],
                "security": {item: shown},
            }
        )

    def compared(self, item: SecurityItem) -> ItemDifference:
        return next(each for each in difference(self.state(item), SINCE) if each.item is item)


deeds = st.lists(st.tuples(st.sampled_from(["add", "replace", "remove"]), st.integers(0, 9)), max_size=8)


def played(old: list[tuple[str, int]], new: list[tuple[str, int]]) -> tuple[Account, set[str]]:
    """An account with a history before the compromise time and one since; and what stood at that time."""
    account = Account()
    for number, (what, which) in enumerate(old):
        account.do(what, which, SINCE - timedelta(hours=len(old) - number))
    stood = account.active
    for number, (what, which) in enumerate(new):
        account.do(what, which, SINCE + timedelta(minutes=number))
    return account, stood


def undo(account: Account, found: ItemDifference, at: datetime) -> list[EntryDone]:
    """Do what the difference says, as a wallet would; its receipt."""
    done: dict[str, str] = {}
    for row in found.changes:
        there = account.entries[row.entry_id]["ended_at"] is None
        if there and row.treatment in {Treatment.REVOKED, Treatment.RESTORED}:
            account.end(row.entry_id, at, "reset")
            done[row.entry_id] = "removed"
        if row.treatment is Treatment.RESTORED:
            name = row.entry_id if row.happened is Happened.REMOVED else str(row.before_id)
            account.entries[name] |= {"ended_at": None, "ended_by": None}
            done[name] = "restored"
    return [EntryDone(entry_id=name, change=word) for name, word in done.items()]


@given(old=deeds, new=deeds, item=st.sampled_from(UNDONE))
def test_undoing_the_difference_gives_the_state_of_before(
    old: list[tuple[str, int]], new: list[tuple[str, int]], item: SecurityItem
) -> None:
    account, stood = played(old, new)
    found = account.compared(item)
    if not new:
        assert (found.added, found.changed, found.removed) == (0, 0, 0)
    undo(account, found, SINCE + timedelta(hours=1))
    assert account.active == stood


@given(old=deeds, new=deeds, item=st.sampled_from(list(SecurityItem)))
def test_every_entry_is_told_once_and_what_was_touched_is_what_is_new_or_gone(
    old: list[tuple[str, int]], new: list[tuple[str, int]], item: SecurityItem
) -> None:
    account, stood = played(old, new)
    rows = {row.entry_id: row for row in account.compared(item).changes}
    assert len(rows) == len(account.compared(item).changes)
    young = {name for name, entry in account.entries.items() if entry["set_at"] >= SINCE}
    assert {name for name, row in rows.items() if row.happened in {Happened.ADDED, Happened.CHANGED}} == young
    assert {
        name for name, row in rows.items() if row.happened is Happened.UNCHANGED
    } == stood & account.active
    told_before = {row.before_id for row in rows.values()}
    assert stood - account.active <= set(rows) | told_before, (
        "what is gone is told, as removed or as replaced"
    )
    assert all(why(item, row).endswith(".") for row in rows.values())


@given(old=deeds, new=deeds, item=st.sampled_from(UNDONE))
def test_a_comparison_after_the_reset_hides_nothing_that_one_before_it_saw(
    old: list[tuple[str, int]], new: list[tuple[str, int]], item: SecurityItem
) -> None:
    account, _ = played(old, new)
    first = account.compared(item)
    receipt = undo(account, first, SINCE + timedelta(hours=1))
    again = account.compared(item)
    (whole,) = (each for each in merged([[first], [again]]) if each.item is item)
    assert whole == first
    done = carried_out(whole, receipts_words([(item, receipt)]).get(item, {}))
    assert [row.treatment for row in done.changes] == [row.treatment for row in first.changes]
    assert all(row.done for row in done.changes)
    assert merged([[whole]]) == merged([[whole], [whole]])


def row(**more: Any) -> EntryChange:
    usual = {"entry_id": "e", "label": "x", "happened": Happened.ADDED, "at": SINCE, "treatment": "revoked"}
    return EntryChange.model_validate(usual | more)


def test_what_the_receipt_says_wins_over_the_plan() -> None:
    found = counted(SecurityItem.PAYEES, [row(), row(entry_id="f", before_id="old", treatment="restored")])
    done = carried_out(found, {"e": "renewed", "f": "removed"})
    assert [each.treatment for each in done.changes] == [Treatment.RENEWED, Treatment.REVOKED]
    unknown = carried_out(found, {"e": "a word we do not know"})
    assert unknown.changes[0].treatment is Treatment.REVOKED


def test_a_time_turned_back_is_seen_and_a_pending_password_is_not_the_thiefs() -> None:
    account = Account()
    account.add(SINCE - timedelta(days=1))
    account.entries["e0"]["changed_at"] = SINCE + timedelta(minutes=1)
    (only,) = account.compared(SecurityItem.PAYEES).changes
    assert (only.happened, only.treatment, only.at) == (
        Happened.CHANGED,
        Treatment.REVOKED,
        SINCE + timedelta(minutes=1),
    )
    account.add(SINCE + timedelta(hours=1), previous="e0")
    account.entries["e1"]["label"] = "must_renew"
    assert [each.entry_id for each in account.compared(SecurityItem.PASSWORD).changes] == ["e0"]


def test_a_flood_of_entries_is_counted_whole_and_listed_by_the_page() -> None:
    account = Account()
    for number in range(LISTED + 50):
        account.add(SINCE + timedelta(seconds=number))
    found = account.compared(SecurityItem.PAYEES)
    assert (found.added, len(found.changes), found.more) == (LISTED + 50, LISTED, 50)
    (whole,) = (each for each in merged([[found], [found]]) if each.item is SecurityItem.PAYEES)
    assert (whole.added, whole.more) == (LISTED + 50, 50)


@pytest.mark.parametrize(
    ("said", "shown"),
    [
        ("mail sara.wei@mail.example", "mail s***@mail.example"),
        ("phone +86 138 0000 1187", "phone ***87"),
        ("card 6222-0212-3456-7890 of hers", "card ***90 of hers"),
        ("phone +86*******1187", "phone +86*******1187"),
        ("card ending 4821", "card ending 4821"),
        ("outgoing per day CNY", "outgoing per day CNY"),
    ],
)
def test_labels_show_no_address_and_no_number(said: str, shown: str) -> None:
    assert masked_text(said) == shown


def test_the_order_has_every_item_once_and_none_before_what_it_waits_for() -> None:
    order = in_order()
    assert sorted(order) == sorted(SecurityItem)
    for item in RESET_ORDER:
        assert all(order.index(first) < order.index(item) for first in before(item))
    for dies in (SecurityItem.SESSIONS, SecurityItem.REFRESH_TOKENS):
        assert order.index(SecurityItem.PASSWORD) < order.index(dies)
    assert order.index(SecurityItem.PAYEES) < order.index(SecurityItem.LIMITS)
