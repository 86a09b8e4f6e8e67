"""Posts one examined page into the index, in the caller's transaction."""

from __future__ import annotations

from collections.abc import Sequence

import asyncpg

from adapters.transfers.accounts import StoredAccount, load_accounts, load_holds, save_accounts
from adapters.transfers.examination import Examined, differing, impossible
from adapters.transfers.feed_state import Feed
from adapters.transfers.remarks import remark_on
from adapters.transfers.returns import linked_among
from adapters.transfers.reversals import Reversals
from adapters.transfers.rows import Posted, insert_rows, same_posting, whole_transfers
from adapters.transfers.segments import segment_again
from models.contracts.transfers import AccountKind, FeedState, PostedTransfer
from tracing.openings import missing_money
from tracing.positions import AccountQueue
from tracing.posting import AccountKey, AxisFull, Book, ShortAccount

_LOWER_AXES = (
    "UPDATE transfer_account AS a SET opening = a.opening + m.missing, inferred = a.inferred + m.missing,"
    " axis_start = a.axis_start - CASE WHEN a.total_in = 0 AND a.total_out = 0 THEN 0 ELSE m.missing END"
    " FROM unnest($1::text[], $2::text[], $3::bigint[]) AS m (account_id, currency, missing)"
    " WHERE a.account_id = m.account_id AND a.currency = m.currency"
)
_LOWER_PAYMENTS = (
    "UPDATE transfer_index AS t SET out_pos = t.out_pos - m.missing, src_balance_after = t.src_balance_after + m.missing"
    " FROM unnest($1::text[], $2::text[], $3::bigint[]) AS m (account_id, currency, missing)"
    " WHERE t.src = m.account_id AND t.currency = m.currency AND t.out_pos IS NOT NULL"
)
_RAISE_BALANCES = (
    "UPDATE transfer_index AS t SET src_balance_after = t.src_balance_after + m.missing"
    " FROM unnest($1::text[], $2::text[], $3::bigint[]) AS m (account_id, currency, missing)"
    " WHERE t.src = m.account_id AND t.currency = m.currency AND t.out_pos IS NOT NULL"
)
_RAISE_BALANCES_BEFORE = (
    "UPDATE transfer_index AS t SET dst_balance_before = t.dst_balance_before + m.missing"
    " FROM unnest($1::text[], $2::text[], $3::bigint[]) AS m (account_id, currency, missing)"
    " WHERE t.dst = m.account_id AND t.currency = m.currency AND t.in_pos IS NOT NULL"
)


async def post_page(connection: asyncpg.Connection, feed: Feed, examined: Examined) -> None:
    """Check what is indexed already, index what is new, and move `feed` on; its `state` says what stopped it.

    The caller holds the index alone and saves `feed`. When an earlier stop is not settled by this page, nothing new is
    taken. Raises asyncpg.UniqueViolationError when a transfer id is taken by an earlier posting (see `trim_taken`).
    """
    known = [transfer for transfer in examined.transfers if transfer.seq <= feed.upto_seq]
    for ours, theirs in zip(await _stored(connection, known), known, strict=True):
        if not same_posting(ours, theirs):
            examined.cut(differing(theirs.seq))
            break
    stopped = feed.stopped_seq
    if stopped is not None and examined.stop is None and not examined.after < stopped <= examined.last:
        return
    fresh = [transfer for transfer in examined.transfers if transfer.seq > feed.upto_seq]
    if fresh:
        fresh = await _post(connection, feed, examined, fresh)
    if fresh:
        feed.upto_seq = fresh[-1].seq
        newest = max(transfer.posted_at for transfer in fresh)
        feed.upto_at = newest if feed.upto_at is None else max(newest, feed.upto_at)
    stop = examined.stop
    filled_meanwhile = stop is not None and stop.state is FeedState.GAP and stop.seq <= feed.upto_seq
    feed.stop(None if filled_meanwhile else stop)


async def trim_taken(connection: asyncpg.Connection, examined: Examined) -> None:
    """Stop the page before the first posting whose transfer id an earlier posting has."""
    taken = await connection.fetch(
        "SELECT seq, transfer_id FROM transfer_index WHERE transfer_id = ANY($1::text[])",
        [transfer.transfer_id for transfer in examined.transfers],
    )
    earlier = {record["transfer_id"]: record["seq"] for record in taken}
    for transfer in examined.transfers:
        if earlier.get(transfer.transfer_id, transfer.seq) != transfer.seq:
            why = f"transfer id {transfer.transfer_id} is taken by posting {earlier[transfer.transfer_id]}"
            examined.cut(impossible(transfer.seq, why))
            return


async def _stored(connection: asyncpg.Connection, known: Sequence[PostedTransfer]) -> list[PostedTransfer]:
    if not known:
        return []
    stored = await whole_transfers(connection, "seq BETWEEN $1 AND $2", known[0].seq, known[-1].seq)
    # What we have linked ourselves the source still says without the link.
    linked = await linked_among(connection, known[0].seq, known[-1].seq)
    return [each.model_copy(update={"reverses": None}) if each.seq in linked else each for each in stored]


async def _post(
    connection: asyncpg.Connection, feed: Feed, examined: Examined, fresh: list[PostedTransfer]
) -> list[PostedTransfer]:
    """Index these; returns those that were: all of them, or those before an account's axis is full."""
    moving = [transfer for transfer in fresh if transfer.src != transfer.dst]
    ids = {account for transfer in moving for account in (transfer.src, transfer.dst)}
    kinds = {(transfer.src, transfer.currency): transfer.src_kind for transfer in moving}
    kinds |= {(transfer.dst, transfer.currency): transfer.dst_kind for transfer in moving}
    while fresh:
        accounts = await load_accounts(connection, ids)
        book = Book()
        book.queues = {key: account.queue for key, account in accounts.items()}
        try:
            posted = await _walk(connection, feed, book, ids, fresh)
        except ShortAccount:
            await _infer(connection, feed, fresh, await load_accounts(connection, ids), kinds)
        except AxisFull as full:
            examined.cut(
                impossible(full.seq, f"account {full.account_id} would pass 2^63-1 minor units in all")
            )
            fresh = [transfer for transfer in fresh if transfer.seq < full.seq]
        else:
            await insert_rows(connection, posted)
            await remark_on(connection, feed, posted)
            await save_accounts(
                connection,
                [
                    (key, kinds[key], accounts[key].opening if key in accounts else 0, queue)
                    for key, queue in book.queues.items()
                    if key in kinds
                ],
            )
            break
    return fresh


async def _walk(
    connection: asyncpg.Connection, feed: Feed, book: Book, ids: set[str], fresh: Sequence[PostedTransfer]
) -> list[Posted]:
    pending = await load_holds(connection, book.queues, ids, feed.upto_seq)
    reversals = await Reversals.among(connection, fresh)
    posted: list[Posted] = []
    for transfer in fresh:
        while pending and pending[0].after_seq < transfer.seq:
            event = pending.pop(0)
            event.apply(book.queue(*event.account))
        parts = book.post(transfer, reversals.of(transfer))
        reversals.posted(transfer, parts)
        posted.append((transfer, parts))
    return posted


async def _infer(
    connection: asyncpg.Connection,
    feed: Feed,
    fresh: Sequence[PostedTransfer],
    accounts: dict[AccountKey, StoredAccount],
    kinds: dict[AccountKey, AccountKind],
) -> None:
    """Give every account the least opening money it lacks for these transfers, below what it has: no unit is renumbered."""
    balances = {key: account.queue.balance for key, account in accounts.items() if not account.kind.is_exit}
    missing = missing_money(fresh, balances)
    unknown = [(key, kinds[key], 0, AccountQueue()) for key in missing if key not in accounts]
    if unknown:
        await save_accounts(connection, unknown)
    columns = _columns(missing, list(missing))
    await connection.execute(_LOWER_AXES, *columns)
    # Where units were ever spent out of turn, payments do not simply move down.
    out_of_turn = {
        (record["account_id"], record["currency"])
        for record in await connection.fetch(
            "SELECT account_id, currency FROM transfer_hold WHERE account_id = ANY($1::text[])"
            " UNION SELECT src, currency FROM transfer_index WHERE src = ANY($1::text[]) AND reverses IS NOT NULL",
            columns[0],
        )
    }
    stored = [key for key in missing if key in accounts]
    await connection.execute(
        _LOWER_PAYMENTS, *_columns(missing, [key for key in stored if key not in out_of_turn])
    )
    await connection.execute(_RAISE_BALANCES_BEFORE, *_columns(missing, stored))
    for key in stored:
        if key in out_of_turn:
            await connection.execute(_RAISE_BALANCES, *_columns(missing, [key]))
            await segment_again(connection, key, after=0)
    if any(accounts[key].queue.frontier > accounts[key].queue.start for key in stored):
        feed.generation += 1


def _columns(
    missing: dict[AccountKey, int], keys: list[AccountKey]
) -> tuple[list[str], list[str], list[int]]:
    return [key[0] for key in keys], [key[1] for key in keys], [missing[key] for key in keys]
