"""What a reader of ledger files refuses: one row, by name, or the whole file."""

from __future__ import annotations

from models.contracts.base import MAX_AMOUNT, Message
from models.errors import ErrorCode, StanchError

LONGEST_ID = 128
"""Characters of an id; the largest a wallet is expected to give."""


class RefusedRow(Message):
    """One row that was left out, and why. `line` is the line of the file it ends on, the header being line 1."""

    file: str
    line: int
    reason: str

    def __str__(self) -> str:
        """As named on stderr."""
        return f"{self.file} line {self.line}: {self.reason}"


class RowFault(ValueError):
    """This row cannot be taken; the text says why."""


def broken(file: str, what: str) -> StanchError:
    """The error for a file that is refused whole."""
    return StanchError(
        ErrorCode.FILE_BROKEN,
        f"{file} was refused as a whole and nothing of it was imported: {what}. Repair the file and import it again.",
    )


def amount_of(text: str, *, least: int) -> int:
    """Whole minor units from plain digits. Raises RowFault."""
    if text.isascii() and text.isdigit() and len(text) < len(str(MAX_AMOUNT)) and int(text) >= least:
        return int(text)  # nearly every row
    digits = text.removeprefix("-")
    if not (digits.isascii() and digits.isdigit()):
        raise RowFault(f"amount {shown(text)} is not a whole number of minor units")
    if len(digits.lstrip("0")) > len(str(MAX_AMOUNT)) or int(digits) > MAX_AMOUNT:
        raise RowFault(f"amount {shown(text)} is beyond 2^63-1")
    amount = int(text)
    if amount < least:
        raise RowFault(f"amount {amount} is {'negative' if amount < 0 else 'zero'}")
    return amount


def id_of(text: str, what: str) -> str:
    """The id exactly as written. Raises RowFault when it is empty, too long, or has control characters."""
    if not text or text.isspace():
        raise RowFault(f"{what} is empty")
    if len(text) > LONGEST_ID:
        raise RowFault(f"{what} is longer than {LONGEST_ID} characters")
    if not text.isprintable():
        raise RowFault(f"{what} {shown(text)} has characters that cannot be printed")
    return text


def shown(text: str) -> str:
    """A short quotation for a message."""
    return repr(text if len(text) <= 40 else text[:40] + "...")
