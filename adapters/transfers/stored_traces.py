"""Stored traces as people see them (use_cases.ports.StoredTraces): with the rows that prove them."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from contextlib import closing

import asyncpg
from sqlalchemy.ext.asyncio import AsyncEngine

from adapters.transfers.comparing import select_ranges
from adapters.transfers.evidence_rows import other_rows, own_rows
from adapters.transfers.offline import OfflineLedger
from adapters.transfers.sessions import snapshot
from adapters.transfers.sweep_query import hold_changes
from adapters.transfers.trace_rows import StoredRun, select_run, select_runs
from models.contracts.transfers import Flow, OpeningBalance, TraceSummary
from models.errors import ErrorCode, StanchError
from tracing.evidence.evidence import Evidence
from tracing.outflows import HoldChange
from tracing.posting import Row
from tracing.result import Trace
from tracing.rules import Rule
from tracing.trace import trace as traced

_INFERRED = (
    "SELECT account_id, kind, currency, opening AS amount, inferred FROM transfer_account"
    " WHERE inferred > 0 AND currency = $1 AND account_id = ANY($2::text[]) ORDER BY account_id"
)
_INFERRED_IN_ALL = "SELECT count(*), coalesce(sum(inferred), 0)::bigint FROM transfer_account WHERE inferred > 0 AND currency = $1"


class SqlStoredTraces:
    """Reads. Nothing here changes anything."""

    def __init__(self, engine: AsyncEngine) -> None:
        self._engine = engine

    async def of_incident(self, incident_id: str) -> Sequence[TraceSummary]:
        """See use_cases.ports.StoredTraces."""
        async with snapshot(self._engine) as connection:
            return [stored.summary for stored in await select_runs(connection, incident_id)]

    async def summary(self, trace_id: str) -> TraceSummary | None:
        """See use_cases.ports.StoredTraces."""
        async with snapshot(self._engine) as connection:
            stored = await select_run(connection, trace_id)
        return None if stored is None else stored.summary

    async def ranges(self, trace_id: str) -> dict[Rule, Flow]:
        """See use_cases.ports.StoredTraces."""
        async with snapshot(self._engine) as connection:
            stored = await select_run(connection, trace_id)
            return {} if stored is None else await _ranges(connection, stored)

    async def evidence(self, trace_id: str, *, with_ranges: bool = False) -> Evidence:
        """See use_cases.ports.StoredTraces. Traced again from the rows, in a thread: the event loop is for alarms."""
        async with snapshot(self._engine) as connection:
            stored = await select_run(connection, trace_id)
            if stored is None:
                raise StanchError(ErrorCode.NOT_FOUND, f"There is no trace {trace_id}. Check the id.")
            rows = await own_rows(connection, stored)
            others = await other_rows(connection, stored, rows) if with_ranges else None
            holds = await _holds(connection, stored)
            every = [*rows, *(others.rows.values() if others else ())]
            accounts = sorted({account for row in every for account in (row.src, row.dst)})
            currency = stored.summary.currency
            openings = [
                OpeningBalance(**dict(record))
                for record in await connection.fetch(_INFERRED, currency, accounts)
            ]
            count, amount = await connection.fetchrow(_INFERRED_IN_ALL, currency)
            ranges = await _ranges(connection, stored)
        trace = await asyncio.to_thread(_again, stored, rows, holds)
        beyond: tuple[Row, ...] | None = None
        if others is not None:
            beyond = tuple(others.rows[key] for key in sorted(others.rows))
            ranges = await asyncio.to_thread(_by_rule, stored, trace, others.rules, [*rows, *beyond], holds)
        return Evidence(
            trace=trace,
            rows=tuple(rows),
            other_rows=beyond,
            holds=tuple(holds),
            openings=tuple(openings),
            inferred_count=count,
            inferred_amount=amount,
            ranges=ranges,
            source=_source(stored.summary),
        )


def _source(summary: TraceSummary) -> str:
    at = "an unknown time" if summary.upto_at is None else summary.upto_at.isoformat()
    return (
        f"Trace {summary.trace_id} of incident {summary.incident_id}, episode {summary.episode}: up to posting "
        f"{summary.upto_seq} at {at}, the wallet's feed heard {summary.feed_behind_ms / 1000:.1f} s before."
    )


async def _holds(connection: asyncpg.Connection, stored: StoredRun) -> list[HoldChange]:
    summary = stored.summary
    return await hold_changes(
        connection, incident_id=summary.incident_id, currency=summary.currency, upto_seq=summary.upto_seq
    )


async def _ranges(connection: asyncpg.Connection, stored: StoredRun) -> dict[Rule, Flow]:
    stolen = stored.summary.flow.stolen
    found: dict[Rule, Flow] = {}
    for rule, totals in (await select_ranges(connection, stored.summary.trace_id)).items():
        held, exited, pooled, returned = totals.held, totals.exited, totals.pooled, totals.returned
        if held is not None and exited is not None and pooled is not None and returned is not None:
            found[rule] = Flow(
                stolen=stolen,
                held=held,
                exited=exited,
                pooled=pooled,
                returned=returned,
                pruned=stolen - held - exited - pooled - returned,
            )
    return {rule: found[rule] for rule in Rule if rule in found}


def _again(stored: StoredRun, rows: Sequence[Row], holds: Sequence[HoldChange]) -> Trace:
    """The trace of these rows. Errors: REFUSED_BY_RULE when it is not the stored one: the index has changed since."""
    summary = stored.summary
    trace = _traced(stored, stored.rule, rows, holds)
    if trace.digest != summary.digest:
        raise StanchError(
            ErrorCode.REFUSED_BY_RULE,
            f"Trace {summary.trace_id} stands on postings that a hold or an opening balance has put into another order since. "
            f"It is stored as it was; look at a newer one, or have it followed anew: stanch trace extend.",
        )
    return trace


def _by_rule(
    stored: StoredRun, own: Trace, rules: Sequence[Rule], rows: Sequence[Row], holds: Sequence[HoldChange]
) -> dict[Rule, Flow]:
    """What these rules make of these rows, as whoever has the pack will compute it."""
    flows = {own.rule: own.flow} | {rule: _traced(stored, rule, rows, holds).flow for rule in rules}
    return {rule: flows[rule] for rule in Rule if rule in flows}


def _traced(stored: StoredRun, rule: Rule, rows: Sequence[Row], holds: Sequence[HoldChange]) -> Trace:
    summary = stored.summary
    with closing(OfflineLedger(rows, holds)) as ledger:
        return traced(
            ledger,
            rule=rule,
            thefts=summary.thefts,
            currency=summary.currency,
            upto_seq=summary.upto_seq,
            limits=stored.limits,
        )
