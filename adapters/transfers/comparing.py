"""What each rule makes of the thefts of a stored trace: one rule, one transaction, kept with the trace."""

from __future__ import annotations

import asyncpg

from adapters.transfers.sweep_query import begin_sweep
from adapters.transfers.sweeping import Feeding
from adapters.transfers.trace_query import first_chunk
from adapters.transfers.trace_rows import StoredRun
from models.contracts.transfers import Flow, RuleTotals
from tracing.edges import in_order
from tracing.rules import Rule
from tracing.trace import by_sums, by_units

_INSERT = (
    "INSERT INTO trace_range (trace_id, rule, held, exited, pooled, returned, rows_read, rows_allowed, created_at)"
    " VALUES ($1, $2, $3, $4, $5, $6, $7, $8, clock_timestamp()) ON CONFLICT DO NOTHING"
)
_SELECT = "SELECT rule, held, exited, pooled, returned, rows_read, rows_allowed FROM trace_range WHERE trace_id = $1"


def in_turn(run: StoredRun) -> list[Rule]:
    """Every rule, the trace's own first."""
    return [run.rule, *(rule for rule in Rule if rule is not run.rule)]


async def select_ranges(connection: asyncpg.Connection, trace_id: str) -> dict[Rule, RuleTotals]:
    """What is stored."""
    records = await connection.fetch(_SELECT, trace_id)
    return {Rule(record["rule"]): RuleTotals(**dict(record)) for record in records}


async def insert_range(connection: asyncpg.Connection, trace_id: str, totals: RuleTotals) -> None:
    """Store one rule's totals; what is there stays."""
    await connection.execute(
        _INSERT,
        trace_id,
        totals.rule,
        totals.held,
        totals.exited,
        totals.pooled,
        totals.returned,
        totals.rows_read,
        totals.rows_allowed,
    )


async def by_rule(
    connection: asyncpg.Connection, run: StoredRun, rule: Rule, rows_allowed: int
) -> RuleTotals:
    """Totals by this rule, or none when it would read more than `rows_allowed` payments."""
    if rule is run.rule:
        return _totals(rule, run.summary.flow, run.summary.edges, rows_allowed)
    if rule is Rule.FIFO:
        return await _by_units(connection, run, rows_allowed)
    return await _by_sums(connection, run, rule, rows_allowed)


async def _by_units(connection: asyncpg.Connection, run: StoredRun, rows_allowed: int) -> RuleTotals:
    summary = run.summary
    edges = await first_chunk(
        connection,
        thefts=summary.thefts,
        victim=run.victim,
        currency=summary.currency,
        upto_seq=summary.upto_seq,
        most=rows_allowed + 1,
    )
    if len(edges) > rows_allowed:
        return _totals(Rule.FIFO, None, len(edges), rows_allowed)
    trace = by_units(
        sorted(edges, key=in_order),
        victim=run.victim,
        currency=summary.currency,
        thefts=summary.thefts,
        upto_seq=summary.upto_seq,
        limits=run.limits,
    )
    return _totals(Rule.FIFO, trace.flow, len(edges), rows_allowed)


async def _by_sums(
    connection: asyncpg.Connection, run: StoredRun, rule: Rule, rows_allowed: int
) -> RuleTotals:
    summary = run.summary
    sweep = await begin_sweep(
        connection,
        rule,
        incident_id=summary.incident_id,
        thefts=summary.thefts,
        victim=run.victim,
        currency=summary.currency,
        upto_seq=summary.upto_seq,
        limits=run.limits,
    )
    feeding = Feeding(sweep, currency=summary.currency, upto_seq=summary.upto_seq)
    await feeding.go_on(connection, rows_allowed)
    if not sweep.done or feeding.rows_read > rows_allowed:
        return _totals(rule, None, feeding.rows_read, rows_allowed)
    trace = by_sums(
        sweep,
        rule=rule,
        victim=run.victim,
        currency=summary.currency,
        thefts=summary.thefts,
        upto_seq=summary.upto_seq,
        limits=run.limits,
    )
    return _totals(rule, trace.flow, feeding.rows_read, rows_allowed)


def _totals(rule: Rule, flow: Flow | None, rows_read: int, rows_allowed: int) -> RuleTotals:
    return RuleTotals(
        rule=rule.value,
        held=None if flow is None else flow.held,
        exited=None if flow is None else flow.exited,
        pooled=None if flow is None else flow.pooled,
        returned=None if flow is None else flow.returned,
        rows_read=rows_read,
        rows_allowed=rows_allowed,
    )
