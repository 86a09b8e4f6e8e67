"""Opening money nobody stated: the least that keeps every wallet and pooling account from going negative."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from models.contracts.base import MAX_AMOUNT
from models.contracts.transfers import AccountKind, OpeningBalance, PostedTransfer
from tracing.posting import AccountKey


class Inference:
    """Walks a ledger in posting order and keeps what each account lacked so far.

    An account absent from `balances` starts with nothing. Exits are never short.
    """

    def __init__(self, balances: Mapping[AccountKey, int]) -> None:
        self.missing: dict[AccountKey, int] = {}
        self._now = dict(balances)
        self._ends = dict(balances)

    def post(self, transfer: PostedTransfer) -> str | None:
        """Take one transfer. Returns the account it would take past 2^63 - 1 units in all; then nothing changed."""
        if transfer.src == transfer.dst:
            return None
        amount = transfer.amount
        payer, payee = (transfer.src, transfer.currency), (transfer.dst, transfer.currency)
        end = self._ends.get(payee, 0) + amount
        if end > MAX_AMOUNT:
            return transfer.dst
        left = self._now.get(payer, 0) - amount
        if transfer.src_kind.is_exit:
            if left < -MAX_AMOUNT:
                return transfer.src
        elif left < 0:
            if self._ends.get(payer, 0) - left > MAX_AMOUNT:
                return transfer.src
            self._ends[payer] = self._ends.get(payer, 0) - left
            self.missing[payer] = self.missing.get(payer, 0) - left
            left = 0
        self._ends[payee] = end
        self._now[payer] = left
        if not transfer.dst_kind.is_exit:
            self._now[payee] = self._now.get(payee, 0) + amount
        return None


def missing_money(
    transfers: Iterable[PostedTransfer], balances: Mapping[AccountKey, int]
) -> dict[AccountKey, int]:
    """Units each account lacks, in total, to make these payments on top of `balances`; others are left out.

    Ends before a payment that would take an account past 2^63 - 1.
    """
    inference = Inference(balances)
    for transfer in transfers:
        if inference.post(transfer) is not None:
            break
    return inference.missing


def complete_openings(
    missing: Mapping[AccountKey, int], given: Iterable[OpeningBalance], kinds: Mapping[str, AccountKind]
) -> list[OpeningBalance]:
    """The given openings with what was missing added and named as inferred; accounts nobody stated come last.

    `kinds` tells the kind of an account that has no given opening.
    """
    unstated = dict(missing)
    completed = []
    for opening in given:
        lack = unstated.pop((opening.account_id, opening.currency), 0)
        completed.append(_more(opening, lack) if lack else opening)
    for (account_id, currency), lack in unstated.items():
        nothing = OpeningBalance(account_id=account_id, kind=kinds[account_id], currency=currency, amount=0)
        completed.append(_more(nothing, lack))
    return completed


def _more(opening: OpeningBalance, lack: int) -> OpeningBalance:
    return opening.model_copy(update={"amount": opening.amount + lack, "inferred": opening.inferred + lack})
