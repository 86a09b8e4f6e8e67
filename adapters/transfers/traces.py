"""Traces over the transfer index, by any rule, chunk by chunk, stored."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import replace
from hashlib import sha256

import asyncpg
from sqlalchemy.ext.asyncio import AsyncEngine

from activities.money_ports import Progress
from adapters.transfers.comparing import by_rule, in_turn, insert_range, select_ranges
from adapters.transfers.feed_state import load_feed
from adapters.transfers.fifo_trail import CHUNK_EDGES, FifoTrail, select_edges
from adapters.transfers.limited_trail import LimitedTrail
from adapters.transfers.rows import whole_transfers
from adapters.transfers.sessions import snapshot
from adapters.transfers.sweep_query import claims_on, hold_changes
from adapters.transfers.sweep_trail import SweepTrail, select_carried
from adapters.transfers.trace_rows import (
    StoredRun,
    TraceInputs,
    insert_run,
    select_lots,
    select_run,
)
from adapters.transfers.trails import Overtaken, Trail
from models.contracts.transfers import (
    FeedPosition,
    RuleTotals,
    TaintedLot,
    TraceProgress,
    TraceSummary,
)
from models.errors import ErrorCode, StanchError
from tracing.edges import Edge
from tracing.places import Lot, resting_lots
from tracing.result import Carried, Limits
from tracing.rules import Rule
from tracing.thefts import victim_of
from tracing.trace import carried_by


class SqlTraces:
    """Runs and keeps traces. The application role needs SELECT and INSERT on the `trace_*` tables."""

    def __init__(self, engine: AsyncEngine, *, chunk_edges: int = CHUNK_EDGES) -> None:
        self._engine = engine
        self._chunk_edges = chunk_edges

    async def run(
        self,
        *,
        incident_id: str,
        episode: int,
        currency: str,
        thefts: Sequence[str],
        upto: FeedPosition,
        rule: Rule = Rule.FIFO,
        limits: Limits | None = None,
        progress: Progress | None = None,
    ) -> TraceSummary:
        """Trace these thefts whole, up to posting `upto.upto_seq`; store and summarise.

        One chunk is one transaction, told to `progress`; a run that was cut off goes on with what it had committed, and
        what a shorter trace of the same thefts found is not looked for again. The same inputs over the same index give
        the same trace, stored once, however often, by however many and in whatever chunks it is asked for. When a hold
        or an inferred opening gives rows other positions in between, it begins anew under the new positions.
        Errors: THEFT_UNKNOWN, THEFT_NOT_VICTIMS, CURRENCY_MIXED (tracing.thefts); FEED_GAP when the index does not reach
        that far. Nothing is stored then.
        """
        asked = TraceInputs(
            incident_id=incident_id,
            episode=episode,
            currency=currency,
            thefts=tuple(dict.fromkeys(thefts)),
            rule=rule,
            limits=limits or Limits(),
            upto=upto,
        )
        return await self._run(asked, progress)

    async def extend(
        self, trace_id: str, upto: FeedPosition, *, progress: Progress | None = None
    ) -> TraceSummary:
        """The same trace up to another posting: only what is new is followed, and it equals a fresh one. Errors: as run."""
        stored = await self._stored(trace_id)
        summary = stored.summary
        asked = TraceInputs(
            incident_id=summary.incident_id,
            episode=summary.episode,
            currency=summary.currency,
            thefts=summary.thefts,
            rule=stored.rule,
            limits=stored.limits,
            upto=upto,
        )
        return await self._run(asked, progress)

    async def compare(
        self, trace_id: str, *, rows_allowed: int, progress: Progress | None = None
    ) -> list[RuleTotals]:
        """What each rule makes of the same thefts, the trace's own first. Errors: NOT_FOUND.

        One rule is one transaction; a rule whose totals are stored is not asked again. One that would read more than
        `rows_allowed` payments has no totals. Holds and positions are as they stand now.
        """
        stored = await self._stored(trace_id)
        done: list[RuleTotals] = []
        for rule in in_turn(stored):
            try:
                totals = await self._totals(stored, rule, rows_allowed)
            except asyncpg.SerializationError:  # another was faster: its totals are the ones
                totals = await self._totals(stored, rule, rows_allowed)
            done.append(totals)
            if progress is not None:
                progress(_compared(stored, done))
        return done

    async def ranges(self, trace_id: str) -> list[RuleTotals]:
        """What is stored of `compare`, the trace's own rule first; empty before it ran. Errors: NOT_FOUND."""
        stored = await self._stored(trace_id)
        async with snapshot(self._engine) as connection:
            found = await select_ranges(connection, trace_id)
        return [found[rule] for rule in in_turn(stored) if rule in found]

    async def summary(self, trace_id: str) -> TraceSummary:
        """A stored trace's summary. Errors: NOT_FOUND."""
        return (await self._stored(trace_id)).summary

    async def edges(self, trace_id: str) -> list[Edge]:
        """Every edge in canonical order; the digest is over these. Empty when there is no such trace."""
        async with snapshot(self._engine) as connection:
            stored = await select_run(connection, trace_id)
            if stored is None:
                return []
            return await select_edges(connection, stored.trail_id, -1, stored.summary.upto_seq)

    async def carried(self, trace_id: str) -> list[Carried]:
        """One for each transfer that carried stolen money, in posting order, whatever the rule. Empty: no such trace."""
        async with snapshot(self._engine) as connection:
            stored = await select_run(connection, trace_id)
            if stored is None:
                return []
            if stored.rule is Rule.FIFO:
                edges = await select_edges(connection, stored.trail_id, -1, stored.summary.upto_seq)
                return list(carried_by(edges))
            return await select_carried(connection, stored.trail_id, stored.summary.upto_seq)

    async def resting(self, trace_id: str) -> list[Lot]:
        """Every lot of a first-in-first-out trace with the place where it rests, by account and units."""
        async with snapshot(self._engine) as connection:
            stored = await select_run(connection, trace_id)
            if stored is None:
                return []
            edges = await select_edges(connection, stored.trail_id, -1, stored.summary.upto_seq)
        return resting_lots(edges, stored.victim)

    async def lots(self, trace_id: str) -> list[TaintedLot]:
        """Lots lying in wallet accounts at the end of the trace, largest first. Errors: NOT_FOUND."""
        summary = await self.summary(trace_id)
        async with snapshot(self._engine) as connection:
            held = await select_lots(connection, trace_id)
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

    async def _totals(self, stored: StoredRun, rule: Rule, rows_allowed: int) -> RuleTotals:
        trace_id = stored.summary.trace_id
        async with snapshot(self._engine) as connection:
            totals = (await select_ranges(connection, trace_id)).get(rule)
            if totals is None:
                totals = await by_rule(connection, stored, rule, rows_allowed)
                await insert_range(connection, trace_id, totals)
        return totals

    async def _stored(self, trace_id: str) -> StoredRun:
        async with snapshot(self._engine) as connection:
            stored = await select_run(connection, trace_id)
        if stored is None:
            raise StanchError(ErrorCode.NOT_FOUND, f"There is no trace {trace_id}. Check the id.")
        return stored

    async def _run(self, asked: TraceInputs, progress: Progress | None) -> TraceSummary:
        trail: Trail | None = None
        begun: TraceInputs | None = None
        while True:
            try:
                async with snapshot(self._engine) as connection:
                    inputs = await self._inputs(connection, asked)
                    if trail is None or inputs != begun:
                        stored = await select_run(connection, inputs.trace_id)
                        if stored is not None:
                            return stored.summary
                        trail, begun = await self._open(connection, inputs), inputs
                    advancing = not trail.done
                    if advancing:
                        await trail.advance(connection)
                    summary = None
                    if trail.done:
                        summary = await insert_run(connection, inputs, await trail.outcome(connection))
            except (asyncpg.SerializationError, Overtaken):
                trail = None  # another worker was faster since our snapshot: a new one sees what it stored
                continue
            if advancing and progress is not None:
                progress(trail.progress())
            if summary is not None:
                return summary
            if trail.done:
                trail = None  # stored by another: read it

    async def _inputs(self, connection: asyncpg.Connection, asked: TraceInputs) -> TraceInputs:
        """What was asked, over the index as it is in this transaction."""
        feed = await load_feed(connection)
        upto_seq = asked.upto.upto_seq
        if upto_seq > feed.upto_seq:
            raise StanchError(
                ErrorCode.FEED_GAP,
                f"Nothing was traced: postings up to {upto_seq} are asked for, the index has {feed.upto_seq}. "
                "Let the index catch up first.",
            )
        holds = claims = None
        if asked.rule is not Rule.FIFO:
            claimed = await claims_on(connection, asked.incident_id, asked.currency)
            claims = sha256(json.dumps(claimed).encode()).hexdigest() if claimed else None
            changes = await hold_changes(
                connection, incident_id=asked.incident_id, currency=asked.currency, upto_seq=upto_seq
            )
            holds = sha256(json.dumps(changes).encode()).hexdigest() if changes else None
        return replace(asked, generation=feed.generation, holds=holds, claims=claims)

    async def _open(self, connection: asyncpg.Connection, inputs: TraceInputs) -> Trail:
        found = await whole_transfers(connection, "transfer_id = ANY($1::text[])", list(inputs.thefts))
        victim = victim_of(inputs.thefts, found, upto_seq=inputs.upto.upto_seq, currency=inputs.currency)
        trail: FifoTrail | LimitedTrail | SweepTrail
        if inputs.rule is Rule.FIFO and inputs.limits != Limits():
            trail = LimitedTrail(inputs, victim)
        elif inputs.rule is Rule.FIFO:
            trail = FifoTrail(inputs, victim, chunk_edges=self._chunk_edges)
        else:
            trail = SweepTrail(inputs, victim, chunk_rows=self._chunk_edges)
        await trail.load(connection)
        return trail


def _compared(run: StoredRun, done: Sequence[RuleTotals]) -> TraceProgress:
    """How many rules are done, as chunks; the trace itself is."""
    summary = run.summary
    return TraceProgress(
        chunk=len(done),
        edges=sum(totals.rows_read for totals in done),
        reached_seq=summary.upto_seq,
        upto_seq=summary.upto_seq,
        flow=summary.flow,
        following=0,
    )
