"""Which institution is behind an exit, and how it is reached: read from the settings, first match wins."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from models.contracts.recalls import RecalledTransfer
from models.contracts.transfers import AccountKind
from models.errors import ErrorCode, StanchError


@dataclass(frozen=True, kw_only=True)
class Route:
    """One institution. It is behind an exit with one of its BICs, else one of its accounts, else one of its kinds.

    `form` is `camt056` or `neutral`. With `url` messages go over HTTPS, else as files into `outbox`; `inbox` is where its
    answers may be put as files. `operators` are the logins that may answer for it at the gateway.
    """

    name: str
    form: Literal["camt056", "neutral"]
    bics: frozenset[str] = frozenset()
    exit_accounts: frozenset[str] = frozenset()
    exit_kinds: frozenset[AccountKind] = frozenset()
    operators: frozenset[str] = frozenset()
    url: str | None = None
    key: str = ""
    signing_key: bytes | None = None
    outbox: Path | None = None
    inbox: Path | None = None


def route_of(routes: tuple[Route, ...], transfer: RecalledTransfer) -> Route | None:
    """The most exact one: by BIC before by account before by kind, in the order of the settings."""
    bic = transfer.bank.bic if transfer.bank else None
    for found in (
        next((route for route in routes if bic is not None and bic in route.bics), None),
        next((route for route in routes if transfer.exit_account in route.exit_accounts), None),
        next((route for route in routes if transfer.exit_kind in route.exit_kinds), None),
    ):
        if found is not None:
            return found
    return None


def refused(why: str) -> StanchError:
    """The institution said no to the message itself."""
    return StanchError(
        ErrorCode.INSTITUTION_REFUSED,
        f"The institution does not take this message ({why}). Nothing was asked; look at what it needs and at its settings.",
    )


def unreachable(why: str) -> StanchError:
    """Nobody can know whether it has the message; the same message again is the same message."""
    return StanchError(
        ErrorCode.INSTITUTION_UNREACHABLE,
        f"The institution gave no usable answer ({why}). Whether it has the message is unknown; sending it again is safe.",
    )


def nobody() -> StanchError:
    """No institution is set up behind this exit."""
    return StanchError(
        ErrorCode.NO_INSTITUTION,
        "No institution is set up for this exit, so nobody was asked. Set STANCH_RECALL_ROUTES; it is tried again.",
    )
