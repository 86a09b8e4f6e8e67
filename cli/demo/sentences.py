"""A recorded step in the words of the story."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from cli.demo.events import Event, Kind, Small, Who
from models.money import sum_of_money
from models.names import Outcome, PaymentState, StepKind, StepStatus

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping
    from datetime import datetime

SILENT: Final = frozenset(
    {
        StepKind.CATCH_UP,
        StepKind.THEFTS,
        StepKind.FIND_PAYMENTS,
        StepKind.NOTICE,
        StepKind.RECALL_SEND,
        StepKind.RECALL_CHASE,
        StepKind.RECALL_WITHDRAW,
        StepKind.RECALL_CLOSE,
    }
)
WHO: Final = {
    StepKind.VERIFY_IDENTITY: Who.OWNER,
    StepKind.ASK_DECISION: Who.PEOPLE,
    StepKind.DECISION: Who.PEOPLE,
}
BY_CLAIMANTS: Final = frozenset({StepKind.FACTOR, StepKind.CALL_BACK})
PLACES: Final = {
    "held": "still in the wallet",
    "exited": "gone",
    "pooled": "mixed with others' money",
    "returned": "come back",
    "pruned": "not followed",
}
SCOPES: Final = {
    "full": "no money leaves, no login, no change",
    "outgoing": "no money leaves, no change; the owner may still look",
}


def told(step: Mapping[str, Any], at: datetime, currency: str) -> Event | None:
    """What a step is in the story; None for what only prepares another one."""
    kind = StepKind(step["kind"])
    who = WHO.get(kind, Who.STANCH)
    result: Mapping[str, Any] = step.get("result") or {}
    if step["status"] == StepStatus.REFUSED and kind in BY_CLAIMANTS:
        return Event(at=at, who=who, text=f"does not count {_factor(result)}: {_why(step, result)}")
    if step["status"] == StepStatus.REFUSED:
        return Event(at=at, who=who, text=f"{kind.value} was refused: {_why(step, result)}")
    if kind in SILENT:
        return None
    small = _small(kind, result, currency)
    if small is not None:
        return Event(at=at, who=who, small=small)
    if kind is StepKind.ASK_DECISION:
        question = str(step["step_key"]).split("/")[1].replace("_", " ")
        return Event(at=at, who=who, text=f"are asked: {question}?")
    tell = SENTENCES.get(kind)
    known = {**result, "reason": step.get("reason")}
    return Event(at=at, who=who, text=tell(known) if tell else f"{kind.value} {step['step_key']}")


def _why(step: Mapping[str, Any], result: Mapping[str, Any]) -> str:
    refusal = result.get("refusal") or {}
    return str(refusal.get("code") or step.get("reason") or "see the step").replace("_", " ")


def _factor(result: Mapping[str, Any]) -> str:
    return str(result.get("factor") or "what was shown").replace("_", " ")


def _small(kind: StepKind, result: Mapping[str, Any], currency: str) -> Small | None:
    if kind is StepKind.RESET_ITEM:
        return Small(kind=Kind.RESET, word=str(result.get("item")))
    if kind is StepKind.STOP_PAYMENT and result.get("state") == PaymentState.STOPPED:
        return Small(kind=Kind.STOPPED)
    if kind is StepKind.RECALL_OPEN:
        return Small(kind=Kind.RECALLED)
    if kind is StepKind.TELL_HOLDER:
        return Small(kind=Kind.TOLD)
    if kind is StepKind.RESTITUTE:
        return Small(kind=Kind.GIVEN_BACK, currency=currency, amount=int(result.get("amount") or 0))
    if kind is not StepKind.HOLD:
        return None
    amount = int(result.get("amount") or 0)
    return Small(kind=Kind.HELD, currency=currency, amount=amount) if amount else Small(kind=Kind.MISSED)


def _compared_security(result: Mapping[str, Any]) -> str:
    items = result.get("items", ())
    counts = {
        name: sum(int(item.get(name) or 0) for item in items) for name in ("added", "changed", "removed")
    }
    said = ", ".join(f"{count} {name}" for name, count in counts.items() if count) or "nothing touched"
    return f"settings compared with before {_time(result.get('compromised_since'))}: {said}"


def _freeze(result: Mapping[str, Any]) -> str:
    return f"account frozen: {SCOPES.get(result.get('scope', ''), 'restricted')}"


def _alarm(result: Mapping[str, Any]) -> str:
    named = result.get("named_transfers", 0)
    return f"alarm taken up, {named} transfers named; nothing set since {_time(result.get('compromised_since'))} is trusted"


def _plan(result: Mapping[str, Any]) -> str:
    usable, refused = len(result.get("usable", ())), len(result.get("refused", ()))
    return f"{usable} contacts are older than the theft and may prove the owner; {refused} set since may not"


def _challenge(_: Mapping[str, Any]) -> str:
    return "one-time code sent to a contact older than the theft"


def _verified(result: Mapping[str, Any]) -> str:
    factors = sorted(str(factor).partition(":")[0] for factor in result.get("factors", ()))
    return f"the owner is proven by {' and '.join(factors)}"


def _trace(result: Mapping[str, Any]) -> str:
    summary = result.get("summary", {})
    flow, currency = summary.get("flow", {}), summary.get("currency", "XXX")
    parts = [
        f"{word} {sum_of_money(flow[name], currency)}" for name, word in PLACES.items() if flow.get(name)
    ]
    return f"traced {sum_of_money(flow.get('stolen', 0), currency)} to the cent: {', '.join(parts)}"


def _compared(result: Mapping[str, Any]) -> str:
    held = [each["held"] for each in result.get("ranges", ()) if each.get("held") is not None]
    least, most = (sum_of_money(end(held, default=0), result.get("currency", "XXX")) for end in (min, max))
    return f"by whichever rule: between {least} and {most} of it is still in the wallet"


def _read_back(result: Mapping[str, Any]) -> str:
    missing = result.get("missing") or {}
    return (
        f"read back at the wallet: {', '.join(missing)} not clean"
        if missing
        else "read back at the wallet: all twelve clean"
    )


def _release(result: Mapping[str, Any]) -> str:
    in_stages = str(result.get("reason") or "").endswith(Outcome.RESTORED)
    return "restrictions ended" + ("; the limits of the first stage stand already" if in_stages else "")


def _stage(result: Mapping[str, Any]) -> str:
    return f"cool-down stage {result.get('stage')} until {_time(result.get('ends_at'))}"


def _time(instant: Any) -> str:
    """The time of day of an instant in text."""
    return str(instant)[11:19] if instant else "?"


SENTENCES: Final[Mapping[StepKind, Callable[[Mapping[str, Any]], str]]] = {
    StepKind.FREEZE: _freeze,
    StepKind.ALARM: _alarm,
    StepKind.PLAN_IDENTITY: _plan,
    StepKind.CHALLENGE: _challenge,
    StepKind.VERIFY_IDENTITY: _verified,
    StepKind.FACTOR: lambda result: f"a claimant shows {_factor(result)}, and it counts",
    StepKind.CALL_BACK: lambda _: "somebody on an old number confirms a claim",
    StepKind.TRACE: _trace,
    StepKind.COMPARE_RULES: _compared,
    StepKind.COMPARE_SECURITY: _compared_security,
    StepKind.STOP_PAYMENT: lambda _: "a payment in flight had moved its money first: the trace follows it",
    StepKind.RELEASE_HOLD: lambda _: "a hold released",
    StepKind.CANCEL_PAYOUT: lambda _: "a payout stopped at the wallet before it left",
    StepKind.RECALL_ANSWER: lambda result: f"an institution answers: {result.get('status', 'see the step')}",
    StepKind.RECALL_MONEY: lambda _: "recalled money has come back",
    StepKind.END_HOLD: lambda _: "a hold ended: its units are back in their place",
    StepKind.RENEW_HOLD: lambda _: "a hold renewed on its legal basis",
    StepKind.FREEZE_MULE: lambda _: "a mule's whole account frozen, by two people's decision",
    StepKind.RELEASE_MULE: lambda _: "a mule's account released",
    StepKind.COMPROMISE_TIME: lambda result: (
        f"people moved the compromise time: nothing set since {_time(result.get('compromised_since'))} is trusted"
    ),
    StepKind.CHANGE_THEFTS: lambda _: "people changed what counts as stolen; the money is traced anew",
    StepKind.READ_BACK: _read_back,
    StepKind.OWNER_LINK: lambda _: "one-use link for a new password sent to a contact older than the theft",
    StepKind.DECISION: lambda _: "decided",
    StepKind.STAGE: _stage,
    StepKind.RELEASE: _release,
    StepKind.LIFT_LIMITS: lambda _: "the last limits are lifted: the account is whole again",
    StepKind.CLOSE: lambda result: f"incident closed: {result.get('outcome')}",
}
