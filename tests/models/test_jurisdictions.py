"""Profiles of the law: every one names a rule with its basis and sources, and a policy never traces by another."""

from __future__ import annotations

from pathlib import Path

import pytest

from adapters.policies import read_jurisdictions, read_policy
from models.errors import ErrorCode, StanchError
from tracing.rules import Rule

pytestmark = pytest.mark.fast

POLICIES = Path(__file__).resolve().parents[2] / "policies"
PROFILES = read_jurisdictions(POLICIES)
PRODUCTION = (POLICIES / "production.toml").read_text()


@pytest.mark.parametrize("name", sorted(PROFILES))
def test_every_profile_says_its_rule_with_basis_and_sources(name: str) -> None:
    profile = PROFILES[name]
    assert profile.name == name
    assert profile.rule in set(Rule)
    assert profile.fallback in {None, *Rule} - {profile.rule}
    assert (profile.fallback is None) == (profile.fallback_basis is None)
    assert all([profile.legal_basis, *profile.sources])


def test_the_rules_are_those_of_the_courts() -> None:
    assert {name: (each.rule, each.fallback) for name, each in PROFILES.items()} == {
        "england": ("fifo", "pro_rata"),
        "us": ("libr", "pro_rata"),
        "china": ("fifo", "pro_rata"),
        "india": ("fifo", "pro_rata"),
    }


@pytest.mark.parametrize("name", ["production", "demo"])
def test_a_policy_traces_by_its_jurisdictions_rule(name: str) -> None:
    policy = read_policy(POLICIES, name)
    assert policy.jurisdiction == PROFILES["england"]
    assert policy.trace.rule == "fifo"


def test_another_jurisdiction_is_another_rule(tmp_path: Path) -> None:
    (tmp_path / "ours.toml").write_text(PRODUCTION.replace('"england"', '"us"'))
    assert read_policy(tmp_path, "ours").trace.rule == "libr"


def test_a_policy_without_one_says_its_rule_itself(tmp_path: Path) -> None:
    lines = [line for line in PRODUCTION.splitlines() if not line.startswith("jurisdiction")]
    bare = "\n".join(lines)
    (tmp_path / "ours.toml").write_text(bare.replace("[trace]", '[trace]\nrule = "lifo"'))
    policy = read_policy(tmp_path, "ours")
    assert (policy.trace.rule, policy.jurisdiction) == ("lifo", None)
    assert "jurisdiction" not in policy.model_dump()


@pytest.mark.parametrize(
    ("was", "becomes", "said"),
    [
        ('"england"', '"atlantis"', "known: china, england, india, us"),
        ('"england"', "7", "known: china"),
        ("[trace]", '[trace]\nrule = "lifo"', "one rule, never two"),
        ("[trace]", '[trace]\nrule = "poison"', "one rule, never two"),
        ("[trace]", "[trees]", "is not valid at"),
    ],
)
def test_what_does_not_fit_is_refused_by_name(tmp_path: Path, was: str, becomes: str, said: str) -> None:
    (tmp_path / "ours.toml").write_text(PRODUCTION.replace(was, becomes, 1))
    with pytest.raises(StanchError) as refused:
        read_policy(tmp_path, "ours")
    assert refused.value.code is ErrorCode.INVALID
    assert said in refused.value.message


@pytest.mark.parametrize(
    ("was", "becomes", "said"),
    [
        ('rule = "libr"', 'rule = "poison"', "us.rule names the rule 'poison'"),
        ('fallback = "pro_rata"', 'fallback = "haircut"', "england.fallback names"),
        ("hold_periods = 2", "hold_periods = 0", "hold_periods"),
        ("[us]", "[us", "jurisdictions.toml is not valid at"),
    ],
)
def test_a_broken_profile_is_named(tmp_path: Path, was: str, becomes: str, said: str) -> None:
    (tmp_path / "production.toml").write_text(PRODUCTION)
    text = (POLICIES / "jurisdictions.toml").read_text()
    (tmp_path / "jurisdictions.toml").write_text(text.replace(was, becomes, 1))
    with pytest.raises(StanchError) as refused:
        read_policy(tmp_path, "production")
    assert refused.value.code is ErrorCode.INVALID
    assert said in refused.value.message
