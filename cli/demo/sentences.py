"""A recorded step in the words of the story."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from cli.demo.events import Who
from cli.money import sum_of_money
from models.names import StepKind, StepStatus

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

WHO: Final = {
    StepKind.VERIFY_IDENTITY: Who.OWNER,
    StepKind.ASK_DECISION: Who.PEOPLE,
    StepKind.DECISION: Who.PEOPLE,
}
SCOPES: Final = {
    "full": "no money leaves, no login, no change",
    "outgoing": "no money leaves, no change; the owner may still look",
}


def who_did(step: Mapping[str, Any]) -> Who:
    """Whose line it is."""
    return WHO.get(StepKind(step["kind"]), Who.STANCH)


def sentence(step: Mapping[str, Any], currency: str) -> str:
    """One line for a step; a refused one says so."""
    kind = StepKind(step["kind"])
    result: Mapping[str, Any] = step.get("result") or {}
    if step["status"] == StepStatus.REFUSED:
        refusal = result.get("refusal") or {}
        return f"{kind.value} was refused: {refusal.get('code') or step.get('reason') or 'see the step'}"
    tell = SENTENCES.get(kind)
    return tell(result, currency) if tell else f"{kind.value} {step['step_key']}"


def _freeze(result: Mapping[str, Any], _: str) -> str:
    return f"account frozen: {SCOPES.get(result.get('scope', ''), 'restricted')}"


def _alarm(result: Mapping[str, Any], _: str) -> str:
    named = result.get("named_transfers", 0)
    return f"alarm taken up, {named} transfers named; nothing set since {_time(result.get('compromised_since'))} is trusted"


def _plan(result: Mapping[str, Any], _: str) -> str:
    usable, refused = len(result.get("usable", ())), len(result.get("refused", ()))
    return f"{usable} contacts are older than the theft and may prove the owner; {refused} set since may not"


def _challenge(_: Mapping[str, Any], __: str) -> str:
    return "one-time code sent to a contact older than the theft"


def _verified(result: Mapping[str, Any], _: str) -> str:
    factors = sorted(str(factor).partition(":")[0] for factor in result.get("factors", ()))
    return f"the owner is proven by {' and '.join(factors)}"


def _caught_up(result: Mapping[str, Any], _: str) -> str:
    return f"transfer index has every posting up to {result.get('position', {}).get('upto_seq')}"


def _thefts(result: Mapping[str, Any], _: str) -> str:
    found = {currency: len(ids) for currency, ids in (result.get("thefts") or {}).items()}
    return "stolen: " + (
        ", ".join(f"{count} transfers in {name}" for name, count in sorted(found.items())) or "nothing found"
    )


def _trace(result: Mapping[str, Any], _: str) -> str:
    summary = result.get("summary", {})
    flow, currency = summary.get("flow", {}), summary.get("currency", "XXX")
    parts = [
        f"{name} {sum_of_money(flow[name], currency)}"
        for name in ("held", "exited", "pooled", "returned", "pruned")
        if flow.get(name)
    ]
    return f"traced {sum_of_money(flow.get('stolen', 0), currency)} to the cent: {', '.join(parts)}"


def _hold(result: Mapping[str, Any], currency: str) -> str:
    amount = result.get("amount", 0)
    if not amount:
        return "too late for one hold: the money had moved on"
    return f"held {sum_of_money(amount, currency)} where it lies"


def _reset(result: Mapping[str, Any], _: str) -> str:
    changes = result.get("changes", 0)
    return f"{result.get('item')} reset" + (f", {changes} changed" if changes else ", nothing to change")


def _read_back(result: Mapping[str, Any], _: str) -> str:
    missing = result.get("missing") or {}
    return (
        f"read back at the wallet: {', '.join(missing)} not clean"
        if missing
        else "read back at the wallet: all twelve clean"
    )


def _stage(result: Mapping[str, Any], _: str) -> str:
    return f"cool-down stage {result.get('stage')} until {_time(result.get('ends_at'))}"


def _time(instant: Any) -> str:
    """The time of day of an instant in text."""
    return str(instant)[11:19] if instant else "?"


SENTENCES: Final[Mapping[StepKind, Callable[[Mapping[str, Any], str], str]]] = {
    StepKind.FREEZE: _freeze,
    StepKind.ALARM: _alarm,
    StepKind.PLAN_IDENTITY: _plan,
    StepKind.CHALLENGE: _challenge,
    StepKind.VERIFY_IDENTITY: _verified,
    StepKind.CATCH_UP: _caught_up,
    StepKind.THEFTS: _thefts,
    StepKind.TRACE: _trace,
    StepKind.HOLD: _hold,
    StepKind.RELEASE_HOLD: lambda _, __: "a hold released",
    StepKind.RESET_ITEM: _reset,
    StepKind.READ_BACK: _read_back,
    StepKind.ASK_DECISION: lambda _, __: "asked to decide",
    StepKind.DECISION: lambda _, __: "decided",
    StepKind.STAGE: _stage,
    StepKind.RELEASE: lambda _, __: "restrictions ended; the limits of the first stage stand already",
    StepKind.LIFT_LIMITS: lambda _, __: "the last limits are lifted: the account is whole again",
    StepKind.CLOSE: lambda result, _: f"incident closed: {result.get('outcome')}",
}
