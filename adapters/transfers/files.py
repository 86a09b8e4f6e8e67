"""A ledger in two files: transfers (`tx_id, src, dst, amount_cents`, perhaps `time` or `step`) and accounts
(`account, opening_cents`, perhaps `kind`). Row order is posting order; other columns are ignored.
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Sequence
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

from pydantic import TypeAdapter

from adapters.transfers.file_times import FIRST_STEP_AT, PostingTimes
from adapters.transfers.refusals import RefusedRow, RowFault, amount_of, id_of, shown
from adapters.transfers.tables_in_files import FileTable
from models.contracts.base import Currency
from models.contracts.transfers import AccountKind, OpeningBalance, PostedTransfer
from tracing.openings import Inference, complete_openings
from tracing.ports import TransferPage

NO_CURRENCY = "XXX"
"""ISO 4217 for a file that does not say: no currency."""

_BATCH = 5_000
_KINDS = tuple(kind.value for kind in AccountKind if kind is not AccountKind.AWARDED)


@dataclass(frozen=True, slots=True)
class FileLedger:
    """What two files hold once the faulty rows are left out.

    `transfers` have `seq` 1.. in row order. `openings` cover every payment: what had to be added is their `inferred`.
    `mapping` says how times were read.
    """

    transfers: list[PostedTransfer]
    openings: list[OpeningBalance]
    refused: list[RefusedRow]
    mapping: str

    @property
    def inferred_count(self) -> int:
        """How many accounts had too little opening money."""
        return sum(1 for opening in self.openings if opening.inferred)

    @property
    def inferred_amount(self) -> int:
        """How much they lacked in all, minor units."""
        return sum(opening.inferred for opening in self.openings)


def read_ledger(
    transfers: Path, accounts: Path, *, currency: str = NO_CURRENCY, start: datetime = FIRST_STEP_AT
) -> FileLedger:
    """Read both files. A faulty row is left out and named; an account that has no row of its own is `outside`.

    Errors: FILE_BROKEN when one of the files cannot be trusted as a whole; then nothing is returned of either.
    """
    TypeAdapter(Currency).validate_python(currency)
    account_table, transfer_table = FileTable(accounts), FileTable(transfers)
    stated = _Accounts(currency)
    for cells in account_table.rows(("account", "opening_cents"), ("kind",)):
        try:
            stated.take(cells)
        except RowFault as fault:
            account_table.refuse(str(fault))
    time_column = next((name for name in ("time", "step") if name in transfer_table.header()), None)
    posting = _Posting(stated, PostingTimes(time_column, start))
    optional = () if time_column is None else (time_column,)
    for cells in transfer_table.rows(("tx_id", "src", "dst", "amount_cents"), optional):
        try:
            posting.take(cells)
        except RowFault as fault:
            transfer_table.refuse(str(fault))
    return FileLedger(
        transfers=posting.transfers,
        openings=complete_openings(posting.inference.missing, stated.openings.values(), posting.kinds),
        refused=account_table.refused + transfer_table.refused,
        mapping=posting.times.mapping(),
    )


class FileTransferSource:
    """A ledger from files as a feed, for the transfer index."""

    def __init__(self, ledger: FileLedger) -> None:
        self._ledger = ledger

    async def openings(self) -> AsyncIterator[Sequence[OpeningBalance]]:
        """All opening balances, in batches."""
        for first in range(0, len(self._ledger.openings), _BATCH):
            yield self._ledger.openings[first : first + _BATCH]

    async def after(self, seq: int, limit: int) -> TransferPage:
        """The next rows; the last row of the file is the head."""
        transfers = self._ledger.transfers
        return TransferPage.model_construct(
            transfers=tuple(transfers[seq : seq + limit]),
            head_seq=len(transfers),
            head_at=transfers[-1].posted_at if transfers else None,
        )


class _Accounts:
    """The accounts file, row by row."""

    def __init__(self, currency: str) -> None:
        self.currency = currency
        self.openings: dict[str, OpeningBalance] = {}

    def take(self, cells: Sequence[str]) -> None:
        """One account. Raises RowFault."""
        account, opening, kind = cells
        account_id = id_of(account, "account")
        if account_id in self.openings:
            raise RowFault(f"account {shown(account_id)} is already stated by an earlier row")
        if kind and kind not in _KINDS:
            raise RowFault(f"kind {shown(kind)} is none of {', '.join(_KINDS)}")
        self.openings[account_id] = OpeningBalance(
            account_id=account_id,
            kind=AccountKind(kind) if kind else AccountKind.WALLET,
            currency=self.currency,
            amount=amount_of(opening, least=0),
        )


class _Posting:
    """The transfers file, row by row."""

    def __init__(self, stated: _Accounts, times: PostingTimes) -> None:
        self.transfers: list[PostedTransfer] = []
        self.kinds = {account_id: opening.kind for account_id, opening in stated.openings.items()}
        self.times = times
        self.inference = Inference(
            {
                (opening.account_id, opening.currency): opening.amount
                for opening in stated.openings.values()
                if not opening.kind.is_exit
            }
        )
        self._currency = stated.currency
        self._taken: set[str] = set()

    def take(self, cells: Sequence[str]) -> None:
        """One transfer, posted after those before it. Raises RowFault, and then it is as if it had not been there."""
        transfer_id, src, dst, amount, *time = cells
        if id_of(transfer_id, "tx_id") in self._taken:
            raise RowFault(f"tx_id {shown(transfer_id)} is already taken by an earlier row")
        transfer = PostedTransfer(
            seq=len(self.transfers) + 1,
            transfer_id=transfer_id,
            src=src,
            dst=dst,
            src_kind=self._kind(src, "src"),
            dst_kind=self._kind(dst, "dst"),
            amount=amount_of(amount, least=1),
            currency=self._currency,
            posted_at=self.times.take(time[0] if time else ""),
        )
        full = self.inference.post(transfer)
        if full is not None:
            raise RowFault(f"it would take account {shown(full)} past 2^63-1 minor units in all")
        self._taken.add(transfer_id)
        self.transfers.append(transfer)

    def _kind(self, account_id: str, what: str) -> AccountKind:
        kind = self.kinds.get(account_id)
        if kind is None:
            kind = self.kinds[id_of(account_id, what)] = AccountKind.OUTSIDE
        return kind
