"""A trace by a rule without units, chunk by chunk: the sweep goes through postings in order, so each chunk is a prefix."""

from __future__ import annotations

from collections.abc import Sequence

import asyncpg

from adapters.transfers.accounts import load_accounts
from adapters.transfers.sweep_query import begin_sweep, claims_on, outflows_carried
from adapters.transfers.sweeping import Feeding
from adapters.transfers.trace_rows import TraceInputs, TraceOutcome
from adapters.transfers.trails import insert_chunk, last_chunk
from models.contracts.transfers import AccountKind, TraceProgress
from tracing.intervals import Interval, intersect, subtract, total, union
from tracing.places import Lot, Place
from tracing.result import Carried, Limits, Resting
from tracing.trace import by_sums, flow_of

CHUNK_ROWS = 20_000
"""Payments read in one chunk: some hundred milliseconds of work."""

_COLUMNS = ("trail_id", *Carried._fields)
_SELECT = (
    "SELECT seq, transfer_id, src, dst, dst_kind, amount, hop FROM trace_carried"
    " WHERE trail_id = $1 AND seq <= $2 ORDER BY seq"
)
_REACHED = "SELECT max(reached_seq) FROM trace_chunk WHERE trail_id = $1"


class SweepTrail:
    """What carried nothing changes nothing, so what was found is enough to go on from, without reading again.

    With limits it is not: what was cut off is told and not stored, and the sweep begins anew.
    """

    def __init__(self, inputs: TraceInputs, victim: str, *, chunk_rows: int = CHUNK_ROWS) -> None:
        self._inputs = inputs
        self._victim = victim
        self._chunk_rows = chunk_rows
        self._number = 0
        self._reached = 0
        self._stored = 0

    async def load(self, connection: asyncpg.Connection) -> None:
        """Go on from what is stored."""
        inputs = self._inputs
        upto_seq = inputs.upto.upto_seq
        self._sweep = await begin_sweep(
            connection,
            inputs.rule,
            incident_id=inputs.incident_id,
            thefts=inputs.thefts,
            victim=self._victim,
            currency=inputs.currency,
            upto_seq=upto_seq,
            limits=inputs.limits,
        )
        self._number = await last_chunk(connection, inputs.trail_id)
        known = []
        if self._number:
            stored = await connection.fetchval(_REACHED, inputs.trail_id)
            self._reached = min(int(stored), upto_seq)
            known = await outflows_carried(connection, inputs.trail_id, self._reached)
            self._stored = len(known)
        unlimited = inputs.limits == Limits()
        self._feeding = Feeding(
            self._sweep,
            currency=inputs.currency,
            upto_seq=upto_seq,
            known=known if unlimited else (),
            reached_seq=self._reached if unlimited else 0,
        )

    @property
    def done(self) -> bool:
        """As Trail."""
        return self._sweep.done and self._reached >= self._inputs.upto.upto_seq

    async def advance(self, connection: asyncpg.Connection) -> None:
        """As Trail."""
        inputs, sweep = self._inputs, self._sweep
        await self._feeding.go_on(connection, self._chunk_rows)
        found = sweep.carried[self._stored :]
        if sweep.done:
            self._reached = max(self._reached, inputs.upto.upto_seq)
        elif found:
            self._reached = max(self._reached, found[-1].seq)
        else:
            return
        self._stored = max(self._stored, len(sweep.carried))
        self._number += 1
        await insert_chunk(connection, inputs, self.progress())
        records = [(inputs.trail_id, *each) for each in found]
        await connection.copy_records_to_table("trace_carried", records=records, columns=_COLUMNS)

    async def outcome(self, connection: asyncpg.Connection) -> TraceOutcome:
        """As Trail."""
        inputs = self._inputs
        trace = by_sums(
            self._sweep,
            rule=inputs.rule,
            victim=self._victim,
            currency=inputs.currency,
            thefts=inputs.thefts,
            upto_seq=inputs.upto.upto_seq,
            limits=inputs.limits,
        )
        held = [lot for lot in trace.resting if lot.place is Place.HELD]
        return TraceOutcome(
            victim=self._victim,
            flow=trace.flow,
            digest=trace.digest,
            edges=len(trace.carried),
            lots=await newest_units(connection, inputs.incident_id, inputs.currency, held),
            pruned=trace.pruned,
        )

    def progress(self) -> TraceProgress:
        """As Trail."""
        sweep = self._sweep
        stolen = sum(each.amount for each in sweep.carried if each.hop == 0)
        flow = flow_of(stolen, sweep.resting(), sweep.pruned)
        return TraceProgress(
            chunk=self._number,
            edges=len(sweep.carried),
            reached_seq=self._reached,
            upto_seq=self._inputs.upto.upto_seq,
            flow=flow,
            following=0 if sweep.done else flow.held,
        )


async def newest_units(
    connection: asyncpg.Connection, incident_id: str, currency: str, held: Sequence[Resting]
) -> list[Lot]:
    """For each account as many of its unspent units as are stolen: what a hold can keep there.

    The rule says how much, not which. So first what holds of this incident keep already; then the newest that nobody
    claims, since they are spent last; only then what others claim: those victims compete for it. Fewer where money has
    left since the trace's end.
    """
    account_ids = [lot.account_id for lot in held]
    accounts = await load_accounts(connection, account_ids)
    claims = await claims_on(connection, incident_id, currency, account_ids)
    lots = []
    for lot in held:
        account = accounts.get((lot.account_id, currency))
        unspent = account.queue.unspent if account is not None else []
        on_it = [claim for claim in claims if claim.account_id == lot.account_id]
        own = union((claim.lo, claim.hi) for claim in on_it if claim.own)
        others = union((claim.lo, claim.hi) for claim in on_it if not claim.own)
        ours, rest = intersect(unspent, own), subtract(unspent, own)
        taken: list[Interval] = []
        for units in (ours, subtract(rest, others), intersect(rest, others)):
            taken += _highest(units, lot.amount - total(taken))
        for lo, hi in union(taken):
            lots.append(Lot(lot.account_id, AccountKind.WALLET, Place.HELD, lo, hi, lot.hop, lot.last_seq))
    return lots


def _highest(units: Sequence[Interval], amount: int) -> list[Interval]:
    taken: list[Interval] = []
    for lo, hi in reversed(units):
        if amount <= 0:
            break
        taken.append((max(lo, hi - amount), hi))
        amount -= hi - lo
    return taken[::-1]


async def select_carried(connection: asyncpg.Connection, trail_id: str, upto_seq: int) -> list[Carried]:
    """The transfers of a trail that carried stolen money, in posting order."""
    return [Carried(*record) for record in await connection.fetch(_SELECT, trail_id, upto_seq)]
