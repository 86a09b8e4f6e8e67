"""The transition table: what may follow what, and that nothing else may."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from models.errors import ErrorCode, StanchError
from models.lifecycle import LIFTED, REPEATABLE, TRANSITIONS, Event, Status, move

pytestmark = pytest.mark.fast


def test_the_whole_story_is_legal() -> None:
    status = Status.OPENED
    for event in (
        Event.FREEZE_DONE,
        Event.IDENTITY_PROVEN,
        Event.RESET_COMPLETE,
        Event.RETURN_INTENDED,
        Event.CLOSE,
    ):
        status = move(status, event)
    assert status is Status.CLOSED


@given(st.lists(st.sampled_from(Event), max_size=30))
def test_no_sequence_returns_an_account_without_proof_and_reset(events: list[Event]) -> None:
    status, proven, reset = Status.OPENED, False, False
    codes: set[ErrorCode] = set()
    for event in events:
        try:
            after = move(status, event)
        except StanchError as error:
            codes.add(error.code)
            continue
        if (status, event) not in REPEATABLE:
            proven = {Event.IDENTITY_PROVEN: True, Event.PROOF_VOIDED: False, Event.RELAPSED: False}.get(
                event, proven
            )
            proven = proven and event is not Event.IMPOSTOR_FOUND
            kept = {Event.RETURN_INTENDED}
            if Status.RETURN_CLOSING in {status, after}:
                kept |= {Event.CLOSURE_INTENDED, Event.CLOSURE_REFUSED}
            reset = {Event.RESET_COMPLETE: True}.get(event, reset and event in kept)
        if after is Status.RETURNING and status is not Status.RETURNING:
            assert proven
            assert reset
        status = after
    assert codes <= {ErrorCode.ILLEGAL_MOVE}


def test_closed_is_the_end() -> None:
    assert not [pair for pair in TRANSITIONS if pair[0] is Status.CLOSED]


def test_only_lifted_protection_relapses_and_only_it_closes_besides_a_refused_freeze() -> None:
    assert {status for status, event in TRANSITIONS if event is Event.RELAPSED} == LIFTED
    closing = {pair for pair, after in TRANSITIONS.items() if after is Status.CLOSED}
    assert closing == {(status, Event.CLOSE) for status in LIFTED} | {(Status.OPENED, Event.FREEZE_REFUSED)}


def test_a_repeatable_move_is_not_also_a_transition() -> None:
    assert not REPEATABLE & set(TRANSITIONS)
