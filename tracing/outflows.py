"""What the rules without units read of a ledger: the payments of stained accounts, and holds on their money."""

from __future__ import annotations

from typing import NamedTuple


class Outflow(NamedTuple):
    """One whole posting that moved money. Balances are in its currency and include money on hold.

    `src_balance_after` is what lay in the payer's account right after it, `dst_balance_before` in the payee's right
    before it. `reverses` names the transfer it undoes, `hold_id` the hold whose money it carries.
    """

    seq: int
    transfer_id: str
    src: str
    dst: str
    dst_kind: str
    amount: int
    src_balance_after: int
    dst_balance_before: int
    reverses: str | None = None
    hold_id: str | None = None


class HoldChange(NamedTuple):
    """From posting `after_seq` + 1 on, `amount` minor units of `account_id` lie on hold (negative: no longer).

    `stolen`: the hold is on money of this very trace; a hold of another incident only keeps money from being spent.
    """

    after_seq: int
    account_id: str
    hold_id: str
    amount: int
    stolen: bool
