"""Whether the presented factors prove the owner: pure, by the rules alone. The same call for every door."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from datetime import datetime, timedelta

from models.contracts.identity import (
    FactorKind,
    IdentityRules,
    Judgement,
    Missing,
    Presented,
    ProofAction,
    ProofRule,
    RefusedBecause,
    RefusedFactor,
)
from models.contracts.wallet import SignalKind

TAKEN_OVER = frozenset({SignalKind.SIM_SWAP, SignalKind.PORTED})


ANY_OTHER = "XXX"
"""Names the band of every currency that has none of its own."""


def judge(
    rules: IdentityRules,
    action: ProofAction,
    presented: Iterable[Presented],
    *,
    since: datetime,
    amounts: Mapping[str, int],
    contested: bool = False,
) -> Judgement:
    """Judge what one claimant presented, for an account where `amounts` (minor units by currency) lie.

    A factor counts when it stood before `since` by every time the wallet tells of it, and once for each method: the one
    of most points, then the oldest. The factors of two claimants never belong into one call.
    """
    counted: dict[str, Presented] = {}
    refused: list[RefusedFactor] = []
    strongest = sorted(
        presented, key=lambda each: (-rules.factor(each.kind).points, each.set_at or since, each.reference)
    )
    for factor in strongest:
        reason = refusal(factor, since, timedelta(seconds=rules.swap_window_seconds))
        method = rules.factor(factor.kind).method
        if reason is None and method in counted:
            reason = RefusedBecause.SAME_METHOD
        if reason is None:
            counted[method] = factor
        else:
            refused.append(_refused(factor, reason))
    for method, factor in list(counted.items()):
        beside = rules.factor(factor.kind).beside
        if beside and not any(each.kind in beside for each in counted.values()):
            del counted[method]
            refused.append(_refused(factor, RefusedBecause.NOTHING_BESIDE))
    kinds = {factor.kind for factor in counted.values()}
    points = sum(rules.factor(kind).points for kind in kinds)
    missing = [
        each
        for rule in rules.rules
        if rule.action is action and applies(rule, amounts, contested=contested)
        for each in _unmet(rule, len(counted), points, kinds)
    ]
    return Judgement(
        proven=not missing,
        counted=tuple(counted[method] for method in sorted(counted)),
        refused=tuple(sorted(refused, key=lambda each: (each.kind, each.reference))),
        missing=tuple(dict.fromkeys(missing)),
    )


def refusal(factor: Presented, since: datetime, swap_window: timedelta) -> RefusedBecause | None:
    """Why this factor does not count, or None. Everything at `since` or later is the thief's until proven otherwise.

    A review is no thing of the owner's: it looks at evidence that is judged by its own age, so it has none.
    """
    if factor.kind is FactorKind.REVIEW:
        return None
    if factor.set_at is None:
        return RefusedBecause.NO_TIME
    if factor.set_at >= since:
        return RefusedBecause.SET_SINCE
    if factor.changed_at is not None and factor.changed_at >= since:
        return RefusedBecause.CHANGED_SINCE
    if factor.previous_set_at is not None and factor.previous_set_at >= factor.set_at:
        # What it replaced cannot be younger than itself: one of the times was rewritten.
        return RefusedBecause.TIMES_CONTRADICT
    if factor.removed_at is not None and factor.removed_at < since:
        return RefusedBecause.REMOVED_BEFORE
    for signal in factor.signals:
        if signal.kind in TAKEN_OVER and signal.at >= since - swap_window:
            return RefusedBecause.SIM_SWAP
        if signal.kind is SignalKind.IDENTIFIER_RECYCLED and signal.at >= factor.set_at:
            return RefusedBecause.IDENTIFIER_RECYCLED
    return None


def applies(rule: ProofRule, amounts: Mapping[str, int], *, contested: bool) -> bool:
    """Whether a rule applies to an account with these amounts.

    A currency without a band has that of XXX (ISO 4217: no currency); where there is none either, it counts as above.
    """
    if rule.contested and not contested:
        return False
    if not rule.above:
        return True
    others = rule.above.get(ANY_OTHER, 0)
    return any(
        amount > rule.above.get(currency, others) for currency, amount in amounts.items() if amount > 0
    )


def _refused(factor: Presented, reason: RefusedBecause) -> RefusedFactor:
    return RefusedFactor(kind=factor.kind, reference=factor.reference, reason=reason)


def _unmet(rule: ProofRule, methods: int, points: int, kinds: set[FactorKind]) -> Iterable[Missing]:
    if methods < rule.methods:
        yield Missing(what="methods", needed=rule.methods, have=methods, clause=rule.clause)
    if points < rule.points:
        yield Missing(what="points", needed=rule.points, have=points, clause=rule.clause)
    if rule.one_of and not kinds & set(rule.one_of):
        yield Missing(what="one_of", needed=1, have=0, one_of=rule.one_of, clause=rule.clause)
