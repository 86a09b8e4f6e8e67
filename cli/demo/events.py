"""What happened in a story, one event a line; many small ones of a kind become one line."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import Final

from models.money import sum_of_money


class Who(StrEnum):
    """Whose doing it was."""

    THIEF = "thief"
    WALLET = "wallet"
    STANCH = "stanch"
    OWNER = "owner"
    CALLER = "caller"
    PEOPLE = "people"


class Kind(StrEnum):
    """What may be told together."""

    PASSED_ON = "passed_on"
    TAKEN_OUT = "taken_out"
    REFUSED = "refused"
    HELD = "held"
    MISSED = "missed"
    RESET = "reset"
    TOLD = "told"
    GIVEN_BACK = "given_back"
    RECALLED = "recalled"
    STOPPED = "stopped"


@dataclass(frozen=True, kw_only=True)
class Small:
    """One of many: how much money, and the word that tells it from the others (an exit, an action)."""

    kind: Kind
    currency: str = ""
    amount: int = 0
    word: str = ""


@dataclass(frozen=True, kw_only=True)
class Event:
    """`at` is when it happened by the clock of whoever recorded it, which is one clock on one machine."""

    at: datetime
    who: Who
    text: str = ""
    small: Small | None = None


def told_together(events: Iterable[Event]) -> list[Event]:
    """The events in order; small ones of a kind and currency as one, at the time of the last of them."""
    groups: dict[tuple[Kind, str], list[Event]] = {}
    told: list[Event] = []
    for event in sorted(events, key=lambda event: event.at):
        if event.small is None:
            told.append(event)
        else:
            groups.setdefault((event.small.kind, event.small.currency), []).append(event)
    for (kind, currency), group in groups.items():
        smalls = [event.small for event in group if event.small is not None]
        money = sum_of_money(sum(small.amount for small in smalls), currency)
        told.append(Event(at=group[-1].at, who=group[0].who, text=WORDS[kind](smalls, money)))
    return sorted(told, key=lambda event: event.at)


def _counted(smalls: Sequence[Small]) -> str:
    counts = Counter(small.word for small in smalls)
    return ", ".join(f"{word} {count} times" if count > 1 else word for word, count in counts.items())


def _passed_on(smalls: Sequence[Small], money: str) -> str:
    return f"passes {money} on, {_times(smalls)} from mule to mule"


def _taken_out(smalls: Sequence[Small], money: str) -> str:
    return f"takes {money} out of the wallet: {', '.join(sorted({small.word for small in smalls}))}"


def _refused(smalls: Sequence[Small], _: str) -> str:
    return f"refuses: {_counted(smalls)}"


def _held(smalls: Sequence[Small], money: str) -> str:
    return f"holds {money} where it lies, in {len(smalls)} place{'s' if len(smalls) > 1 else ''}"


def _missed(smalls: Sequence[Small], _: str) -> str:
    return f"comes too late {_times(smalls)}: the money had moved on and is followed"


def _reset(smalls: Sequence[Small], _: str) -> str:
    return f"resets {len(smalls)} security setting{'s' if len(smalls) > 1 else ''}, one receipt each: {_counted(smalls)}"


def _told(smalls: Sequence[Small], _: str) -> str:
    return f"tells {len(smalls)} holder{'s' if len(smalls) > 1 else ''} of held money, and how to object"


def _given_back(smalls: Sequence[Small], money: str) -> str:
    return f"gives {money} back to the owner, one transfer for each of {len(smalls)} hold{'s' if len(smalls) > 1 else ''}"


def _recalled(smalls: Sequence[Small], _: str) -> str:
    return f"asks other institutions for what had left: {len(smalls)} recall{'s' if len(smalls) > 1 else ''}"


def _stopped(smalls: Sequence[Small], _: str) -> str:
    many = "payments" if len(smalls) > 1 else "payment"
    return f"stops {len(smalls)} {many} in flight for good: allowed by the thief, due after the freeze"


def _times(smalls: Sequence[Small]) -> str:
    return "once" if len(smalls) == 1 else f"{len(smalls)} times"


WORDS: Final[Mapping[Kind, Callable[[Sequence[Small], str], str]]] = {
    Kind.PASSED_ON: _passed_on,
    Kind.TAKEN_OUT: _taken_out,
    Kind.REFUSED: _refused,
    Kind.HELD: _held,
    Kind.MISSED: _missed,
    Kind.RESET: _reset,
    Kind.TOLD: _told,
    Kind.GIVEN_BACK: _given_back,
    Kind.RECALLED: _recalled,
    Kind.STOPPED: _stopped,
}
