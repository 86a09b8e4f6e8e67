"""What a check found."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from enum import StrEnum
from typing import Any


class State(StrEnum):
    """`attention`: it works and should be looked at. `bad`: it must be mended. `unreachable`: it is not there."""

    GOOD = "good"
    ATTENTION = "attention"
    BAD = "bad"
    UNREACHABLE = "unreachable"


@dataclass(frozen=True, kw_only=True)
class Finding:
    """`seen` is a fact, `advice` what to do about it (empty when nothing). `needed`: the product cannot work without it."""

    name: str
    state: State
    seen: str
    advice: str = ""
    needed: bool = True

    def document(self) -> dict[str, Any]:
        """For `--json`."""
        return asdict(self)


def good(name: str, seen: str, *, needed: bool = True) -> Finding:
    """Nothing to do."""
    return Finding(name=name, state=State.GOOD, seen=seen, needed=needed)
