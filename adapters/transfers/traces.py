"""First in, first out traces over the transfer index, stored with their edges and lots."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import replace
from hashlib import sha256

import asyncpg
from sqlalchemy.ext.asyncio import AsyncEngine

from adapters.transfers.feed_state import load_feed
from adapters.transfers.rows import whole_transfers
from adapters.transfers.sessions import snapshot
from adapters.transfers.trace_query import fifo_edges
from adapters.transfers.trace_rows import (
    FIFO,
    TraceInputs,
    TraceOutcome,
    insert_trace,
    select_edges,
    select_lots,
    select_summary,
)
from models.contracts.transfers import FeedPosition, TaintedLot, TraceSummary
from models.errors import ErrorCode, StanchError
from tracing.digest import digest
from tracing.edges import Edge
from tracing.places import Lot, Place, flow, resting_lots
from tracing.thefts import victim_of


class SqlTraces:
    """Runs and keeps traces. The application role needs SELECT and INSERT on the `trace_*` tables."""

    def __init__(self, engine: AsyncEngine) -> None:
        self._engine = engine

    async def run(
        self, *, incident_id: str, episode: int, currency: str, thefts: Sequence[str], upto: FeedPosition
    ) -> TraceSummary:
        """Trace these thefts whole, up to posting `upto.upto_seq`; store edges and lots in one transaction; summarise.

        The same inputs over the same index give the same trace, stored once, however often and by however many it is
        asked for. Errors: THEFT_UNKNOWN, THEFT_NOT_VICTIMS, CURRENCY_MIXED (tracing.thefts); FEED_GAP when the index
        does not reach that far. Nothing is stored then.
        """
        inputs = TraceInputs(
            incident_id=incident_id,
            episode=episode,
            currency=currency,
            thefts=tuple(dict.fromkeys(thefts)),
            upto=upto,
            generation=0,
        )
        try:
            async with snapshot(self._engine) as connection:
                return await self._run(connection, inputs)
        except asyncpg.SerializationError:
            # The same trace was stored by another since our snapshot: a new one sees it.
            async with snapshot(self._engine) as connection:
                return await self._run(connection, inputs)

    async def summary(self, trace_id: str) -> TraceSummary:
        """A stored trace's summary. Errors: NOT_FOUND."""
        async with snapshot(self._engine) as connection:
            summary = await select_summary(connection, trace_id)
        if summary is None:
            raise StanchError(ErrorCode.NOT_FOUND, f"There is no trace {trace_id}. Check the id.")
        return summary

    async def edges(self, trace_id: str) -> list[Edge]:
        """Every edge in canonical order; the digest is over these. Empty when there is no such trace."""
        async with snapshot(self._engine) as connection:
            return await select_edges(connection, trace_id)

    async def resting(self, trace_id: str) -> list[Lot]:
        """Every lot with the place where it rests: held, exited, pooled, returned."""
        async with snapshot(self._engine) as connection:
            return await select_lots(connection, trace_id)

    async def lots(self, trace_id: str) -> list[TaintedLot]:
        """Lots lying in wallet accounts at the end of the trace, largest first."""
        summary = await self.summary(trace_id)
        held = [lot for lot in await self.resting(trace_id) if lot.place is Place.HELD]
        held.sort(key=lambda lot: (-lot.amount, lot.last_seq, lot.account_id, lot.lo))
        return [
            TaintedLot(
                account_id=lot.account_id,
                currency=summary.currency,
                lo=lot.lo,
                hi=lot.hi,
                hop=lot.hop,
                last_seq=lot.last_seq,
            )
            for lot in held
        ]

    async def _run(self, connection: asyncpg.Connection, asked: TraceInputs) -> TraceSummary:
        feed = await load_feed(connection)
        upto_seq = asked.upto.upto_seq
        if upto_seq > feed.upto_seq:
            raise StanchError(
                ErrorCode.FEED_GAP,
                f"Nothing was traced: postings up to {upto_seq} are asked for, the index has {feed.upto_seq}. "
                "Let the index catch up first.",
            )
        inputs = replace(asked, generation=feed.generation)
        trace_id = trace_id_of(inputs)
        stored = await select_summary(connection, trace_id)
        if stored is not None:
            return stored
        found = await whole_transfers(connection, "transfer_id = ANY($1::text[])", list(inputs.thefts))
        victim = victim_of(inputs.thefts, found, upto_seq=upto_seq, currency=inputs.currency)
        edges = await fifo_edges(
            connection, thefts=inputs.thefts, victim=victim, currency=inputs.currency, upto_seq=upto_seq
        )
        lots = resting_lots(edges, victim)
        outcome = TraceOutcome(
            victim=victim, flow=flow(edges, lots), digest=digest(edges), edges=edges, lots=lots
        )
        await insert_trace(connection, trace_id, inputs, outcome)
        summary = await select_summary(connection, trace_id)
        if summary is None:
            raise StanchError(
                ErrorCode.INTERNAL, f"Trace {trace_id} was not stored. Nothing is lost; run it again."
            )
        return summary


def trace_id_of(inputs: TraceInputs) -> str:
    """The id of the trace these inputs give: equal inputs over an index of equal generation, equal id."""
    parts = (
        inputs.incident_id,
        inputs.episode,
        inputs.currency,
        FIFO,
        inputs.thefts,
        inputs.upto.upto_seq,
        inputs.generation,
    )
    return sha256(json.dumps(parts).encode()).hexdigest()[:32]
