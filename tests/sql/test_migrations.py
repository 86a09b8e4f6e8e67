"""The schema comes from migrations alone: from empty to head, forward only, two at once, and what the application may do."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import text
from sqlalchemy.exc import DBAPIError
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine, create_async_engine

from models.tables.registry import METADATA
from tests.conftest import Database, Databases
from tests.sql.house import House

ROOT = Path(__file__).resolve().parents[2]
APPEND_ONLY = {
    "step",
    "step_attempt",
    "ledger_outbox",
    "decision_approval",
    "freeze_time",
    "reset_receipt",
    "theft",
    "hold_contest",
    "hold_objection",
    "restitution",
    "recall_message",
    "former_answer",
}
COUNTERS = {"request_pace"}
"""What a stranger's requests are counted in: let go of once it says nothing any more."""
OWN_INDEX = {"transfer_index", "transfer_account", "transfer_hold", "transfer_feed", "transfer_remark"}
WRITTEN_ONCE = {
    "trace_run",
    "trace_edge",
    "trace_lot",
    "trace_chunk",
    "trace_carried",
    "trace_pruned",
    "trace_range",
}


def alembic(owner_url: str, *arguments: str) -> subprocess.Popen[str]:
    return subprocess.Popen(
        [sys.executable, "-m", "alembic", *arguments],
        cwd=ROOT,
        env={**os.environ, "PYTHONPATH": str(ROOT), "STANCH_OWNER_DATABASE_URL": owner_url},
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    )


def finish(process: subprocess.Popen[str]) -> tuple[int, str]:
    said, _ = process.communicate(timeout=60)
    return process.returncode, said


def test_from_empty_to_head_and_nothing_is_missing(databases: Databases) -> None:
    with databases.empty() as database:
        assert finish(alembic(database.owner_url, "upgrade", "head"))[0] == 0
        code, said = finish(alembic(database.owner_url, "check"))
        assert code == 0, said
        assert "No new upgrade operations detected" in said
        assert (
            finish(
                alembic(
                    "postgresql+asyncpg://nobody@127.0.0.1:1/x", "-x", f"url={database.owner_url}", "current"
                )
            )[0]
            == 0
        )


def test_two_houses_that_start_at_once_migrate_once(databases: Databases) -> None:
    with databases.empty() as database:
        both = [alembic(database.owner_url, "upgrade", "head") for _ in range(2)]
        for process in both:
            code, said = finish(process)
            assert code == 0, said


def test_migrations_go_forward_only(database: Database) -> None:
    code, said = finish(alembic(database.owner_url, "downgrade", "base"))
    assert code != 0
    assert "forward only" in said
    assert finish(alembic(database.owner_url, "check"))[0] == 0


def test_without_an_address_nothing_is_done() -> None:
    environ = {name: value for name, value in os.environ.items() if name != "STANCH_OWNER_DATABASE_URL"}
    done = subprocess.run(
        [sys.executable, "-m", "alembic", "upgrade", "head"],
        cwd=ROOT,
        env=environ | {"PYTHONPATH": str(ROOT)},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode != 0
    assert "STANCH_OWNER_DATABASE_URL" in done.stderr
    assert "Traceback" not in done.stderr


async def test_the_application_may_do_what_it_needs_and_no_more(house: House) -> None:
    """A new table must be named here, so that nobody grants by forgetting."""
    rows = await house.rows(
        "SELECT table_name, privilege_type FROM information_schema.role_table_grants WHERE grantee = 'stanch_app'"
    )
    granted: dict[str, set[str]] = {}
    for row in rows:
        granted.setdefault(row.table_name, set()).add(row.privilege_type)
    tables = set(METADATA.tables)
    assert set(granted) == tables | {"alembic_version"}
    assert granted.pop("alembic_version") == {"SELECT"}
    for table in tables:
        allowed = {"SELECT", "INSERT"}
        if table in OWN_INDEX | COUNTERS:
            allowed |= {"UPDATE", "DELETE"}
        elif table not in APPEND_ONLY | WRITTEN_ONCE:
            allowed |= {"UPDATE"}
        assert granted[table] <= allowed, table
    owned = await house.scalar("SELECT count(*) FROM pg_tables WHERE tableowner = 'stanch_app'")
    assert owned == 0


async def refused(connection: AsyncConnection, statement: str) -> str:
    with pytest.raises(DBAPIError) as error:
        async with connection.begin_nested():
            await connection.execute(text(statement))
    return str(error.value.orig)


@pytest.fixture
async def owner(database: Database) -> Any:
    engine = create_async_engine(database.owner_url)
    yield engine
    await engine.dispose()


async def test_records_are_not_rewritten_by_the_application_nor_by_the_owner(
    house: House, owner: AsyncEngine
) -> None:
    accepted = await house.frozen(house.trigger())
    await house.ready_to_return(accepted)
    async with owner.connect() as connection:
        for table in ("step", "step_attempt", "ledger_outbox", "freeze_time", "reset_receipt"):
            column = {"freeze_time": "committed_ms", "ledger_outbox": "leaf"}.get(table, "incident_id")
            assert await connection.scalar(text(f"SELECT count(*) FROM {table}")), table
            for statement in (
                f"UPDATE {table} SET {column} = {column}",
                f"DELETE FROM {table}",
                f"TRUNCATE {table} CASCADE",
            ):
                assert "is a record" in await refused(connection, statement), statement
        for table in ("alarm", "incident", "proof", "data_key", "hand_over"):
            assert "is a record" in await refused(connection, f"DELETE FROM {table}")
            assert "is a record" in await refused(connection, f"TRUNCATE {table} CASCADE")
        for statement in (
            "UPDATE alarm SET source_id = 'x'",
            "UPDATE alarm SET content_digest = 'x'",
            "UPDATE proof SET newest_contact_set_at = now()",
            "UPDATE incident SET id = 'x'",
        ):
            assert "is a record" in await refused(connection, statement), statement
    async with house.engine.connect() as connection:
        for statement in (
            "UPDATE step SET status = 'refused'",
            "DELETE FROM step",
            "TRUNCATE step CASCADE",
            "DELETE FROM incident",
            "DELETE FROM data_key",
            "UPDATE alarm SET detail = NULL",
            "ALTER TABLE step DISABLE TRIGGER ALL",
            "DROP TRIGGER step_rows ON step",
            "DROP TABLE step CASCADE",
            "CREATE OR REPLACE FUNCTION refuse_rewriting() RETURNS trigger LANGUAGE plpgsql AS 'BEGIN RETURN NEW; END'",
            "SET session_replication_role = 'replica'",
        ):
            said = await refused(connection, statement)
            assert "permission denied" in said or "must be owner" in said, f"{statement}: {said}"
    assert await house.counts("step") == {"step": 17}
