"""When which contact is sent its next code: each has its own rounds, for a mail is good for longer than an SMS."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from datetime import datetime


class CodeRounds:
    """Sent again when its own code expires, so often; not while its answer counts, and at once when it counts no more."""

    def __init__(self, contact_ids: Iterable[str], *, codes: int, now: datetime) -> None:
        self._codes = codes
        self._due = dict.fromkeys(contact_ids, now)
        self._sent = dict.fromkeys(self._due, 0)
        self._answered: set[str] = set()

    def heard(self, answered: Mapping[str, datetime | None], now: datetime, *, end: datetime) -> None:
        """Whose answer counts, and until when; None: for good."""
        for contact_id in self._due:
            if contact_id in answered:
                self._answered.add(contact_id)
                self._due[contact_id] = answered[contact_id] or end
            elif contact_id in self._answered:
                self._answered.discard(contact_id)
                self._due[contact_id] = now

    def next_round(self, now: datetime) -> dict[str, int]:
        """Who is sent a code now, and which of theirs it is."""
        return {
            each: self._sent[each] + 1
            for each, due in self._due.items()
            if due <= now and self._sent[each] < self._codes and each not in self._answered
        }

    def sent(self, contact_id: str, *, expires_at: datetime) -> None:
        """One was sent, or refused: the next is due when it would have expired."""
        self._sent[contact_id] += 1
        self._due[contact_id] = expires_at

    def until(self, end: datetime) -> datetime:
        """When there is something to do next."""
        return min([end, *(due for each, due in self._due.items() if self._sent[each] < self._codes)])
