"""What is read at once is as of one moment, through whichever port, and nothing can be written meanwhile."""

from __future__ import annotations

import asyncio
from contextvars import Context

import pytest

from adapters.sql.engine import one_state, statement, transaction
from adapters.transfers.sessions import snapshot
from models.errors import StanchError
from tests.sql.house import House

COUNT = "SELECT count(*) FROM incident"


async def counted(house: House) -> tuple[int, int, int]:
    """As the three kinds of sessions see it."""
    async with statement(house.engine) as one:
        by_statement = int((await one.exec_driver_sql(COUNT)).scalar_one())
    async with transaction(house.engine) as two:
        by_transaction = int((await two.exec_driver_sql(COUNT)).scalar_one())
    async with snapshot(house.engine) as three:
        return by_statement, by_transaction, int(await three.fetchval(COUNT))


async def test_one_state_is_read_whatever_is_committed_meanwhile(house: House) -> None:
    before = (await counted(house))[0]
    async with one_state(house.engine):
        assert await counted(house) == (before,) * 3
        elsewhere = asyncio.create_task(house.accept(house.trigger()), context=Context())
        await elsewhere
        assert await counted(house) == (before,) * 3
    assert await counted(house) == (before + 1,) * 3


async def test_nothing_is_written_in_it(house: House) -> None:
    with pytest.raises(StanchError) as refused:
        async with one_state(house.engine), transaction(house.engine) as connection:
            await connection.exec_driver_sql("UPDATE incident SET renewals = 1")
    assert "read-only" in str(refused.value.__cause__)
