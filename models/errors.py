"""Errors for two readers: a stable code for programs, a sentence for people."""

from __future__ import annotations

from enum import StrEnum


class ErrorCode(StrEnum):
    """Every code that leaves the system: in problem+json, in `--json`, as the type of an ApplicationError."""

    INVALID = "invalid"
    UNAUTHENTICATED = "unauthenticated"
    FORBIDDEN = "forbidden"
    NOT_FOUND = "not_found"
    METHOD_NOT_ALLOWED = "method_not_allowed"
    TOO_LARGE = "too_large"
    ACCOUNT_UNKNOWN = "account_unknown"
    ALARM_CONFLICT = "alarm_conflict"
    NOT_ACCEPTED = "not_accepted"
    REFUSED_BY_RULE = "refused_by_rule"
    ALREADY_DECIDED = "already_decided"
    FOUR_EYES = "four_eyes"
    CODE_WRONG = "code_wrong"
    CODE_LATE = "code_late"
    CODE_USED = "code_used"
    TOO_MANY_ATTEMPTS = "too_many_attempts"
    ALARM_WAITING = "alarm_waiting"
    RESET_INCOMPLETE = "reset_incomplete"
    PROOF_IN_DOUBT = "proof_in_doubt"
    WALLET_REFUSED = "wallet_refused"
    WALLET_UNREACHABLE = "wallet_unreachable"
    DATABASE_UNREACHABLE = "database_unreachable"
    TEMPORAL_UNREACHABLE = "temporal_unreachable"
    NO_INSTITUTION = "no_institution"
    INSTITUTION_REFUSED = "institution_refused"
    INSTITUTION_UNREACHABLE = "institution_unreachable"
    FEED_GAP = "feed_gap"
    FEED_CONFLICT = "feed_conflict"
    FILE_BROKEN = "file_broken"
    FORMAT_UNKNOWN = "format_unknown"
    THEFT_UNKNOWN = "theft_unknown"
    THEFT_NOT_VICTIMS = "theft_not_victims"
    CURRENCY_MIXED = "currency_mixed"
    ILLEGAL_MOVE = "illegal_move"
    ERASED = "erased"
    INTERNAL = "internal"


class StanchError(Exception):
    """A refusal or failure that a person will read.

    `message` is one sentence or two: what happened, what is safe, what to do next. It holds no personal data.
    """

    def __init__(self, code: ErrorCode, message: str) -> None:
        super().__init__(message)
        self.code = code
        self.message = message

    def matches(self, code: ErrorCode) -> bool:
        """Whether this is the failure named by `code`; callers test codes, never texts."""
        return self.code is code


class TooFast(StanchError):
    """The other side bears no more calls now. `retry_after` (seconds) is when it says it will again."""

    def __init__(self, code: ErrorCode, message: str, *, retry_after: float) -> None:
        super().__init__(code, message)
        self.retry_after = retry_after


class WalletRefusal(StanchError):
    """The wallet said no for good. `wallet_code` is the code of its problem+json, for evidence and for agents."""

    def __init__(self, code: ErrorCode, message: str, *, wallet_code: str) -> None:
        super().__init__(code, message)
        self.wallet_code = wallet_code
