"""What happened in a story, one event a line."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum


class Who(StrEnum):
    """Whose doing it was."""

    THIEF = "thief"
    WALLET = "wallet"
    STANCH = "stanch"
    OWNER = "owner"
    PEOPLE = "people"


@dataclass(frozen=True, kw_only=True)
class Event:
    """`at` is when it happened by the clock of whoever recorded it, which is one clock on one machine."""

    at: datetime
    who: Who
    text: str
