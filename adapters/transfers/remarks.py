"""What is odd about postings that are indexed all the same: each is named in a sentence, with the reason."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence
from datetime import timedelta
from typing import Final

import asyncpg

from adapters.transfers.feed_state import Feed
from adapters.transfers.rows import Posted

CLOCKS_DIFFER: Final = timedelta(seconds=1)
"""A posting may be told as so much older than one before it: a wallet has several machines, and each its clock."""


async def remark_on(connection: asyncpg.Connection, feed: Feed, posted: Sequence[Posted]) -> None:
    """Mark what was reversed, and remember what there is to say about these new postings. `feed` is as it was before them."""
    said: dict[int, list[str]] = defaultdict(list)
    for seq, remark in [*await _reversals(connection, posted), *_times(feed, posted)]:
        said[seq].append(remark)
    if said:
        remarks = [(seq, " ".join(said[seq])) for seq in sorted(said)]
        await connection.executemany("INSERT INTO transfer_remark (seq, remark) VALUES ($1, $2)", remarks)
        feed.remark(remarks[-1][1], len(remarks))


async def _reversals(connection: asyncpg.Connection, posted: Sequence[Posted]) -> list[tuple[int, str]]:
    """Every reversal of a transfer that is not among the postings before it: that one is ordinary."""
    reversals = [transfer for transfer, _ in posted if transfer.reverses is not None]
    if not reversals:
        return []
    records = await connection.fetch(
        "UPDATE transfer_index SET undone = dst_kind <> 'awarded' WHERE transfer_id = ANY($1::text[])"
        " RETURNING transfer_id, seq",
        [transfer.reverses for transfer in reversals],
    )
    known = {record["transfer_id"]: record["seq"] for record in records}
    return [
        (
            transfer.seq,
            (
                f"Posting {transfer.seq} says that it reverses transfer {transfer.reverses}, which is not among the postings "
                "before it: it is indexed and followed as an ordinary transfer; have the wallet's records checked."
            ),
        )
        for transfer in reversals
        if known.get(str(transfer.reverses), transfer.seq) >= transfer.seq
    ]


def _times(feed: Feed, posted: Sequence[Posted]) -> list[tuple[int, str]]:
    """Every posting whose time runs back: the money is followed by numbers, but thefts are looked for by time."""
    newest = feed.upto_at
    found = []
    for transfer, _ in posted:
        if newest is not None and transfer.posted_at < newest - CLOCKS_DIFFER:
            found.append(
                (
                    transfer.seq,
                    (
                        f"Posting {transfer.seq} is told as posted at {transfer.posted_at.isoformat()}, before an earlier posting of "
                        f"{newest.isoformat()}: its number is its place, so it is indexed and followed there, but whatever is "
                        "looked up by time may miss it; have the wallet's clock checked."
                    ),
                )
            )
        newest = transfer.posted_at if newest is None else max(newest, transfer.posted_at)
    return found
