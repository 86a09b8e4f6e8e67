"""A database that goes away in the middle: said plainly, nothing half written, and the index goes on afterwards."""

from __future__ import annotations

from random import Random

import pytest

from adapters.sql.engine import make_engine
from adapters.transfers.index import SqlTransferIndex
from adapters.transfers.traces import SqlTraces
from cli.embedded.postgres import EmbeddedPostgres
from models.errors import ErrorCode, StanchError
from tests.conftest import migrate
from tests.tracing.conftest import PLENTY, Feed, at
from tests.tracing.ledgers import Ledger, random_ledger
from tracing.ports import TransferPage


class Killing(Feed):
    """Kills the database while its third page is on the way."""

    def __init__(self, ledger: Ledger, server: EmbeddedPostgres) -> None:
        super().__init__(ledger.transfers, ledger.openings)
        self.server = server

    async def after(self, seq: int, limit: int) -> TransferPage:
        page = await super().after(seq, limit)
        if len(self.asked) == 3:
            self.server.kill()
        return page


async def test_a_database_killed_while_feeding_loses_nothing_it_had(
    tmp_path_factory: pytest.TempPathFactory,
) -> None:
    ledger = random_ledger(Random(1), length=60)
    with EmbeddedPostgres(tmp_path_factory.mktemp("postgres")) as server:
        migrate(server.create_database("killed"))
        engine = make_engine(server.url("killed"), pool=2)
        index = SqlTransferIndex(engine, Killing(ledger, server), page=10)
        with pytest.raises(StanchError) as failed:
            await index.catch_up(budget=PLENTY)
        assert failed.value.code is ErrorCode.DATABASE_UNREACHABLE
        with pytest.raises(StanchError) as failed:
            await index.position()
        assert failed.value.code is ErrorCode.DATABASE_UNREACHABLE
        server.start()
        assert (await index.position()).upto_seq == 20
        assert (await index.catch_up(budget=PLENTY)).upto_seq == 60
        victim_theft = ledger.thefts(Random(2))[1]
        summary = await SqlTraces(engine).run(
            incident_id="I", episode=1, currency="EUR", thefts=victim_theft, upto=at(60)
        )
        assert summary.flow.stolen >= summary.flow.held
        await engine.dispose()
