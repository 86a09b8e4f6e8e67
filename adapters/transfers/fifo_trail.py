"""First in, first out, chunk by chunk: the one statement, cut where it becomes long, begun again from the lots."""

from __future__ import annotations

from collections.abc import Iterable
from hashlib import sha256

import asyncpg

from adapters.transfers.trace_query import first_chunk, given_back_since, next_chunk, theft_edges
from adapters.transfers.trace_rows import (
    TraceInputs,
    TraceOutcome,
    furthest_run,
    select_lots,
)
from adapters.transfers.trails import insert_chunk, last_chunk
from models.contracts.transfers import TraceProgress
from tracing.digest import canonical_line, digest
from tracing.edges import Edge, in_order
from tracing.following import Following
from tracing.places import Place

CHUNK_EDGES = 20_000
"""Edges of one chunk: some hundred milliseconds of work, a few megabytes. Nearly every trace is smaller than one."""

CHUNK_LOTS = 2_000
"""Lots followed in one chunk after the first. A chunk that is cut looks at them again, so they are fewer than edges."""

_COLUMNS = ("trail_id", *Edge._fields)
_EDGES = (
    "SELECT seq, transfer_id, src, dst, dst_kind, src_lo, src_hi, dst_lo, hop FROM trace_edge"
    " WHERE trail_id = $1 AND seq > $2 AND seq <= $3 ORDER BY seq, src_lo"
)


class FifoTrail:
    """Edges found by any chunks of any workers are the same edges, so only how many there are depends on the cuts."""

    def __init__(self, inputs: TraceInputs, victim: str, *, chunk_edges: int = CHUNK_EDGES) -> None:
        self._inputs = inputs
        self._victim = victim
        self._most = chunk_edges
        self._number = 0
        self._following = Following(victim)
        self._found: list[Edge] | None = []
        self._unstored: list[Edge] = []
        self._known_digest: tuple[int, str] | None = None
        self._exits_known_upto = 0
        self._exits_followed: set[int] = set()
        self._brought_by: dict[int, str] = {}

    async def load(self, connection: asyncpg.Connection) -> None:
        """Go on from what is stored: the furthest finished trace of the trail, and edges found since."""
        inputs = self._inputs
        self._number = await last_chunk(connection, inputs.trail_id)
        if self._number == 0:
            return
        upto_seq = inputs.upto.upto_seq
        base = await furthest_run(connection, inputs.trail_id, upto_seq)
        since, lots, self._found = 0, [], None
        if base is not None:
            flow = base.summary.flow
            since, lots = base.summary.upto_seq, await select_lots(connection, base.summary.trace_id)
            elsewhere = {Place.EXITED: flow.exited, Place.POOLED: flow.pooled, Place.RETURNED: flow.returned}
            self._following = Following(self._victim, stolen=flow.stolen, elsewhere=elsewhere)
            self._following.edges = base.summary.edges
            self._known_digest = (base.summary.edges, base.summary.digest)
            self._exits_known_upto = since
        stored = await select_edges(connection, inputs.trail_id, since, upto_seq)
        if base is None:
            self._unstored = await self._missing_thefts(connection, stored)
        self._following.found(lots, [*stored, *self._unstored], all_of_them=False)

    @property
    def done(self) -> bool:
        """As Trail."""
        upto_seq = self._inputs.upto.upto_seq
        return self._following.done and not self._unstored and self._exits_known_upto >= upto_seq

    async def advance(self, connection: asyncpg.Connection) -> None:
        """As Trail."""
        inputs, following = self._inputs, self._following
        if self._number == 0:
            lots = []
            edges = await first_chunk(
                connection,
                thefts=inputs.thefts,
                victim=self._victim,
                currency=inputs.currency,
                upto_seq=inputs.upto.upto_seq,
                most=self._most,
            )
        else:
            if following.done and not self._unstored:
                await self._reopen_exits(connection)
            lots = following.take(CHUNK_LOTS)
            if not lots:
                return
            edges = await next_chunk(
                connection,
                lots,
                victim=self._victim,
                currency=inputs.currency,
                upto_seq=inputs.upto.upto_seq,
                most=self._most,
                brought_by=self._brought_by,
            )
        whole = len(edges) < self._most
        if whole:
            self._exits_followed |= {lot.last_seq for lot in lots if lot.place is Place.EXITED}
            if self._number == 0:
                self._exits_known_upto = inputs.upto.upto_seq
        if self._number == 0 and not whole:
            self._unstored = await self._missing_thefts(connection, edges)
            following.found([], self._unstored, all_of_them=False)
        following.found(lots, edges, all_of_them=whole)
        if self._found is not None:
            self._found = edges if self._number == 0 and whole else None
        edges = [*self._unstored, *edges]
        self._unstored = []
        if edges or self._number == 0:
            self._number += 1
            await insert_chunk(connection, inputs, self.progress())
            await insert_edges(connection, inputs.trail_id, edges)
        if following.done and not self.done:
            await self._reopen_exits(connection)

    async def outcome(self, connection: asyncpg.Connection) -> TraceOutcome:
        """As Trail."""
        following = self._following
        return TraceOutcome(
            victim=self._victim,
            flow=following.flow(),
            digest=await self._digest(connection),
            edges=following.edges,
            lots=following.resting,
            pruned={},
        )

    def progress(self) -> TraceProgress:
        """As Trail."""
        following, upto_seq = self._following, self._inputs.upto.upto_seq
        return TraceProgress(
            chunk=self._number,
            edges=following.edges,
            reached_seq=upto_seq,
            upto_seq=upto_seq,
            flow=following.flow(),
            following=following.open_amount,
        )

    async def _reopen_exits(self, connection: asyncpg.Connection) -> None:
        """Everything else is followed: go on with what exits gave back, if anything; else that is known now."""
        inputs = self._inputs
        arrived, left = await given_back_since(
            connection, inputs.trail_id, self._exits_known_upto, inputs.upto.upto_seq
        )
        arrived = [edge for edge in arrived if edge.seq not in self._exits_followed]
        self._brought_by |= {edge.seq: edge.transfer_id for edge in arrived}
        self._following.reopen(arrived, left)
        if self._following.done:
            self._exits_known_upto = inputs.upto.upto_seq

    async def _missing_thefts(self, connection: asyncpg.Connection, found: Iterable[Edge]) -> list[Edge]:
        """The thefts that a cut left out."""
        inputs = self._inputs
        begun = {in_order(edge) for edge in found if edge.hop == 0}
        thefts = await theft_edges(
            connection, thefts=inputs.thefts, currency=inputs.currency, upto_seq=inputs.upto.upto_seq
        )
        return [edge for edge in thefts if in_order(edge) not in begun]

    async def _digest(self, connection: asyncpg.Connection) -> str:
        if self._found is not None:
            return digest(sorted(self._found, key=in_order))
        if self._known_digest is not None and self._known_digest[0] == self._following.edges:
            return self._known_digest[1]
        running = sha256()
        arguments = (self._inputs.trail_id, -1, self._inputs.upto.upto_seq)
        async for record in connection.cursor(_EDGES, *arguments, prefetch=10_000):
            running.update(canonical_line(Edge(*record)).encode())
        return running.hexdigest()


async def select_edges(
    connection: asyncpg.Connection, trail_id: str, after_seq: int, upto_seq: int
) -> list[Edge]:
    """The edges of a trail between two postings, in canonical order."""
    return [Edge(*record) for record in await connection.fetch(_EDGES, trail_id, after_seq, upto_seq)]


async def insert_edges(connection: asyncpg.Connection, trail_id: str, edges: Iterable[Edge]) -> None:
    """Add edges to a trail."""
    records = [(trail_id, *edge) for edge in edges]
    await connection.copy_records_to_table("trace_edge", records=records, columns=_COLUMNS)
