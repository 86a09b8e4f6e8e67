"""Where the owner's link may go, whoever has answered what."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest

from activities.contact_ports import ShownContact, StandingProof
from activities.link_contact import LinkContact, link_contact
from models.contracts.wallet import AccountState, ContactKind, ContactPoint, Signal, SignalKind

pytestmark = pytest.mark.fast

SINCE = datetime(2026, 3, 1, 10, 0, tzinfo=UTC)
LONG_AGO = SINCE - timedelta(days=900)
WINDOW = timedelta(days=7)
OWNER, THIEF = "OWNERS-CLAIM", "THIEFS-CLAIM"


def point(name: str, *, set_at: datetime = LONG_AGO, **more: object) -> ContactPoint:
    kind = ContactKind.EMAIL if name.startswith("mail") else ContactKind.PHONE
    value = f"{name}@mail.example" if kind is ContactKind.EMAIL else f"+86{name}"
    return ContactPoint.model_validate({"id": name, "kind": kind, "value": value, "set_at": set_at, **more})


def chosen(
    *points: ContactPoint,
    proven: tuple[str, ...] = (),
    shown: tuple[ShownContact, ...] = (),
    impostors: tuple[str, ...] = (),
    window: timedelta = WINDOW,
    claim: str | None = OWNER,
) -> LinkContact | None:
    account = AccountState(
        account_id="acc-1",
        status="active",
        real_name_state="verified",
        read_at=SINCE,
        balances=(),
        restrictions=(),
        contact_points=points,
        security={},
    )
    proof = StandingProof(claim, frozenset(proven))
    return link_contact(account, SINCE, window, proof=proof, shown=shown, impostors=impostors)


def goes_to(found: LinkContact | None) -> tuple[str, bool] | None:
    return None if found is None else (found.point.id, found.confirmed)


def test_it_goes_to_what_the_proven_owner_answered_and_not_to_a_mailbox_that_nobody_showed() -> None:
    assert goes_to(chosen(point("mail"), point("phone"), proven=("phone",))) == ("phone", False)
    assert goes_to(chosen(point("mail"), point("phone"), proven=("phone", "mail"))) == ("mail", False)


def test_where_a_rival_reads_too_it_goes_last_and_is_not_enough_alone() -> None:
    both, rivals = (point("mail"), point("phone")), (ShownContact("mail", THIEF),)
    assert goes_to(chosen(*both, proven=("mail", "phone"), shown=rivals)) == ("phone", False)
    assert goes_to(chosen(*both, proven=("mail",), shown=rivals)) == ("mail", True)
    own = (ShownContact("mail", OWNER),)
    assert goes_to(chosen(*both, proven=("mail",), shown=own)) == ("mail", False)


def test_no_code_is_asked_for_that_no_claim_could_show() -> None:
    assert chosen(point("mail"), claim=None) is None
    assert goes_to(chosen(point("mail"), proven=("mail",), claim=None)) == ("mail", False)


def test_where_an_impostor_answered_it_goes_never_even_if_the_owner_answered_there_too() -> None:
    both = (point("mail"), point("phone"))
    assert goes_to(chosen(*both, proven=("phone", "mail"), impostors=("mail",))) == ("phone", False)
    assert goes_to(chosen(*both, impostors=("mail",))) == ("phone", True)
    assert chosen(*both, impostors=("mail", "phone")) is None


def test_an_impostor_reads_the_value_under_whichever_id_it_stands() -> None:
    """The thief replaced the address; the owner set the old one again under another id."""
    former = point("mail", removed_at=SINCE - timedelta(days=400))
    again = point("mail-again", value="mail@mail.example")
    assert chosen(former, again, impostors=("mail",)) is None
    assert goes_to(chosen(former, again, proven=("mail",))) == ("mail-again", False)
    replaced = point(
        "mail-new",
        set_at=SINCE + timedelta(minutes=1),
        previous_value="phone@mail.example",
        previous_set_at=LONG_AGO,
    )
    assert chosen(replaced, impostors=("mail-new.previous",)) is None


def test_without_a_contact_in_the_proof_the_link_is_not_enough_alone_and_goes_to_none_of_a_rivals() -> None:
    both = (point("mail"), point("phone"))
    assert goes_to(chosen(*both)) == ("mail", True)
    rivals = (ShownContact("mail", THIEF), ShownContact("phone", OWNER))
    assert goes_to(chosen(*both, shown=rivals)) == ("phone", True)
    assert goes_to(chosen(*both, shown=(ShownContact("mail", None),))) == ("phone", True), (
        "answered by nobody's claim"
    )
    assert chosen(point("mail"), shown=rivals) is None


def test_what_does_not_stand_any_more_or_was_set_since_gets_none() -> None:
    gone = point("mail", removed_at=SINCE + timedelta(minutes=1))
    assert goes_to(chosen(gone, point("phone"), proven=("mail",))) == ("phone", True)
    assert chosen(point("mail", set_at=SINCE), proven=("mail",)) is None


def test_a_number_ported_within_the_window_of_the_rules_gets_none() -> None:
    ported = point("phone", signals=(Signal(kind=SignalKind.PORTED, at=SINCE - timedelta(days=10)),))
    assert goes_to(chosen(ported, proven=("phone",))) == ("phone", False)
    assert chosen(ported, proven=("phone",), window=timedelta(days=30)) is None
