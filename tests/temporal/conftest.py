from collections.abc import Iterator
from itertools import count

import pytest
from temporalio.client import Client

from adapters.temporal.client import connect
from adapters.temporal.converter import encrypting_converter
from cli.embedded.temporal import EmbeddedTemporal
from tests.temporal.keys import KeysInMemory

_QUEUES = count(1)


@pytest.fixture
def keys() -> KeysInMemory:
    return KeysInMemory()


@pytest.fixture
async def client(
    temporal_server: EmbeddedTemporal, monkeypatch: pytest.MonkeyPatch, keys: KeysInMemory
) -> Client:
    """A client of the run's Temporal whose payloads are encrypted."""
    for name, value in temporal_server.environ.items():
        monkeypatch.setenv(name, value)
    return await connect(encrypting_converter(keys))


@pytest.fixture
def task_queue() -> str:
    """A queue of the test's own."""
    return f"test-{next(_QUEUES)}"


@pytest.fixture
def own_temporal(monkeypatch: pytest.MonkeyPatch) -> Iterator[EmbeddedTemporal]:
    """A Temporal that the test may kill."""
    with EmbeddedTemporal(throwaway=True) as server:
        for name, value in server.environ.items():
            monkeypatch.setenv(name, value)
        yield server
