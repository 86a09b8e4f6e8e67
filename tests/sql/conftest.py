"""The database side on a database of its own for each test."""

from __future__ import annotations

from collections.abc import AsyncIterator

import pytest

from tests.sql.house import House


@pytest.fixture
async def house(database_url: str) -> AsyncIterator[House]:
    made = House(database_url)
    yield made
    await made.close()
