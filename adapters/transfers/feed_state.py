"""The row that says how far the index has come."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

import asyncpg

from adapters.transfers.examination import Stop
from models.contracts.transfers import FeedPosition, FeedState
from models.ids import new_id
from models.names import StaffAlertKind
from use_cases.staff_words import SEVERITIES

FEED = "wallet"
"""The one feed of a deployment."""

_SELECT = (
    "SELECT upto_seq, upto_at, head_seq, head_at, checked_at, state, detail, stopped_seq, generation, openings_loaded,"
    " (extract(epoch FROM clock_timestamp() - checked_at) * 1000)::bigint AS unasked_ms,"
    " (SELECT count(*) FROM transfer_remark) AS remarks,"
    " (SELECT remark FROM transfer_remark ORDER BY seq DESC LIMIT 1) AS newest_remark"
    " FROM transfer_feed WHERE name = $1"
)


@dataclass(slots=True)
class Feed:
    """The feed's row, and what there is to say about its postings. `unasked_ms`: how long ago the wallet was last asked."""

    upto_seq: int = 0
    upto_at: datetime | None = None
    head_seq: int = 0
    head_at: datetime | None = None
    checked_at: datetime | None = None
    state: FeedState = FeedState.FOLLOWING
    detail: str | None = None
    stopped_seq: int | None = None
    generation: int = 0
    openings_loaded: bool = False
    unasked_ms: int | None = 0
    remarks: int = 0
    newest_remark: str | None = None

    def position(self) -> FeedPosition:
        """How far the index reaches, and how far behind the wallet's newest posting that may be."""
        behind = self.unasked_ms or 0
        if self.head_seq > self.upto_seq and self.head_at is not None and self.upto_at is not None:
            behind += max(int((self.head_at - self.upto_at).total_seconds() * 1000), 0)
        return FeedPosition(
            upto_seq=self.upto_seq,
            upto_at=self.upto_at,
            behind_ms=behind,
            state=self.state,
            detail=self.detail or self.newest_remark,
            remarks=self.remarks,
        )

    def remark(self, newest: str, how_many: int) -> None:
        """Remember that so many more postings were indexed about which there is something to say."""
        self.remarks += how_many
        self.newest_remark = newest

    def stop(self, stop: Stop | None) -> None:
        """Remember why nothing further is taken; None: everything is in order."""
        self.state = FeedState.FOLLOWING if stop is None else stop.state
        self.detail = None if stop is None else stop.detail
        self.stopped_seq = None if stop is None else stop.seq


async def load_feed(connection: asyncpg.Connection) -> Feed:
    """The feed as it stands; a new one when nothing was ever fed."""
    record = await connection.fetchrow(_SELECT, FEED)
    if record is None:
        return Feed()
    fields = dict(record)
    return Feed(**fields | {"state": FeedState(fields["state"])})


async def save_feed(connection: asyncpg.Connection, feed: Feed, *, checked: bool) -> None:
    """Write it. `checked`: the wallet has just been asked."""
    await connection.execute(
        "INSERT INTO transfer_feed AS f (name, upto_seq, upto_at, head_seq, head_at, checked_at, state, detail,"
        " stopped_seq, generation, openings_loaded)"
        " VALUES ($1, $2, $3, $4, $5, CASE WHEN $11 THEN clock_timestamp() END, $6, $7, $8, $9, $10)"
        " ON CONFLICT (name) DO UPDATE SET upto_seq = excluded.upto_seq, upto_at = excluded.upto_at,"
        " head_seq = excluded.head_seq, head_at = excluded.head_at,"
        " checked_at = coalesce(excluded.checked_at, f.checked_at), state = excluded.state, detail = excluded.detail,"
        " stopped_seq = excluded.stopped_seq, generation = excluded.generation,"
        " openings_loaded = excluded.openings_loaded",
        FEED,
        feed.upto_seq,
        feed.upto_at,
        feed.head_seq,
        feed.head_at,
        feed.state.value,
        feed.detail,
        feed.stopped_seq,
        feed.generation,
        feed.openings_loaded,
        checked,
    )
    if feed.state is not FeedState.FOLLOWING:
        # In the commit that stops the feed: staff hear of it once for each posting at which it stopped.
        await connection.execute(
            "INSERT INTO staff_alert (id, kind, severity, subject, detail, raised_at, next_try_at)"
            " VALUES ($1, $2, $3, $4, $5, clock_timestamp(), clock_timestamp()) ON CONFLICT (kind, subject) DO NOTHING",
            new_id(),
            StaffAlertKind.FEED_STOPPED.value,
            SEVERITIES[StaffAlertKind.FEED_STOPPED].value,
            f"{feed.stopped_seq}/{feed.generation}",
            feed.state.value,
        )
