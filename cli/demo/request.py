"""What a demo is asked to show, checked before anything is started."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path
from typing import Final

from pydantic import TypeAdapter, ValidationError

from adapters.transfers.files import NO_CURRENCY, FileLedger, read_ledger
from cli.currencies import checked_currency
from cli.demo.scenario import RESTORED, SCENARIOS
from models.contracts.base import OpaqueId
from models.contracts.transfers import AccountKind, PostedTransfer
from models.errors import ErrorCode, StanchError

MOST_THEFTS: Final = 1000
JUST_BEFORE: Final = timedelta(microseconds=1)
NOTHING_STARTED: Final = "nothing was started"


@dataclass(frozen=True, kw_only=True)
class LedgerCase:
    """A ledger nobody here wrote, and what was stolen in it: transfers of one victim, in posting order."""

    ledger: FileLedger
    thefts: tuple[PostedTransfer, ...]
    currency: str

    @property
    def victim(self) -> str:
        """Whose money it was."""
        return self.thefts[0].src

    @property
    def compromised_since(self) -> datetime:
        """Just before the first theft: nothing else is known."""
        return self.thefts[0].posted_at - JUST_BEFORE


@dataclass(frozen=True, kw_only=True)
class DemoRequest:
    """`case` is None for the world that the sandbox makes from `seed`; only there `scenario` may be another story."""

    seed: int
    keep: bool
    wait_limit: int
    scenario: str = RESTORED.name
    case: LedgerCase | None = None


def request_of(
    *,
    seed: int,
    keep: bool,
    transfers: Path | None,
    accounts: Path | None,
    theft: str | None,
    currency: str | None,
    wait_limit: int,
    scenario: str | None = None,
) -> DemoRequest:
    """Read and check everything. Errors: INVALID, FILE_BROKEN, THEFT_UNKNOWN, THEFT_NOT_VICTIMS; nothing was started."""
    if scenario is not None and scenario not in SCENARIOS:
        raise StanchError(
            ErrorCode.INVALID,
            f"There is no scenario {scenario[:40]!r}; {NOTHING_STARTED}. Choose one of {', '.join(SCENARIOS)}.",
        )
    if transfers is None and accounts is None and theft is None and currency is None:
        return DemoRequest(seed=seed, keep=keep, wait_limit=wait_limit, scenario=scenario or RESTORED.name)
    if scenario is not None and scenario != RESTORED.name:
        raise StanchError(
            ErrorCode.INVALID,
            f"On a ledger of your own only the story `{RESTORED.name}` can be told; {NOTHING_STARTED}. Leave --scenario out.",
        )
    if transfers is None or accounts is None or theft is None:
        raise StanchError(
            ErrorCode.INVALID,
            f"A ledger of your own needs --transfers, --accounts and --theft together; {NOTHING_STARTED}. Add what is missing.",
        )
    code = checked_currency(currency or NO_CURRENCY)
    ledger = read_ledger(transfers, accounts, currency=code)
    case = LedgerCase(ledger=ledger, thefts=_thefts(ledger, theft), currency=code)
    return DemoRequest(seed=seed, keep=keep, wait_limit=wait_limit, case=case)


def _thefts(ledger: FileLedger, named: str) -> tuple[PostedTransfer, ...]:
    wanted = list(dict.fromkeys(name.strip() for name in named.split(",") if name.strip()))
    if not 0 < len(wanted) <= MOST_THEFTS:
        raise StanchError(
            ErrorCode.INVALID,
            f"--theft names {len(wanted)} transfers; {NOTHING_STARTED}. Name 1 to {MOST_THEFTS} of them.",
        )
    by_id = {transfer.transfer_id: transfer for transfer in ledger.transfers}
    unknown = [name for name in wanted if name not in by_id]
    if unknown:
        raise StanchError(
            ErrorCode.THEFT_UNKNOWN,
            f"{len(unknown)} of the named thefts are not among the file's {len(by_id)} valid transfers ({_quoted(unknown)}); "
            f"{NOTHING_STARTED}. Check --theft against the tx_id column.",
        )
    thefts = tuple(sorted((by_id[name] for name in wanted), key=lambda transfer: transfer.seq))
    victims = sorted({transfer.src for transfer in thefts})
    if len(victims) > 1:
        raise StanchError(
            ErrorCode.THEFT_NOT_VICTIMS,
            f"The named thefts leave {len(victims)} accounts ({_quoted(victims)}); {NOTHING_STARTED}. Name thefts of one victim.",
        )
    own = [transfer.transfer_id for transfer in thefts if transfer.src == transfer.dst]
    if own:
        raise StanchError(
            ErrorCode.THEFT_NOT_VICTIMS,
            f"A transfer to oneself takes nothing ({_quoted(own)}); {NOTHING_STARTED}. Name transfers that left the victim.",
        )
    if thefts[0].src_kind is not AccountKind.WALLET:
        raise StanchError(
            ErrorCode.THEFT_NOT_VICTIMS,
            f"The named thefts leave {victims[0]!r}, which is {thefts[0].src_kind.value} and no wallet account; {NOTHING_STARTED}. "
            "Name thefts of a customer in the accounts file.",
        )
    odd = [name for name in (*victims, *wanted) if not _is_reportable(name)]
    if odd:
        raise StanchError(
            ErrorCode.INVALID,
            f"An id that is to be reported must be 1 to 64 letters, digits, dots, colons or dashes ({_quoted(odd)}); {NOTHING_STARTED}.",
        )
    return thefts


def _is_reportable(name: str) -> bool:
    try:
        TypeAdapter(OpaqueId).validate_python(name)
    except ValidationError:
        return False
    return True


def _quoted(names: list[str], most: int = 3) -> str:
    shown = ", ".join(repr(name[:40]) for name in names[:most])
    return shown if len(names) <= most else f"{shown} and {len(names) - most} more"
