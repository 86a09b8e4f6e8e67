"""First in, first out with limits: found whole, then cut where it was asked to be, in one chunk."""

from __future__ import annotations

import asyncpg

from adapters.transfers.fifo_trail import insert_edges
from adapters.transfers.trace_query import fifo_edges
from adapters.transfers.trace_rows import TraceInputs, TraceOutcome
from adapters.transfers.trails import NOTHING, insert_chunk, last_chunk
from models.contracts.transfers import TraceProgress
from tracing.places import Lot, Place
from tracing.result import Trace
from tracing.trace import by_units


class LimitedTrail:
    """What a limit cuts off depends on every edge before it, so a limited trace is never gone on with, only begun.

    Its edges up to a shorter trace of the same limits are the same edges all the same.
    """

    def __init__(self, inputs: TraceInputs, victim: str) -> None:
        self._inputs = inputs
        self._victim = victim
        self._number = 0
        self._stored = 0
        self._trace: Trace | None = None

    async def load(self, connection: asyncpg.Connection) -> None:
        """What a shorter trace has stored is not stored again."""
        self._number = await last_chunk(connection, self._inputs.trail_id)
        stored = await connection.fetchval(
            "SELECT coalesce(max(reached_seq), -1) FROM trace_chunk WHERE trail_id = $1",
            self._inputs.trail_id,
        )
        self._stored = int(stored)

    @property
    def done(self) -> bool:
        """As Trail."""
        return self._trace is not None

    async def advance(self, connection: asyncpg.Connection) -> None:
        """As Trail."""
        inputs = self._inputs
        edges = await fifo_edges(
            connection,
            thefts=inputs.thefts,
            victim=self._victim,
            currency=inputs.currency,
            upto_seq=inputs.upto.upto_seq,
        )
        self._trace = by_units(
            edges,
            victim=self._victim,
            currency=inputs.currency,
            thefts=inputs.thefts,
            upto_seq=inputs.upto.upto_seq,
            limits=inputs.limits,
        )
        if inputs.upto.upto_seq > self._stored:
            self._number += 1
            await insert_chunk(connection, inputs, self.progress())
            new = [edge for edge in self._trace.units if edge.seq > self._stored]
            await insert_edges(connection, inputs.trail_id, new)

    async def outcome(self, connection: asyncpg.Connection) -> TraceOutcome:
        """As Trail."""
        del connection
        trace = self._trace
        if trace is None:
            raise RuntimeError("a trace is asked for its outcome before it was found")
        return TraceOutcome(
            victim=self._victim,
            flow=trace.flow,
            digest=trace.digest,
            edges=len(trace.units),
            lots=[
                Lot(lot.account_id, lot.account_kind, lot.place, lot.lo, lot.hi, lot.hop, lot.last_seq)
                for lot in trace.resting
                if lot.place is Place.HELD and lot.lo is not None and lot.hi is not None
            ],
            pruned=trace.pruned,
        )

    def progress(self) -> TraceProgress:
        """As Trail."""
        upto_seq = self._inputs.upto.upto_seq
        return TraceProgress(
            chunk=self._number,
            edges=0 if self._trace is None else len(self._trace.units),
            reached_seq=upto_seq,
            upto_seq=upto_seq,
            flow=NOTHING if self._trace is None else self._trace.flow,
            following=0,
        )
