"""The reach list: every account that money from the thefts could have touched, in time order. It is not money.

The rule some call poison taints a payment whole on any contact, so sums over it exceed what was stolen: it names accounts
worth a look, and no amount is ever given with it.
"""

from __future__ import annotations

from collections.abc import Sequence
from heapq import heappop, heappush
from typing import NamedTuple

from models.contracts.transfers import AccountKind
from tracing.places import Place, place_of
from tracing.ports import Ledger
from tracing.thefts import victim_of

ROWS_AT_ONCE = 512

LABEL = "contact only; these accounts may hold nothing of what was stolen"
"""Stands beside every reach list that is shown."""


class Reached(NamedTuple):
    """An account, the posting by which it was first in contact, and after how many transfers."""

    account_id: str
    kind: str
    since_seq: int
    hop: int


def reach(
    ledger: Ledger, *, thefts: Sequence[str], currency: str, upto_seq: int, most: int
) -> tuple[list[Reached], bool]:
    """Accounts in order of first contact, at most `most`, and whether there are more.

    Only what was paid after the contact counts. Contact is followed through wallet accounts, never back through the
    victim. Errors: THEFT_UNKNOWN, THEFT_NOT_VICTIMS, CURRENCY_MIXED.
    """
    asked = tuple(dict.fromkeys(thefts))
    victim = victim_of(asked, ledger.transfers(asked), upto_seq=upto_seq, currency=currency)
    waiting: list[tuple[int, int, str, str]] = []
    for row in ledger.outflows_named(asked, currency):
        if row.seq <= upto_seq:
            heappush(waiting, (row.seq, 0, row.dst, row.dst_kind))
    found: dict[str, Reached] = {}
    while waiting:
        seq, hop, account_id, kind = heappop(waiting)
        if account_id in found or account_id == victim:
            continue
        if len(found) == most:
            return list(found.values()), True
        found[account_id] = Reached(account_id, kind, seq, hop)
        if place_of(account_id, AccountKind(kind), victim) is not Place.HELD:
            continue
        after, rows = seq, ledger.outflows(account_id, currency, seq, upto_seq, ROWS_AT_ONCE)
        while rows:
            for row in rows:
                if row.dst not in found:
                    heappush(waiting, (row.seq, hop + 1, row.dst, row.dst_kind))
            after = rows[-1].seq
            rows = ledger.outflows(account_id, currency, after, upto_seq, ROWS_AT_ONCE)
    return list(found.values()), False
