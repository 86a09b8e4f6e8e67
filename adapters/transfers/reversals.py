"""Which units a transfer had paid in that a later posting gives back: the same money goes first."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

import asyncpg

from models.contracts.transfers import PostedTransfer
from tracing.intervals import Interval, subtract, union
from tracing.posting import AccountKey, Part, units_paid_in, units_paid_out

_REVERSED = (
    "SELECT transfer_id, dst, currency, in_pos, in_pos + amount FROM transfer_index"
    " WHERE transfer_id = ANY($1::text[]) AND in_pos IS NOT NULL"
)
_REVERSALS = (
    "SELECT reverses, src, currency, out_pos, out_pos + amount FROM transfer_index"
    " WHERE reverses = ANY($1::text[]) AND out_pos IS NOT NULL"
)


class Reversals:
    """Units paid in by transfers that are reversed, less what earlier reversals of them took back.

    A reversal of a transfer nobody knows, or that never reached its payer, gives back nothing in particular.
    """

    def __init__(self, wanted: Iterable[str]) -> None:
        self._wanted = frozenset(wanted)
        self._units: dict[str, tuple[AccountKey, list[Interval]]] = {}

    @classmethod
    async def among(cls, connection: asyncpg.Connection, transfers: Sequence[PostedTransfer]) -> Reversals:
        """What the index knows of the transfers that these reverse."""
        found = cls(transfer.reverses for transfer in transfers if transfer.reverses is not None)
        if not found._wanted:
            return found
        wanted = list(found._wanted)
        paid_in: dict[tuple[str, AccountKey], list[Interval]] = {}
        for transfer_id, dst, currency, lo, hi in await connection.fetch(_REVERSED, wanted):
            paid_in.setdefault((transfer_id, (dst, currency)), []).append((lo, hi))
        taken: dict[tuple[str, AccountKey], list[Interval]] = {}
        for transfer_id, src, currency, lo, hi in await connection.fetch(_REVERSALS, wanted):
            taken.setdefault((transfer_id, (src, currency)), []).append((lo, hi))
        for (transfer_id, key), units in paid_in.items():
            left = subtract(union(units), union(taken.get((transfer_id, key), ())))
            found._units[transfer_id] = (key, left)
        return found

    def of(self, transfer: PostedTransfer) -> list[Interval]:
        """The units that this posting gives back first."""
        payee, units = self._units.get(transfer.reverses or "", (None, []))
        return units if payee == (transfer.src, transfer.currency) else []

    def posted(self, transfer: PostedTransfer, parts: Sequence[Part]) -> None:
        """Take note of what was just posted."""
        if transfer.reverses is not None and (units := self.of(transfer)):
            payee = (transfer.src, transfer.currency)
            self._units[transfer.reverses] = (payee, subtract(units, union(units_paid_out(parts))))
        if transfer.transfer_id in self._wanted:
            self._units[transfer.transfer_id] = (
                (transfer.dst, transfer.currency),
                units_paid_in(parts),
            )


async def given_back(
    connection: asyncpg.Connection, key: AccountKey, payments: Iterable[tuple[int, str]]
) -> dict[int, list[Interval]]:
    """For payments (posting number, transfer they reverse) of one account: the units these transfers had paid in there."""
    reversing = dict(payments)
    if not reversing:
        return {}
    records = await connection.fetch(
        "SELECT transfer_id, seq, in_pos, in_pos + amount FROM transfer_index"
        " WHERE transfer_id = ANY($1::text[]) AND dst = $2 AND currency = $3 AND in_pos IS NOT NULL",
        list(reversing.values()),
        *key,
    )
    units: dict[int, list[Interval]] = {}
    for seq, reversed_id in reversing.items():
        units[seq] = union(
            (lo, hi) for transfer_id, posted, lo, hi in records if transfer_id == reversed_id and posted < seq
        )
    return units
