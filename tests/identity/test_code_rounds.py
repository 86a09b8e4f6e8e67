"""When which contact is sent its next code."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest

from workflows.code_rounds import CodeRounds

pytestmark = pytest.mark.fast

START = datetime(2026, 3, 1, 10, 0, tzinfo=UTC)
SMS, DAY = timedelta(minutes=10), timedelta(days=1)
END = START + 2 * DAY


def test_each_is_due_when_its_own_code_expires_and_no_oftener_than_may_be() -> None:
    rounds, now, sent = CodeRounds(["phone", "mail"], codes=3, now=START), START, []
    while now < END:
        for contact, number in rounds.next_round(now).items():
            sent.append((contact, number, now - START))
            rounds.sent(contact, expires_at=now + (SMS if contact == "phone" else DAY))
        now = rounds.until(END)
    assert sent == [
        ("phone", 1, timedelta()),
        ("mail", 1, timedelta()),
        ("phone", 2, SMS),
        ("phone", 3, 2 * SMS),
        ("mail", 2, DAY),
    ]


def test_who_has_answered_is_due_when_that_counts_no_more_and_at_once_when_it_is_found_void() -> None:
    rounds = CodeRounds(["phone", "mail"], codes=3, now=START)
    for contact in rounds.next_round(START):
        rounds.sent(contact, expires_at=START + SMS)
    claim_expires, later = START + DAY, START + 2 * SMS
    rounds.heard({"phone": claim_expires, "mail": None}, later, end=END)
    assert rounds.next_round(later) == {}
    assert rounds.until(END) == claim_expires
    # The claimant is named an impostor; the mail's answer proves the owner and stays.
    rounds.heard({"mail": None}, later, end=END)
    assert rounds.next_round(later) == {"phone": 2}
    rounds.sent("phone", expires_at=later + SMS)
    rounds.heard({"mail": None}, END, end=END)
    assert rounds.next_round(later) == {}, "its code is good"
