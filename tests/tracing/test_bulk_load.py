"""The benchmark's ledgers come in by COPY: the very rows that the feed would have written."""

from __future__ import annotations

from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncEngine, create_async_engine

from adapters.transfers.index import SqlTransferIndex
from bench.bulk_load import load
from bench.generated_ledger import LARGE, SMALL, GeneratedLedger
from tests.tracing.conftest import PLENTY

TABLES = {
    "transfer_index": "seq, part",
    "transfer_account": "account_id",
    "pg_indexes": "indexname",
    "transfer_feed": "name",
}


async def everything(engine: AsyncEngine) -> dict[str, list[tuple[object, ...]]]:
    """Rows of the index, and which indexes it has."""
    found = {}
    async with engine.connect() as connection:
        for table, order in TABLES.items():
            only = " WHERE tablename = 'transfer_index'" if table == "pg_indexes" else ""
            records = await connection.execute(text(f"SELECT * FROM {table}{only} ORDER BY {order}"))
            left_out = {"checked_at", "head_seq", "head_at"}
            names = [name for name in records.keys() if name not in left_out]  # noqa: SIM118 - a result, not a dict
            found[table] = [tuple(row._mapping[name] for name in names) for row in records]
    return found


async def test_what_is_loaded_is_what_is_fed(engine: AsyncEngine, owner_database_url: str) -> None:
    ledger = GeneratedLedger(3_000, plans=(SMALL, LARGE))
    assert any(src == dst for src, dst in zip(ledger.src, ledger.dst, strict=True))
    index = SqlTransferIndex(engine, ledger, page=500)
    owner = create_async_engine(owner_database_url)
    async with owner.connect() as connection:
        driver = (await connection.get_raw_connection()).driver_connection
        assert driver is not None
        await load(driver, ledger, upto_seq=2_200)
    position = await index.catch_up(budget=PLENTY)
    assert position.upto_seq == 3_000
    loaded = await everything(engine)
    async with owner.begin() as connection:
        await connection.execute(text("TRUNCATE transfer_index, transfer_account, transfer_feed"))
    await owner.dispose()
    await index.catch_up(budget=PLENTY)
    assert loaded == await everything(engine)
