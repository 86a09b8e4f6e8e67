"""What one supervisor may do alone: no policy names a choice that lifts protection or moves money."""

from __future__ import annotations

from pathlib import Path

import pytest

from adapters.policies import read_policy
from models.alone import MAY_BE_ALONE
from models.errors import ErrorCode, StanchError
from models.names import DecisionKind, Outcome

pytestmark = pytest.mark.fast

POLICIES = Path(__file__).resolve().parents[2] / "policies"
PRODUCTION = (POLICIES / "production.toml").read_text()
OURS = '{ kind = "not_frozen", choice = "try_again" }'


def refusal(folder: Path, text: str) -> str:
    (folder / "ours.toml").write_text(text)
    with pytest.raises(StanchError) as refused:
        read_policy(folder, "ours")
    assert refused.value.code is ErrorCode.INVALID
    return refused.value.message


@pytest.mark.parametrize("name", ["production", "demo"])
def test_our_policies_name_only_what_leaves_protection_up(name: str) -> None:
    named = {(each.kind, each.choice) for each in read_policy(POLICIES, name).approval.break_glass}
    assert named
    assert named <= MAY_BE_ALONE


def test_no_ending_and_nothing_about_money_can_be_done_alone() -> None:
    assert {choice for _, choice in MAY_BE_ALONE}.isdisjoint({*Outcome, "release", "give_back", "accept"})
    assert not any(kind.of_recovery for kind, _ in MAY_BE_ALONE)


@pytest.mark.parametrize(
    ("kind", "choice"),
    [
        ("unproven_owner", "released"),
        ("return_account", "restored"),
        ("end_as_false_alarm", "false_alarm"),
        ("end_as_impostor", "impostor"),
        ("not_frozen", "not_frozen"),
        ("close_account", "account_closed"),
        ("release_hold", "release"),
        ("restitute", "give_back"),
        ("accept_identity", "accept"),
        ("impostor", "protect"),
        ("compromised_later", "move"),
        ("credential", "send_link"),
        ("unproven_owner", "keeep"),
    ],
)
def test_a_policy_that_lets_one_lift_protection_or_move_money_does_not_load(
    tmp_path: Path, kind: str, choice: str
) -> None:
    assert OURS in PRODUCTION
    assert kind in set(DecisionKind)
    said = refusal(tmp_path, PRODUCTION.replace(OURS, f'{{ kind = "{kind}", choice = "{choice}" }}'))
    assert f"{choice!r} on {kind}" in said


def test_a_policy_that_names_whole_questions_does_not_load(tmp_path: Path) -> None:
    said = refusal(tmp_path, PRODUCTION.replace("[approval]", '[approval]\nalone = ["unproven_owner"]'))
    assert "approval.break_glass instead" in said
