"""The rows that a stored trace, and every other rule over its thefts, stands on: read from the index as it is now."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field

import asyncpg

from adapters.transfers.sweep_query import begin_sweep
from adapters.transfers.sweep_trail import select_carried
from adapters.transfers.sweeping import Feeding
from adapters.transfers.trace_query import fifo_edges, first_chunk
from adapters.transfers.trace_rows import StoredRun
from tracing.evidence.evidence import stained_since
from tracing.posting import Row
from tracing.result import Carried, Limits
from tracing.rules import Rule

MOST = 200_000
"""Rows of one rule that go into a pack, some 60 MB of it. A rule that stands on more is left out of the range, and named."""

_FIELDS = ", ".join(f"t.{name}" for name in Row._fields)
_OF_POSTINGS = (
    f"SELECT {_FIELDS} FROM transfer_index AS t WHERE t.seq = ANY($1::bigint[]) ORDER BY t.seq, t.part"  # noqa: S608 - our own names
)
_NAMED = f"SELECT {_FIELDS} FROM transfer_index AS t WHERE t.transfer_id = ANY($1::text[])"  # noqa: S608 - as above
_OF_ACCOUNTS = (
    f"SELECT {_FIELDS} FROM unnest($1::text[], $2::bigint[]) AS a (account_id, since) JOIN transfer_index AS t"  # noqa: S608 - as above
    " ON t.src = a.account_id AND t.currency = $3 AND t.seq > a.since AND t.seq <= $4 AND t.src_balance_after IS NOT NULL"
    " LIMIT $5"
)

Rows = dict[tuple[int, int], Row]
"""By posting number and part."""


@dataclass
class OtherRules:
    """`rules`: those whose rows are all here, beside the trace's own. `rows`: the ones the trace itself does not have."""

    rules: list[Rule] = field(default_factory=list)
    rows: Rows = field(default_factory=dict)


async def own_rows(connection: asyncpg.Connection, stored: StoredRun) -> list[Row]:
    """The rows that the trace read, in posting order."""
    summary = stored.summary
    if stored.rule is Rule.FIFO:
        edges = await fifo_edges(
            connection,
            thefts=summary.thefts,
            victim=stored.victim,
            currency=summary.currency,
            upto_seq=summary.upto_seq,
        )
        found = await _of_postings(connection, {edge.seq for edge in edges})
    else:
        carried = await select_carried(connection, stored.trail_id, summary.upto_seq)
        found = await _by_sums(connection, stored, carried, most=None)
    # A theft that moved nothing carried nothing, and is still one of those that were asked for.
    found |= _by_key(await connection.fetch(_NAMED, list(summary.thefts)))
    return [found[key] for key in sorted(found)]


async def other_rows(
    connection: asyncpg.Connection, stored: StoredRun, own: Sequence[Row], *, most: int = MOST
) -> OtherRules:
    """What the other rules read beyond the trace's `own` rows; a rule that reads more than `most` has none here."""
    others = OtherRules()
    known = {(row.seq, row.part) for row in own}
    for rule in Rule:
        if rule is stored.rule:
            continue
        if rule is Rule.FIFO:
            found = await _first_in(connection, stored, most)
        else:
            found = await _swept(connection, stored, rule, most)
        if found is not None and len(found) <= most:
            others.rules.append(rule)
            others.rows |= {key: row for key, row in found.items() if key not in known}
    return others


async def _first_in(connection: asyncpg.Connection, stored: StoredRun, most: int) -> Rows | None:
    summary = stored.summary
    edges = await first_chunk(
        connection,
        thefts=summary.thefts,
        victim=stored.victim,
        currency=summary.currency,
        upto_seq=summary.upto_seq,
        most=most + 1,
    )
    return None if len(edges) > most else await _of_postings(connection, {edge.seq for edge in edges})


async def _swept(connection: asyncpg.Connection, stored: StoredRun, rule: Rule, most: int) -> Rows | None:
    """Without limits: what a limit cut off was read as well, it is how much was cut off."""
    summary = stored.summary
    sweep = await begin_sweep(
        connection,
        rule,
        incident_id=summary.incident_id,
        thefts=summary.thefts,
        victim=stored.victim,
        currency=summary.currency,
        upto_seq=summary.upto_seq,
        limits=Limits(),
    )
    await Feeding(sweep, currency=summary.currency, upto_seq=summary.upto_seq).go_on(connection, most)
    return await _by_sums(connection, stored, sweep.carried, most=most) if sweep.done else None


async def _by_sums(
    connection: asyncpg.Connection, stored: StoredRun, carried: Sequence[Carried], *, most: int | None
) -> Rows:
    """What carried stolen money, and every payment of an account since that first lay in it; cut off beyond `most`."""
    summary = stored.summary
    found = await _of_postings(connection, {step.seq for step in carried})
    stained = stained_since(carried, stored.victim)
    records = await connection.fetch(
        _OF_ACCOUNTS,
        list(stained),
        list(stained.values()),
        summary.currency,
        summary.upto_seq,
        None if most is None else most + 1,
    )
    return found | _by_key(records)


async def _of_postings(connection: asyncpg.Connection, postings: Iterable[int]) -> Rows:
    return _by_key(await connection.fetch(_OF_POSTINGS, sorted(postings)))


def _by_key(records: Iterable[asyncpg.Record]) -> Rows:
    return {(record["seq"], record["part"]): Row(*record) for record in records}
