"""Holds in the index: whenever they become known, the rows are those of a ledger that knew them all along."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import partial
from importlib import import_module
from random import Random

import pytest
from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncEngine

from adapters.transfers.index import SqlTransferIndex
from adapters.transfers.traces import SqlTraces
from models.contracts.transfers import AccountKind, OpeningBalance, PostedTransfer
from models.errors import ErrorCode, StanchError
from tests.tracing.conftest import PLENTY, Feed, at
from tests.tracing.ledgers import Ledger, covered, opening, random_ledger, transfer
from tests.tracing.naive import NaiveLedger
from tracing.edges import in_order

MIGRATION = import_module("migrations.versions.0015_awarded")
_KINDS = text(
    "SELECT string_agg(concat_ws(' ', seq, part, dst_kind, undone), ',' ORDER BY seq, part) FROM transfer_index"
)


@dataclass(frozen=True)
class Move:
    """What the wallet says happened to a hold after posting `after_seq`."""

    after_seq: int
    hold_id: str
    account: str
    lo: int
    hi: int
    begins: bool

    async def tell(self, index: SqlTransferIndex) -> None:
        if self.begins:
            await index.apply_hold(self.account, "EUR", self.lo, self.hi, self.after_seq, self.hold_id)
        else:
            await index.release_hold(self.hold_id, self.after_seq, units=(self.lo, self.hi))


def random_moves(random: Random, ledger: Ledger) -> list[Move]:
    """Holds on stretches of the wallets' axes, some released, whole or in part."""
    moves = []
    for account in "ABCD":
        lo = random.randint(0, 6)
        for number in range(random.randint(0, 4)):
            hi = lo + random.randint(1, 8)
            hold_id = f"{account}{number}"
            begin = random.randint(0, len(ledger.transfers) - 1)
            moves.append(Move(begin, hold_id, account, lo, hi, begins=True))
            if random.random() < 0.6:
                cut = random.randint(lo, hi - 1) if random.random() < 0.4 else lo
                moves.append(
                    Move(
                        random.randint(begin, len(ledger.transfers)), hold_id, account, cut, hi, begins=False
                    )
                )
            lo = hi + random.randint(0, 3)
    return moves


def with_restitution(random: Random, ledger: Ledger, moves: Sequence[Move]) -> Ledger:
    """Let some payments out of held accounts carry the hold's units."""
    rows = []
    for row in ledger.transfers:
        own = [move.hold_id for move in moves if move.begins and move.account == row.src]
        named = {"hold_id": random.choice(own)} if own and random.random() < 0.3 else {}
        rows.append(row.model_copy(update=named))
    return Ledger(tuple(rows), ledger.openings)


def unit_by_unit(
    ledger: Ledger, moves: Sequence[Move], thefts: Sequence[str] = (), victim: str = ""
) -> NaiveLedger:
    naive = NaiveLedger(frozenset(thefts), victim)
    for stated in ledger.openings:
        naive.open(stated)
    pending = sorted(moves, key=lambda move: (move.after_seq, not move.begins))
    for row in ledger.transfers:
        while pending and pending[0].after_seq < row.seq:
            move = pending.pop(0)
            if move.begins:
                naive.hold(move.hold_id, move.account, move.lo, move.hi)
            else:
                naive.release(move.hold_id, move.lo, move.hi)
        naive.post(row)
    naive.edges.sort(key=in_order)
    return naive


async def spent_units(engine: AsyncEngine) -> dict[int, list[int]]:
    async with engine.connect() as connection:
        found = await connection.execute(
            text(
                "SELECT seq, out_pos, amount FROM transfer_index WHERE out_pos IS NOT NULL ORDER BY seq, part"
            )
        )
        units: dict[int, list[int]] = {}
        for seq, out_pos, amount in found:
            units.setdefault(seq, []).extend(range(out_pos, out_pos + amount))
        return units


async def arrivals_tile(engine: AsyncEngine) -> None:
    """The parts of every transfer lie side by side where they arrived, and no unit of an account is spent twice."""
    async with engine.connect() as connection:
        found = await connection.execute(
            text(
                "SELECT count(*) FROM transfer_index AS p JOIN transfer_index AS n ON n.seq = p.seq AND n.part = p.part + 1"
                " WHERE n.in_pos <> p.in_pos + p.amount OR n.out_pos <= p.out_pos + p.amount"
            )
        )
        assert found.scalar_one() == 0
        found = await connection.execute(
            text(
                "SELECT count(*) FROM transfer_index AS a JOIN transfer_index AS b ON b.src = a.src"
                " AND b.currency = a.currency AND (b.seq, b.part) > (a.seq, a.part)"
                " AND b.out_pos < a.out_pos + a.amount AND a.out_pos < b.out_pos + b.amount"
            )
        )
        assert found.scalar_one() == 0


async def clear(engine: AsyncEngine) -> None:
    async with engine.begin() as connection:
        for table in ("transfer_index", "transfer_account", "transfer_hold", "transfer_feed"):
            await connection.execute(text(f"DELETE FROM {table}"))


async def test_whenever_holds_become_known_the_units_are_those_of_the_naive_ledger(
    engine: AsyncEngine,
) -> None:
    awarded = 0
    for seed in range(40):
        random = Random(seed)
        ledger = random_ledger(random, length=60, reversing=0.15)
        moves = random_moves(random, ledger)
        ledger = with_restitution(random, ledger, moves)
        await clear(engine)
        feed = Feed((), ledger.openings)
        index = SqlTransferIndex(engine, feed, page=random.choice((3, 20, 100)))
        untold = sorted(moves, key=lambda move: (move.hold_id, not move.begins))
        for upto in [*sorted(random.sample(range(1, 61), 5)), 60]:
            feed.transfers = list(ledger.transfers[:upto])
            await index.catch_up(budget=PLENTY)
            for move in list(untold):
                earlier = [
                    other
                    for other in untold
                    if other.hold_id == move.hold_id and other.begins and other != move
                ]
                if not earlier and random.random() < 0.4:
                    await move.tell(index)
                    await move.tell(index)  # again: nothing happens
                    untold.remove(move)
        for move in untold:
            await move.tell(index)
        victim, thefts = ledger.thefts(random)
        naive = unit_by_unit(ledger, moves, thefts, victim)
        assert await spent_units(engine) == naive.spent, seed
        await arrivals_tile(engine)
        traces = SqlTraces(engine)
        # Extended from where all thefts are posted, or fresh: the same.
        last = max(int(theft[1:]) for theft in thefts)
        await traces.run(
            incident_id=str(seed), episode=1, currency="EUR", thefts=thefts, upto=at(random.randint(last, 60))
        )
        summary = await traces.run(
            incident_id=str(seed), episode=1, currency="EUR", thefts=thefts, upto=at(60)
        )
        assert await traces.edges(summary.trace_id) == naive.edges, seed
        lying = {lot.account_id: 0 for lot in await traces.lots(summary.trace_id)}
        for lot in await traces.lots(summary.trace_id):
            lying[lot.account_id] += lot.amount
        assert lying == naive.stolen_lying()
        awarded += naive.awarded
        # An index of before awards were told apart is, once migrated, what it would have been.
        async with engine.begin() as connection:
            told = await connection.scalar(_KINDS)
            await connection.execute(
                text("UPDATE transfer_index SET dst_kind = 'wallet' WHERE dst_kind = 'awarded'")
            )
            await connection.execute(text(MIGRATION.AWARDED))
            assert await connection.scalar(_KINDS) == told
    assert awarded > 10


async def test_holds_stay_on_their_units_when_opening_money_turns_out_to_be_missing(
    engine: AsyncEngine,
) -> None:
    for seed in range(12):
        random = Random(seed)
        ledger = random_ledger(random, length=50, reversing=0.15)
        moves = random_moves(random, ledger)
        ledger = with_restitution(random, ledger, moves)
        await clear(engine)
        feed = Feed(())  # nobody told any opening balance
        index = SqlTransferIndex(engine, feed, page=random.choice((1, 5, 100)))
        untold = sorted(moves, key=lambda move: (move.after_seq, not move.begins))
        for upto in range(0, 51, 10):
            feed.transfers = list(ledger.transfers[:upto])
            await index.catch_up(budget=PLENTY)
            while untold and untold[0].after_seq <= upto:
                await untold.pop(0).tell(index)
        async with engine.connect() as connection:
            found = await connection.execute(
                text("SELECT account_id, kind, opening, axis_start FROM transfer_account ORDER BY account_id")
            )
            accounts = [(row[0], row[1], row[2], row[3]) for row in found]
        starts = {account: start for account, _, _, start in accounts}
        openings = tuple(
            OpeningBalance(account_id=account, kind=AccountKind(kind), currency="EUR", amount=amount)
            for account, kind, amount, _ in accounts
        )
        known = [
            replace(move, lo=move.lo - starts.get(move.account, 0), hi=move.hi - starts.get(move.account, 0))
            for move in moves
        ]
        naive = unit_by_unit(Ledger(ledger.transfers, openings), known)
        payers = {row.seq: row.src for row in ledger.transfers}
        spent = {
            seq: [unit - starts[payers[seq]] for unit in units]
            for seq, units in (await spent_units(engine)).items()
        }
        assert spent == naive.spent, seed
        needed = covered(ledger.transfers).openings
        assert {stated.account_id: stated.amount for stated in openings if stated.amount} == {
            stated.account_id: stated.inferred for stated in needed
        }
        await arrivals_tile(engine)


MULE = [
    transfer(1, "A", "B", 10),  # stolen: units 5..15 of B, who has 5 of his own
    transfer(2, "B", "C", 5),
    transfer(3, "O", "B", 20),
    transfer(4, "B", "D", 6),
    transfer(5, "B", "C", 8),
]


def mule() -> Ledger:
    return covered(MULE, [opening("A", 10), opening("B", 5)])


async def fed(engine: AsyncEngine, transfers: Sequence[PostedTransfer] = MULE) -> SqlTransferIndex:
    index = SqlTransferIndex(engine, Feed(transfers, mule().openings))
    await index.catch_up(budget=PLENTY)
    return index


async def test_held_money_stays_and_payments_posted_since_are_given_other_units(engine: AsyncEngine) -> None:
    index = await fed(engine)
    assert (await spent_units(engine))[4] == list(range(5, 11))
    await index.apply_hold("B", "EUR", 5, 15, 3, "h")
    assert (await spent_units(engine))[4] == list(range(15, 21))
    assert await index.remaining("B", "EUR", 5, 15, 5) == [(5, 15)]
    traces = SqlTraces(engine)
    summary = await traces.run(incident_id="I", episode=1, currency="EUR", thefts=["t1"], upto=at(5))
    assert (summary.flow.held, summary.edges) == (10, 1)
    await index.release_hold("h", 4)
    assert (await spent_units(engine))[5] == list(range(5, 13))
    assert await index.remaining("B", "EUR", 5, 15, 5) == [(13, 15)]
    assert await index.remaining("B", "EUR", 5, 15, 4) == [(5, 15)]


async def test_a_payment_around_a_hold_has_two_parts_and_is_still_one_transfer(engine: AsyncEngine) -> None:
    index = await fed(engine)
    await index.apply_hold("B", "EUR", 8, 15, 3, "h")
    assert (await spent_units(engine))[4] == [5, 6, 7, 15, 16, 17]
    assert await index.transfers(["t4"]) == [MULE[3]]
    traces = SqlTraces(engine)
    summary = await traces.run(incident_id="I", episode=1, currency="EUR", thefts=["t1"], upto=at(5))
    edges = await traces.edges(summary.trace_id)
    assert [(edge.seq, edge.src_lo, edge.src_hi, edge.dst_lo) for edge in edges] == [
        (1, 0, 10, 5),
        (4, 5, 8, 0),
    ]
    assert summary.flow.held == 10


async def test_a_hold_may_be_known_before_the_postings_it_covers(engine: AsyncEngine) -> None:
    feed = Feed(MULE[:2], mule().openings)
    index = SqlTransferIndex(engine, feed)
    await index.catch_up(budget=PLENTY)
    await index.apply_hold("B", "EUR", 5, 15, 3, "h")
    await index.release_hold("h", 4)
    feed.transfers = list(MULE)
    await index.catch_up(budget=PLENTY)
    units = await spent_units(engine)
    assert (units[4], units[5]) == (list(range(15, 21)), list(range(5, 13)))


async def test_a_release_that_took_effect_before_its_hold_leaves_nothing_held(engine: AsyncEngine) -> None:
    feed = Feed(MULE[:2], mule().openings)
    index = SqlTransferIndex(engine, feed)
    await index.catch_up(budget=PLENTY)
    await index.apply_hold("B", "EUR", 5, 15, 3, "h")
    await index.release_hold("h", 2)
    feed.transfers = list(MULE)
    await index.catch_up(budget=PLENTY)
    assert (await spent_units(engine))[4] == list(range(5, 11))


async def test_no_unit_is_held_twice_at_a_time(engine: AsyncEngine) -> None:
    index = await fed(engine)
    await index.apply_hold("B", "EUR", 5, 15, 3, "h1")
    with pytest.raises(StanchError) as refused:
        await index.apply_hold("B", "EUR", 14, 16, 4, "h2")
    assert refused.value.code is ErrorCode.REFUSED_BY_RULE
    await index.apply_hold("B", "EUR", 15, 16, 4, "h2")
    await index.release_hold("h1", 5)
    await index.apply_hold("B", "EUR", 5, 10, 5, "h3")


async def test_an_ended_hold_is_not_revived_by_a_late_repetition(engine: AsyncEngine) -> None:
    index = await fed(engine)
    await index.apply_hold("B", "EUR", 5, 15, 3, "h")
    await index.release_hold("h", 3)
    before = await spent_units(engine)
    await index.apply_hold("B", "EUR", 5, 15, 3, "h")
    await index.release_hold("h", 5)
    await index.release_hold("nobody's", 5)
    assert await spent_units(engine) == before


async def test_holds_and_feeders_at_once_end_as_one_after_the_other(engine: AsyncEngine) -> None:
    ledger = random_ledger(Random(77), length=200)
    moves = [move for move in random_moves(Random(78), ledger) if move.begins]
    feeders = [
        SqlTransferIndex(engine, Feed(ledger.transfers, ledger.openings), page=page) for page in (7, 13)
    ]
    await feeders[0].catch_up(budget=PLENTY * 0)
    await asyncio.gather(
        *(feeder.catch_up(budget=PLENTY) for feeder in feeders), *(move.tell(feeders[0]) for move in moves)
    )
    assert await spent_units(engine) == unit_by_unit(ledger, moves).spent


async def test_a_hold_that_changes_no_indexed_row_changes_no_trace(engine: AsyncEngine) -> None:
    index = await fed(engine)
    traces = SqlTraces(engine)
    run = partial(traces.run, incident_id="I", episode=1, currency="EUR", thefts=["t1"], upto=at(5))
    first = await run()
    await index.apply_hold("B", "EUR", 13, 15, 5, "h")
    assert await run() == first
    await index.apply_hold("C", "EUR", 0, 5, 2, "h2")  # C pays nothing afterwards
    assert await run() == first
    await index.apply_hold("B", "EUR", 5, 7, 3, "h3")
    second = await run()
    assert second.trace_id != first.trace_id
    assert second.digest != first.digest
    assert await traces.summary(first.trace_id) == first
