"""A second database, with other names for everything, as the source of the index."""

from __future__ import annotations

import asyncio
import json
import tomllib
from collections.abc import AsyncIterator, Iterator
from decimal import Decimal
from pathlib import Path
from random import Random

import pytest
from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncEngine, create_async_engine

from adapters.transfers.index import SqlTransferIndex
from adapters.transfers.replica import ReplicaTransferSource, replica_engine
from adapters.transfers.replica_mapping import ReplicaMapping, read_mapping
from cli.application import main
from models.contracts.transfers import FeedState
from models.errors import ErrorCode, StanchError
from tests.conftest import Database, Databases
from tests.tracing.conftest import PLENTY, Feed
from tests.tracing.index_rows import indexed, posted
from tests.tracing.ledgers import Ledger, random_ledger

MAPPING = """
timezone = "UTC"
[transfers]
table = "payments.posting"
kinds = { customer = "wallet" }
statuses = { open = "pending", booked = "settled" }
[transfers.columns]
seq = "number"
transfer_id = "payment"
src = "payer"
dst = "payee"
src_kind = "payer kind"
dst_kind = "payee kind"
amount = "cents"
currency = { constant = "EUR" }
posted_at = "booked"
status = "state"
end_to_end_id = "e2e"
[openings]
table = "payments.start"
kinds = { customer = "wallet" }
[openings.columns]
account_id = "account"
kind = "kind"
currency = { constant = "EUR" }
amount = "cents"
"""
TABLES = (
    "CREATE SCHEMA payments",
    (
        'CREATE TABLE payments.posting (number numeric, payment bigint, payer text, payee text, "payer kind" text,'
        ' "payee kind" text, cents numeric, booked timestamp, state text, e2e text)'
    ),
    "CREATE TABLE payments.start (account text, kind text, cents bigint)",
)
LEDGER = random_ledger(Random(3), length=40)


@pytest.fixture
def replica_database(databases: Databases) -> Iterator[Database]:
    with databases.empty() as database:
        yield database


@pytest.fixture
async def theirs(replica_database: Database) -> AsyncIterator[AsyncEngine]:
    """Their side, which writes."""
    engine = create_async_engine(replica_database.owner_url)
    async with engine.begin() as connection:
        for statement in TABLES:
            await connection.execute(text(statement))
    await fill(engine, LEDGER)
    yield engine
    await engine.dispose()


@pytest.fixture
async def source(
    theirs: AsyncEngine, replica_database: Database, mapping: Path
) -> AsyncIterator[ReplicaTransferSource]:
    engine = replica_engine(replica_database.owner_url)
    yield ReplicaTransferSource(engine, read_mapping(mapping))
    await engine.dispose()


@pytest.fixture
def mapping(tmp_path: Path) -> Path:
    file = tmp_path / "mapping.toml"
    file.write_text(MAPPING)
    return file


async def fill(engine: AsyncEngine, ledger: Ledger) -> None:
    def kind(ours: str) -> str:
        return "customer" if ours == "wallet" else ours

    async with engine.begin() as connection:
        for row in ledger.transfers:
            await connection.execute(
                text(
                    "INSERT INTO payments.posting VALUES (:n, :p, :src, :dst, :sk, :dk, :cents, :at, 'booked', :e2e)"
                ),
                {
                    "n": Decimal(row.seq),
                    "p": int(row.transfer_id[1:]),
                    "src": row.src,
                    "dst": row.dst,
                    "sk": kind(row.src_kind),
                    "dk": kind(row.dst_kind),
                    "cents": Decimal(row.amount),
                    "at": row.posted_at.replace(tzinfo=None),
                    "e2e": f"E{row.seq}" if row.dst == "X" else None,
                },
            )
        for stated in ledger.openings:
            await connection.execute(
                text("INSERT INTO payments.start VALUES (:account, :kind, :cents)"),
                {"account": stated.account_id, "kind": kind(stated.kind), "cents": stated.amount},
            )


async def change(engine: AsyncEngine, statement: str) -> None:
    async with engine.begin() as connection:
        await connection.execute(text(statement))


async def test_another_databases_rows_are_ours(
    engine: AsyncEngine, theirs: AsyncEngine, source: ReplicaTransferSource
) -> None:
    index = SqlTransferIndex(engine, source, page=7)
    position = await index.catch_up(budget=PLENTY)
    assert (position.upto_seq, position.upto_at) == (40, LEDGER.transfers[-1].posted_at)
    assert await indexed(engine) == posted(LEDGER)
    (payout,) = await index.transfers([next(r.transfer_id[1:] for r in LEDGER.transfers if r.dst == "X")])
    assert payout.bank is not None
    assert payout.bank.end_to_end_id == f"E{payout.seq}"
    await change(theirs, "UPDATE payments.posting SET number = 42 WHERE number = 40")
    assert (await index.catch_up(budget=PLENTY)).state is FeedState.CONFLICT


async def test_a_missing_number_is_a_gap_and_a_number_told_twice_a_conflict(
    engine: AsyncEngine, theirs: AsyncEngine, source: ReplicaTransferSource
) -> None:
    index = SqlTransferIndex(engine, source)
    await change(theirs, "UPDATE payments.posting SET number = -1 WHERE number = 21")
    position = await index.catch_up(budget=PLENTY)
    assert (position.upto_seq, position.state) == (20, FeedState.GAP)
    assert "Posting 21 is missing" in str(position.detail)
    await change(theirs, "UPDATE payments.posting SET number = 21 WHERE number = -1")
    await change(
        theirs,
        'INSERT INTO payments.posting SELECT 30, 99, payer, payee, "payer kind", "payee kind", 1, booked,'
        " state FROM payments.posting WHERE number = 30",
    )
    position = await index.catch_up(budget=PLENTY)
    assert (position.upto_seq, position.state) == (30, FeedState.CONFLICT)


@pytest.mark.parametrize(
    ("change_it", "said"),
    [
        ("UPDATE payments.posting SET cents = 1.5 WHERE number = 9", "Posting 9 of payments.posting"),
        ("UPDATE payments.posting SET cents = -4 WHERE number = 9", "amount"),
        ("UPDATE payments.posting SET \"payee kind\" = 'moon' WHERE number = 9", "dst_kind"),
        ("UPDATE payments.posting SET payer = NULL WHERE number = 9", "src"),
        ("UPDATE payments.posting SET state = 'lost' WHERE number = 9", "status"),
    ],
)
async def test_a_row_that_does_not_fit_is_named_and_those_before_it_are_in(
    engine: AsyncEngine, theirs: AsyncEngine, source: ReplicaTransferSource, change_it: str, said: str
) -> None:
    await change(theirs, change_it)
    index = SqlTransferIndex(engine, source)
    with pytest.raises(StanchError) as refused:
        await index.catch_up(budget=PLENTY)
    assert refused.value.code is ErrorCode.FEED_CONFLICT
    assert said in refused.value.message
    assert (await index.position()).upto_seq == 8
    assert len(await indexed(engine)) == 8


async def test_nothing_can_be_written_there(replica_database: Database, theirs: AsyncEngine) -> None:
    engine = replica_engine(replica_database.owner_url)
    async with engine.connect() as connection:
        with pytest.raises(Exception, match="read-only"):
            await connection.execute(text("DELETE FROM payments.posting"))
    await engine.dispose()


@pytest.mark.parametrize(
    ("was", "becomes", "said"),
    [
        ('"cents"', '"euros"', "euros"),
        ('"payments.posting"', '"payments.nothing"', "payments.nothing"),
    ],
)
async def test_a_mapping_of_what_is_not_there_is_refused(
    *,
    engine: AsyncEngine,
    theirs: AsyncEngine,
    replica_database: Database,
    was: str,
    becomes: str,
    said: str,
) -> None:
    wrong = ReplicaMapping.model_validate(tomllib.loads(MAPPING.replace(was, becomes, 1)))
    reading = replica_engine(replica_database.owner_url)
    with pytest.raises(StanchError) as refused:
        await SqlTransferIndex(engine, ReplicaTransferSource(reading, wrong)).catch_up(budget=PLENTY)
    await reading.dispose()
    assert refused.value.code is ErrorCode.INVALID
    assert said in refused.value.message
    assert await indexed(engine) == []


@pytest.mark.fast
@pytest.mark.parametrize(
    ("was", "becomes", "said"),
    [
        ('seq = "number"\n', "", "gives no seq"),
        ('seq = "number"', "seq = { constant = 1 }", "seq must be a column"),
        ('seq = "number"', 'seq = "number"\nsex = "x"', "there is no sex"),
        ('"UTC"', '"Mars/Olympus"', "no time zone"),
        ("[transfers]", "[transfers", "line 3"),
    ],
)
def test_a_mapping_that_is_wrong_in_itself_is_refused(
    tmp_path: Path, was: str, becomes: str, said: str
) -> None:
    file = tmp_path / "mapping.toml"
    file.write_text(MAPPING.replace(was, becomes, 1))
    with pytest.raises(StanchError) as refused:
        read_mapping(file)
    assert refused.value.code is ErrorCode.INVALID
    assert said in refused.value.message


@pytest.mark.fast
def test_a_mapping_that_is_not_there_is_refused(tmp_path: Path) -> None:
    with pytest.raises(StanchError) as refused:
        read_mapping(tmp_path / "none.toml")
    assert refused.value.code is ErrorCode.INVALID


async def test_a_replica_that_does_not_answer_is_not_the_end(
    engine: AsyncEngine, mapping: Path, free_port: int
) -> None:
    away = replica_engine(f"postgresql+asyncpg://nobody@127.0.0.1:{free_port}/none")
    with pytest.raises(StanchError) as failed:
        await SqlTransferIndex(engine, ReplicaTransferSource(away, read_mapping(mapping))).catch_up(
            budget=PLENTY
        )
    assert failed.value.code is ErrorCode.WALLET_UNREACHABLE
    await away.dispose()
    assert (await SqlTransferIndex(engine, Feed([])).position()).upto_seq == 0


async def test_the_command_line_imports_a_replica(
    *,
    database_url: str,
    theirs: AsyncEngine,
    replica_database: Database,
    mapping: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    monkeypatch.setenv("STANCH_DATABASE_URL", database_url)
    arguments = [
        "transfers",
        "import",
        "--replica",
        replica_database.owner_url,
        "--mapping",
        str(mapping),
        "--json",
    ]
    assert await asyncio.to_thread(main, arguments) == 0
    assert json.loads(capsys.readouterr().out)["upto_seq"] == 40
    assert await asyncio.to_thread(main, [*arguments[:-3], "--json"]) == 2
