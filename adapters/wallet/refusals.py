"""What an answer of the wallet means: done, refused for good, or nobody knows."""

from __future__ import annotations

import json
import re
from typing import Any, NoReturn

import httpx2

from models.errors import ErrorCode, StanchError, TooFast, WalletRefusal

ACCOUNT_UNKNOWN = "account_unknown"

NOT_ABOUT_THE_ACCOUNT = frozenset({401, 403, 405, 407, 408, 425, 429})
"""Statuses about our key, our speed or our route. They say nothing about the account, so they never end a freeze."""

NOT_THE_CONTRACT = frozenset({"not_found", "method_not_allowed"})
"""Codes of a server that does not know the route: a wrong address or version, not an answer."""

TOO_MANY = 429
LONGEST_WAIT = 60.0
"""Seconds. A wallet that asks for more is asked again anyway: the money does not wait that long."""

CODE = re.compile(r"[a-z][a-z0-9_]{0,63}")


def unreachable(why: str) -> StanchError:
    """Nobody can know whether the effect happened; the same key tells, or makes it happen."""
    return StanchError(
        ErrorCode.WALLET_UNREACHABLE,
        f"The wallet gave no usable answer ({why}). Whether it acted is unknown; repeating with the same key is safe.",
    )


def raise_for(response: httpx2.Response) -> NoReturn:
    """Raise what a failed answer means.

    Errors: ACCOUNT_UNKNOWN or WALLET_REFUSED (WalletRefusal with the wallet's own code) when the wallet itself refused, in
    the form its contract promises; WALLET_UNREACHABLE for everything else, a proxy's page included.
    """
    status = response.status_code
    if status == TOO_MANY:
        raise TooFast(
            ErrorCode.WALLET_UNREACHABLE,
            "The wallet bears no more calls at this moment. Nothing was done; the same call is repeated when it says so.",
            retry_after=_seconds(response.headers.get("retry-after", "")),
        )
    if status < 400 or status >= 500 or status in NOT_ABOUT_THE_ACCOUNT:
        raise unreachable(f"status {status}")
    code = problem_code(response)
    if code is None or code in NOT_THE_CONTRACT:
        raise unreachable(f"status {status} without a reason of the wallet's")
    if status == 404 and code == ACCOUNT_UNKNOWN:
        raise WalletRefusal(
            ErrorCode.ACCOUNT_UNKNOWN,
            "The wallet does not know this account. Nothing was changed; check the account id.",
            wallet_code=code,
        )
    raise WalletRefusal(
        ErrorCode.WALLET_REFUSED,
        f"The wallet refused for good ({code}). Nothing was changed there; a person must look at the account.",
        wallet_code=code,
    )


def problem_code(response: httpx2.Response) -> str | None:
    """The `code` of a problem+json answer, or None when this is not one."""
    if not response.headers.get("content-type", "").startswith("application/problem+json"):
        return None
    try:
        body: Any = json.loads(response.content)
    except (ValueError, RecursionError):
        return None
    code = body.get("code") if isinstance(body, dict) else None
    return code if isinstance(code, str) and CODE.fullmatch(code) else None


def _seconds(text: str) -> float:
    """The seconds of a Retry-After; one second where it says something else (a date, nothing)."""
    try:
        return min(max(float(text), 0.0), LONGEST_WAIT)
    except ValueError:
        return 1.0
