"""Who may vouch for the owner is compared, reset and read back with the contacts, and shown in the check-up."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest

from activities.difference import carried_out, difference
from activities.security import what_is_missing
from models.contracts.resets import ReadBackInput
from models.contracts.wallet import AccountState, ContactKind, SecurityEntry, TrustedContact
from models.names import Happened, SecurityItem, Treatment
from use_cases.credential.check_up import recent_changes

pytestmark = pytest.mark.fast

SINCE = datetime(2026, 3, 1, 10, 0, tzinfo=UTC)
BEFORE, AFTER = SINCE - timedelta(days=90), SINCE + timedelta(minutes=1)


def trusted(name: str, set_at: datetime, **more: object) -> TrustedContact:
    fields = {"id": name, "kind": ContactKind.PHONE, "value": "+8613800001187", "set_at": set_at, **more}
    return TrustedContact.model_validate(fields)


def account(*contacts: TrustedContact) -> AccountState:
    own = SecurityEntry(id="own", label="phone +86***", set_at=BEFORE, active=True)
    return AccountState(
        account_id="acc-1",
        status="active",
        real_name_state="verified",
        read_at=AFTER,
        balances=(),
        restrictions=(),
        contact_points=(),
        trusted_contacts=contacts,
        security={SecurityItem.CONTACTS: (own,)},
    )


def told(*contacts: TrustedContact) -> dict[str, tuple[Happened, Treatment]]:
    (found,) = (each for each in difference(account(*contacts), SINCE) if each.item is SecurityItem.CONTACTS)
    assert "1380000" not in str(found), "labels are masked"
    return {row.entry_id: (row.happened, row.treatment) for row in found.changes if row.entry_id != "own"}


def missing(*contacts: TrustedContact) -> str | None:
    step = ReadBackInput(
        incident_id="i",
        episode=1,
        step_key="security/read-back/1",
        account_id="acc-1",
        compromised_since=SINCE,
        receipts={SecurityItem.CONTACTS: "rcp-1"},
    )
    return what_is_missing(SecurityItem.CONTACTS, account(*contacts), step)


def test_those_planted_are_ended_those_taken_away_come_back_and_the_others_stay() -> None:
    assert told(
        trusted("planted", AFTER),
        trusted("taken", BEFORE, removed_at=AFTER),
        trusted("given-up", BEFORE, removed_at=SINCE - timedelta(days=1)),
        trusted("written", BEFORE, changed_at=AFTER),
        trusted("kept", BEFORE),
    ) == {
        "planted": (Happened.ADDED, Treatment.REVOKED),
        "taken": (Happened.REMOVED, Treatment.RESTORED),
        "written": (Happened.CHANGED, Treatment.REVOKED),
        "kept": (Happened.UNCHANGED, Treatment.KEPT),
    }
    replaced = trusted("own-id", AFTER, previous_value="+8613800001188", previous_set_at=BEFORE)
    assert told(replaced) == {"own-id": (Happened.CHANGED, Treatment.RESTORED)}


def test_what_the_receipt_says_of_them_is_shown_as_done() -> None:
    (found,) = (
        each
        for each in difference(account(trusted("planted", AFTER)), SINCE)
        if each.item is SecurityItem.CONTACTS
    )
    done = carried_out(found, {"planted": "removed"})
    assert all(row.done for row in done.changes)


def test_one_that_still_vouches_is_missing_and_so_is_one_that_did_not_come_back() -> None:
    assert missing(trusted("kept", BEFORE)) is None
    assert missing(trusted("given-up", BEFORE, removed_at=SINCE - timedelta(days=1))) is None
    assert missing(trusted("planted", AFTER, removed_at=AFTER + timedelta(hours=1))) is None
    still = missing(trusted("planted", AFTER))
    assert still is not None
    assert "1 of contacts that should be gone still stand" in still
    back_dated = missing(trusted("planted", BEFORE, changed_at=AFTER))
    assert back_dated is not None, "the wallet's audit says when it was written"
    gone = missing(trusted("taken", BEFORE, removed_at=AFTER))
    assert gone is not None
    assert "not back at the wallet" in gone


def test_the_check_up_offers_them_among_what_changed_lately() -> None:
    shown = recent_changes(account(trusted("planted", AFTER), trusted("kept", BEFORE)), SINCE)
    assert [(each.change_id, each.item, each.label) for each in shown] == [
        ("planted.set", SecurityItem.CONTACTS, "trusted phone ***87")
    ]
