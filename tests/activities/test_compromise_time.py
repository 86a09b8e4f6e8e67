"""Since when an account cannot be trusted, and which contact points may prove its owner."""

from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from activities.identity import trusted_contacts
from activities.opening import compromise_time
from adapters.policies import read_policy
from models.contracts.alarms import Alarm
from models.contracts.wallet import AccountState, ContactKind, ContactPoint, SecurityEntry
from models.errors import ErrorCode, StanchError
from models.names import AlarmKind, SecurityItem

pytestmark = pytest.mark.fast

NOW = datetime(2026, 3, 1, 10, 0, tzinfo=UTC)
POLICIES = Path(__file__).parents[2] / "policies"
POLICY = read_policy(POLICIES, "production")
WINDOW = timedelta(days=7)
MARGIN = timedelta(seconds=POLICY.compromise_margin_seconds)


def account(*points: ContactPoint, **changes: datetime) -> AccountState:
    return AccountState(
        account_id="acc-1",
        status="active",
        real_name_state="verified",
        read_at=NOW,
        balances=(),
        restrictions=(),
        contact_points=points,
        security={
            SecurityItem(item): (SecurityEntry(id=item, label=item, set_at=at, active=True),)
            for item, at in changes.items()
        },
    )


def alarm(kind: AlarmKind, since: datetime | None = None) -> Alarm:
    return Alarm(source="s", id="1", account_id="acc-1", occurred_at=NOW, compromised_since=since, kind=kind)


def point(name: str, value: str, set_at: datetime, **more: object) -> ContactPoint:
    return ContactPoint.model_validate(
        {"id": name, "kind": ContactKind.PHONE, "value": value, "set_at": set_at, **more}
    )


def test_a_stated_time_of_a_trigger_is_taken() -> None:
    stated = NOW - timedelta(minutes=7)
    assert compromise_time(alarm(AlarmKind.TRIGGER, stated), account(), POLICY) == stated


def test_what_changed_within_the_margin_before_a_stated_time_was_the_thief() -> None:
    """The detector's clock may be ahead: the thief's number would be older than the time it states."""
    stated = NOW - timedelta(minutes=7)
    thiefs = stated - MARGIN / 2
    older = stated - MARGIN - timedelta(seconds=1)
    changed = account(point("p", "+86", thiefs), password=older)
    assert compromise_time(alarm(AlarmKind.TRIGGER, stated), changed, POLICY) == thiefs
    assert compromise_time(alarm(AlarmKind.TRIGGER, stated), account(password=older), POLICY) == stated


def test_an_account_the_wallet_tells_nothing_about_has_the_stated_time() -> None:
    stated = NOW - timedelta(minutes=7)
    assert compromise_time(alarm(AlarmKind.TRIGGER, stated), None, POLICY) == stated
    assert compromise_time(alarm(AlarmKind.REPORT), None, POLICY) == NOW - MARGIN


def test_a_stated_time_is_never_later_than_the_alarm() -> None:
    """A contact set between the two would otherwise be trusted."""
    ahead = alarm(AlarmKind.TRIGGER, NOW + timedelta(hours=2))
    assert compromise_time(ahead, account(), POLICY) == NOW


def test_an_unproven_report_cannot_say_it_began_after_the_thief_bound_a_number() -> None:
    bound = NOW - timedelta(minutes=55)
    reported = alarm(AlarmKind.REPORT, NOW - timedelta(minutes=10))
    assert compromise_time(reported, account(devices=bound), POLICY) == bound - MARGIN


def test_a_login_is_not_a_security_change() -> None:
    old_login = NOW - timedelta(days=20)
    found = compromise_time(
        alarm(AlarmKind.TRIGGER), account(sessions=old_login, refresh_tokens=old_login), POLICY
    )
    assert found == NOW - MARGIN


def test_changes_before_the_window_do_not_count() -> None:
    window = timedelta(seconds=POLICY.compromise_window_seconds)
    found = compromise_time(
        alarm(AlarmKind.TRIGGER), account(payees=NOW - window - timedelta(days=1)), POLICY
    )
    assert found == NOW - MARGIN


def test_only_contacts_from_before_are_trusted_and_a_replaced_one_still_is() -> None:
    old, since = NOW - timedelta(days=400), NOW - timedelta(hours=1)
    email = point("email", "e", old)
    owners = point("phone-1", "+86138", old, removed_at=NOW)
    thiefs = point("phone-2", "+86139", NOW, previous_value="+86138", previous_set_at=old)
    trusted = trusted_contacts(account(email, owners, thiefs), since, WINDOW)
    assert sorted(each.value for each in trusted) == ["+86138", "e"]


def test_the_previous_value_counts_when_the_old_entry_is_not_listed_any_more() -> None:
    old, since = NOW - timedelta(days=400), NOW - timedelta(hours=1)
    thiefs = point("phone-2", "+86139", NOW, previous_value="+86138", previous_set_at=old)
    assert [each.value for each in trusted_contacts(account(thiefs), since, WINDOW)] == ["+86138"]


def test_a_contact_removed_before_the_compromise_is_nobodys() -> None:
    old = NOW - timedelta(days=400)
    gone = point("phone-1", "+86137", old, removed_at=NOW - timedelta(days=100))
    assert trusted_contacts(account(gone), NOW - timedelta(hours=1), WINDOW) == []


@pytest.mark.parametrize("name", ["production", "demo"])
def test_every_policy_is_valid_and_says_its_clock(name: str) -> None:
    policy = read_policy(POLICIES, name)
    assert policy.name == name
    assert policy.clock == {"production": "real", "demo": "demo"}[name]
    assert len(policy.stages) >= 3


def test_production_waits_24_48_and_72_hours() -> None:
    assert [stage.seconds // 3600 for stage in POLICY.stages] == [24, 48, 72]


def test_an_unknown_policy_is_refused_with_the_known_ones() -> None:
    with pytest.raises(StanchError) as refusal:
        read_policy(POLICIES, "lenient")
    assert refusal.value.matches(ErrorCode.INVALID)
    assert "production" in refusal.value.message
