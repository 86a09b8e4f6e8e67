"""Gives the rows of a file their posting times, however little the file says about time."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

FIRST_STEP_AT = datetime(2025, 1, 1, tzinfo=UTC)
"""Where step 0 is put unless the caller says otherwise: fixed, so that the same file is the same ledger every time."""

_MINUTE = timedelta(minutes=1)
_MICROSECOND = timedelta(microseconds=1)
_LARGEST_STEP = 100_000_000
"""Minutes; some 190 years. Beyond it a number is not a step."""


class PostingTimes:
    """Maps the time column to UTC. Row order is the order: a posting time never runs backwards.

    A whole number n is n minutes after the start; rows of one minute are one microsecond apart, so that "just before
    this transfer" means something. Other cells are read as ISO 8601. A row without a usable time takes its predecessor's.
    """

    def __init__(self, column: str | None, start: datetime = FIRST_STEP_AT) -> None:
        self._column = column
        self._start = start
        self._latest = start - _MICROSECOND
        self._rows = 0
        self._cell, self._at = "", self._read("")
        self._unusable = 0
        self._backwards = 0

    def take(self, cell: str) -> datetime:
        """The posting time of the next row."""
        self._rows += 1
        if self._column is None:
            return self._start + (self._rows - 1) * _MINUTE
        if cell != self._cell:
            self._cell, self._at = cell, self._read(cell)
        at = self._at
        if at is None:
            self._unusable += 1
        elif at > self._latest:
            self._latest = at
            return at
        elif at < self._latest.replace(second=0, microsecond=0):
            self._backwards += 1
        self._latest += _MICROSECOND
        return self._latest

    def mapping(self) -> str:
        """What was done, in a sentence or two."""
        start = self._start.isoformat()
        if self._column is None:
            return f"The file states no time: row n is posted n minutes after {start}, UTC."
        text = (
            f"Column {self._column}: step n is posted n minutes after {start}, UTC; rows of one step follow each other "
            "by a microsecond; row order is posting order."
        )
        if self._unusable:
            text += f" {self._unusable} rows had no usable time and took that of the row before."
        if self._backwards:
            text += f" {self._backwards} rows went back in time and took that of the row before."
        return text

    def _read(self, cell: str) -> datetime | None:
        cell = cell.strip()
        if cell.isascii() and cell.isdigit():
            return (
                self._start + int(cell) * _MINUTE if len(cell) < 10 and int(cell) <= _LARGEST_STEP else None
            )
        try:
            at = datetime.fromisoformat(cell)
        except ValueError:
            return None
        return at.astimezone(UTC) if at.tzinfo is not None else at.replace(tzinfo=UTC)
