"""What people read of the owner's link before they approve a return."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest

from activities.link_use import UNTOLD, link_words
from models.contracts.wallet import AccountState, ContactKind, ContactPoint, OwnerLinkState

pytestmark = pytest.mark.fast

NOW = datetime(2026, 3, 1, 10, 0, tzinfo=UTC)
CASE = "01JNA1B2C3D4E5F6G7H8J9K0M1/1"


def account(*links: OwnerLinkState, told: bool = True) -> AccountState:
    point = ContactPoint(id="acc-1-email-1", kind=ContactKind.EMAIL, value="a@b.example", set_at=NOW)
    return AccountState(
        account_id="acc-1",
        status="active",
        real_name_state="verified",
        read_at=NOW,
        balances=(),
        restrictions=(),
        contact_points=(point,),
        security={},
        owner_links=links if told else None,
    )


def link(number: int, **more: object) -> OwnerLinkState:
    fields = {
        "link_id": f"lnk-{number}",
        "purpose": "renew_credentials",
        "reference": CASE,
        "contact_point_id": "acc-1-email-1",
        "created_at": NOW + timedelta(minutes=number),
    }
    return OwnerLinkState.model_validate(fields | more)


def test_every_use_is_told_with_its_time_and_contact_and_what_still_waits() -> None:
    thiefs = link(1, used_at=NOW + timedelta(hours=1), authenticator_id="ent-1", contact_point_id="gone")
    owners = link(2, used_at=NOW + timedelta(hours=2), ended_at=NOW + timedelta(hours=3))
    assert link_words(account(link(3), owners, thiefs), CASE) == (
        "used 2026-03-01T11:00:00Z through contact gone and set a new authenticator; "
        "used 2026-03-01T12:00:00Z through email acc-1-email-1; "
        "not used yet, sent to email acc-1-email-1"
    )


def test_links_of_other_cases_and_overtaken_ones_say_nothing() -> None:
    assert link_words(account(link(1)), CASE) == "not used yet, sent to email acc-1-email-1"
    others = (
        link(1, reference=f"{CASE}0"),
        link(2, reference=None),
        link(3, purpose="recover_password", used_at=NOW),
        link(4, ended_at=NOW),
    )
    assert link_words(account(*others), CASE) == "none was sent that could be used"
    assert link_words(account(told=False), CASE) == UNTOLD


def test_no_value_of_a_contact_is_among_the_words() -> None:
    assert "a@b.example" not in link_words(account(link(1, used_at=NOW), link(2)), CASE)
