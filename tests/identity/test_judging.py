"""What proves the owner: by the rules as shipped, over every combination hypothesis can think of."""

from __future__ import annotations

import tomllib
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import ValidationError

from adapters.policies import read_identity_rules
from models.contracts.identity import (
    FactorKind,
    IdentityRules,
    Presented,
    ProofAction,
    ProofRule,
    RefusedBecause,
)
from models.contracts.wallet import Signal, SignalKind
from models.judging import judge

pytestmark = pytest.mark.fast

POLICIES = Path(__file__).resolve().parents[2] / "policies"
RULES = read_identity_rules(POLICIES / "identity.toml")
SINCE = datetime(2026, 11, 1, 10, 5, tzinfo=UTC)
OLD = SINCE - timedelta(days=300)
HIGH = {"CNY": 10**12}

near = st.integers(-2_000_000, 2_000_000).map(lambda seconds: SINCE + timedelta(seconds=seconds))
maybe = st.none() | near
signals = st.lists(st.builds(Signal, kind=st.sampled_from(SignalKind), at=near), max_size=2).map(tuple)
factors = st.builds(
    Presented,
    kind=st.sampled_from(FactorKind),
    reference=st.sampled_from("abc"),
    set_at=maybe,
    changed_at=maybe,
    previous_set_at=maybe,
    removed_at=maybe,
    signals=signals,
)
several = st.lists(factors, max_size=7)
sums = st.dictionaries(st.sampled_from(["CNY", "USD", "XAU"]), st.integers(0, 10**12), max_size=3)


def old(kind: FactorKind, **more: object) -> Presented:
    return Presented.model_validate({"kind": kind, "reference": kind.value, "set_at": OLD, **more})


def proven(*kinds: FactorKind, amounts: dict[str, int] | None = None, contested: bool = False) -> bool:
    presented = [old(kind) for kind in kinds]
    return judge(
        RULES, ProofAction.RESTORE, presented, since=SINCE, amounts=amounts or {}, contested=contested
    ).proven


STOLEN = (ProofAction.RESTORE, ProofAction.FALSE_ALARM)
"""What is done with an account that was stolen, or is said to have been."""


@given(presented=several, amounts=sums, contested=st.booleans(), action=st.sampled_from(STOLEN))
def test_no_proof_has_less_than_two_independent_factors(
    *, presented: list[Presented], amounts: dict[str, int], contested: bool, action: ProofAction
) -> None:
    said = judge(RULES, action, presented, since=SINCE, amounts=amounts, contested=contested)
    methods = [RULES.factor(each.kind).method for each in said.counted]
    assert len(set(methods)) == len(methods)
    if said.proven:
        assert len(methods) >= 2
        assert any(each.kind is not FactorKind.REVIEW for each in said.counted)


@given(several, sums, st.booleans())
def test_a_new_password_needs_one_factor_of_old_where_little_lies_and_two_elsewhere(
    presented: list[Presented],
    amounts: dict[str, int],
    contested: bool,  # noqa: FBT001 - hypothesis gives it
) -> None:
    said = judge(RULES, ProofAction.CREDENTIAL, presented, since=SINCE, amounts=amounts, contested=contested)
    if said.proven:
        assert any(each.kind is not FactorKind.REVIEW for each in said.counted)
        assert len(said.counted) >= (2 if any(each > 1_000_000 for each in amounts.values()) else 1)


def test_one_factor_is_no_rule_for_a_stolen_account() -> None:
    weak = {"action": "restore", "methods": 1, "points": 1, "clause": "nobody wrote this down"}
    with pytest.raises(ValidationError):
        ProofRule.model_validate(weak)
    assert ProofRule.model_validate({**weak, "action": "credential"}).methods == 1


@given(several, sums)
def test_nothing_set_or_changed_at_or_after_the_compromise_time_ever_counts(
    presented: list[Presented], amounts: dict[str, int]
) -> None:
    said = judge(RULES, ProofAction.RESTORE, presented, since=SINCE, amounts=amounts)
    for each in said.counted:
        if each.kind is not FactorKind.REVIEW:
            assert each.set_at is not None
            assert each.set_at < SINCE
            assert each.changed_at is None or each.changed_at < SINCE
            assert each.previous_set_at is None or each.previous_set_at < each.set_at
            assert not any(
                signal.at >= SINCE
                for signal in each.signals
                if signal.kind is not SignalKind.IDENTIFIER_RECYCLED
            )
            assert not any(
                signal.at >= each.set_at for signal in each.signals if signal.kind == "identifier_recycled"
            )


@given(presented=several, more=factors, amounts=sums, contested=st.booleans())
def test_one_more_factor_never_takes_a_proof_away(
    *, presented: list[Presented], more: Presented, amounts: dict[str, int], contested: bool
) -> None:
    before = judge(RULES, ProofAction.RESTORE, presented, since=SINCE, amounts=amounts, contested=contested)
    after = judge(
        RULES, ProofAction.RESTORE, [*presented, more], since=SINCE, amounts=amounts, contested=contested
    )
    assert after.proven >= before.proven


@given(presented=several, amounts=sums, contested=st.booleans(), earlier=near)
def test_an_earlier_compromise_time_never_proves_more(
    *, presented: list[Presented], amounts: dict[str, int], contested: bool, earlier: datetime
) -> None:
    standing = [each.model_copy(update={"removed_at": None}) for each in presented]
    later, before = (
        judge(RULES, ProofAction.RESTORE, standing, since=since, amounts=amounts, contested=contested).proven
        for since in (SINCE, min(earlier, SINCE))
    )
    assert later >= before


@given(presented=several, amounts=sums, contested=st.booleans())
def test_a_false_alarm_needs_the_same_proof_as_a_restore(
    *, presented: list[Presented], amounts: dict[str, int], contested: bool
) -> None:
    both = [
        judge(RULES, action, presented, since=SINCE, amounts=amounts, contested=contested).proven
        for action in ProofAction
    ]
    assert both[0] == both[1]


def test_which_combinations_prove() -> None:
    kind = FactorKind
    assert proven(kind.PHONE_CODE, kind.EMAIL_CODE)
    assert proven(kind.RECOVERY_CODE, kind.TOTP)
    assert proven(kind.CALL_BACK, kind.EMAIL_CODE)
    assert proven(kind.DOCUMENT, kind.REVIEW), (
        "an owner without any old factor: document, and two people agree"
    )
    for alone in kind:
        assert not proven(alone), f"{alone} alone"
    assert not proven(kind.CALL_BACK, kind.PHONE_CODE), "one SIM answers both"
    assert not proven(kind.TOTP, kind.PASSKEY), "one device holds both"
    assert not proven(kind.CALL_BACK, kind.REVIEW), "people of the house alone"
    assert not proven(kind.EMAIL_CODE, kind.REVIEW)


def test_much_money_and_rival_claimants_need_more_than_codes() -> None:
    kind = FactorKind
    codes = (kind.PHONE_CODE, kind.EMAIL_CODE, kind.RECOVERY_CODE, kind.TRUSTED_CONTACTS)
    assert not proven(*codes, amounts=HIGH)
    assert proven(*codes, amounts={"XAU": 15_000_000}), "a currency without a band has that of XXX"
    assert not proven(*codes, amounts={"XAU": 15_000_001})
    assert proven(*codes, amounts={"CNY": 100_000_000})
    assert not proven(*codes, contested=True)
    assert proven(kind.PHONE_CODE, kind.PASSKEY, amounts=HIGH, contested=True)


@pytest.mark.parametrize(
    ("more", "reason"),
    [
        ({"set_at": SINCE}, RefusedBecause.SET_SINCE),
        ({"set_at": None}, RefusedBecause.NO_TIME),
        ({"changed_at": SINCE}, RefusedBecause.CHANGED_SINCE),
        ({"previous_set_at": OLD}, RefusedBecause.TIMES_CONTRADICT),
        ({"removed_at": OLD + timedelta(days=1)}, RefusedBecause.REMOVED_BEFORE),
        (
            {"signals": (Signal(kind=SignalKind.SIM_SWAP, at=SINCE - timedelta(days=6)),)},
            RefusedBecause.SIM_SWAP,
        ),
        ({"signals": (Signal(kind=SignalKind.PORTED, at=SINCE),)}, RefusedBecause.SIM_SWAP),
        (
            {"signals": (Signal(kind=SignalKind.IDENTIFIER_RECYCLED, at=OLD + timedelta(days=1)),)},
            RefusedBecause.IDENTIFIER_RECYCLED,
        ),
        (
            {"signals": (Signal.model_validate({"kind": "something new", "at": SINCE}),)},
            RefusedBecause.IDENTIFIER_RECYCLED,
        ),
    ],
)
def test_each_refusal_says_why(more: dict[str, object], reason: RefusedBecause) -> None:
    said = judge(
        RULES,
        ProofAction.RESTORE,
        [old(FactorKind.PHONE_CODE, **more), old(FactorKind.EMAIL_CODE)],
        since=SINCE,
        amounts={},
    )
    assert not said.proven
    assert [each.reason for each in said.refused] == [reason]
    assert said.missing
    assert said.missing[0].clause.startswith("SP 800-63B-4")


@pytest.mark.parametrize(
    ("old_text", "new_text"),
    [
        ("methods = 2", "methods = 1"),
        (
            'action = "false_alarm"\nmethods = 2\npoints = 2',
            'action = "false_alarm"\nmethods = 2\npoints = 3',
        ),
        ('kind = "totp"', 'kind = "passkey"'),
        ("disabled_after = 100", "disabled_after = 101"),
        ("needed = 2", "needed = 4"),
    ],
)
def test_rules_that_would_weaken_the_proof_are_no_rules(old_text: str, new_text: str) -> None:
    text = (POLICIES / "identity.toml").read_text()
    assert old_text in text
    with pytest.raises(ValidationError):
        IdentityRules.model_validate(tomllib.loads(text.replace(old_text, new_text, 1)))


def test_every_rule_names_its_clause() -> None:
    clauses = [each.clause for each in RULES.factors] + [each.clause for each in RULES.rules]
    clauses += [RULES.limits.clause, RULES.passkey.clause]
    clauses += [RULES.trusted_contacts.clause, RULES.document.clause]
    assert all(clause.startswith("SP 800-63") for clause in clauses)
