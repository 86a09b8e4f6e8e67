"""What a shell learns from us: 0 done, 2 bad input, 3 refused by a rule, 4 something needed is not reachable."""

from __future__ import annotations

from enum import IntEnum
from typing import Final

from models.errors import ErrorCode


class ExitCode(IntEnum):
    """1 is our own mistake; 128 + n says that signal n ended us, as shells count."""

    DONE = 0
    INTERNAL = 1
    BAD_INPUT = 2
    REFUSED = 3
    UNREACHABLE = 4


BAD_INPUT: Final = frozenset(
    {
        ErrorCode.INVALID,
        ErrorCode.NOT_FOUND,
        ErrorCode.ACCOUNT_UNKNOWN,
        ErrorCode.CODE_WRONG,
        ErrorCode.FILE_BROKEN,
        ErrorCode.FORMAT_UNKNOWN,
        ErrorCode.THEFT_UNKNOWN,
        ErrorCode.THEFT_NOT_VICTIMS,
        ErrorCode.CURRENCY_MIXED,
        ErrorCode.TOO_LARGE,
    }
)
UNREACHABLE: Final = frozenset(
    {
        ErrorCode.NOT_ACCEPTED,
        ErrorCode.WALLET_UNREACHABLE,
        ErrorCode.DATABASE_UNREACHABLE,
        ErrorCode.TEMPORAL_UNREACHABLE,
        ErrorCode.INSTITUTION_UNREACHABLE,
    }
)


def exit_code(code: ErrorCode) -> ExitCode:
    """The exit code for an error. Whatever is neither bad input, nor unreachable, nor our mistake was refused by a rule."""
    if code is ErrorCode.INTERNAL:
        return ExitCode.INTERNAL
    if code in BAD_INPUT:
        return ExitCode.BAD_INPUT
    return ExitCode.UNREACHABLE if code in UNREACHABLE else ExitCode.REFUSED
