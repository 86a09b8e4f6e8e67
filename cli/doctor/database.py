"""Whether the database is there, of the right shape, and not ours to change."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from typing import Any, Final

import asyncpg

from cli.doctor.clocks import clock_finding
from cli.doctor.findings import Finding, State, good
from cli.runtime import ROOT

SECONDS: Final = 5.0
OLDEST: Final = 150000
"""PostgreSQL 15: older ones are not tested."""

_FACTS: Final = """
SELECT current_setting('server_version') AS version, current_setting('server_version_num')::int AS number, clock_timestamp() AS at,
    current_user AS role, (SELECT rolsuper FROM pg_roles WHERE rolname = current_user) AS super,
    (SELECT count(*) FROM pg_tables WHERE schemaname = 'public' AND tableowner = current_user) AS owned,
    current_setting('fsync') AS fsync, to_regclass('public.alembic_version') IS NOT NULL AS migrated
"""

_DIFFERENCES: Final = """
SELECT kind, subject FROM discrepancy WHERE resolved_at IS NULL ORDER BY found_at, subject LIMIT 100
"""

_GIVEN_UP: Final = "SELECT count(*) FROM staff_alert WHERE state = 'given_up'"


async def examine_database(url: str) -> list[Finding]:
    """Findings about the database at `url` (application role)."""
    try:
        connection = await asyncpg.connect(
            url.replace("postgresql+asyncpg://", "postgresql://", 1), timeout=SECONDS
        )
    except asyncpg.InvalidAuthorizationSpecificationError:
        advice = "Check user and password in STANCH_DATABASE_URL."
        return [Finding(name="database", state=State.UNREACHABLE, seen="it refuses our login", advice=advice)]
    except asyncpg.InvalidCatalogNameError:
        advice = "Make the database, or correct its name in STANCH_DATABASE_URL."
        return [
            Finding(
                name="database",
                state=State.UNREACHABLE,
                seen="the server has no such database",
                advice=advice,
            )
        ]
    except (OSError, TimeoutError, asyncpg.PostgresError, ValueError) as error:
        advice = "Start it, or set STANCH_DATABASE_URL; `stanch up` brings its own."
        return [
            Finding(
                name="database",
                state=State.UNREACHABLE,
                seen=f"no connection ({type(error).__name__})",
                advice=advice,
            )
        ]
    try:
        asked = datetime.now(UTC)
        facts = await connection.fetchrow(_FACTS)
        took = datetime.now(UTC) - asked
        revision = (
            await connection.fetchval("SELECT version_num FROM alembic_version")
            if facts["migrated"]
            else None
        )
        current = revision == _head()
        differences = await connection.fetch(_DIFFERENCES) if current else None
        given_up = await connection.fetchval(_GIVEN_UP) if current else None
    finally:
        await connection.close()
    return [
        *_about(facts),
        _migrations(revision),
        *([] if differences is None else [_agreement(differences)]),
        *([] if given_up is None else [_alerts(given_up)]),
        clock_finding("database clock", facts["at"], asked, took, timedelta(0)),
    ]


def _about(facts: Any) -> Iterator[Finding]:
    version = f"PostgreSQL {facts['version']} as {facts['role']}"
    if facts["number"] < OLDEST:
        advice = "Use PostgreSQL 15 or newer."
        yield Finding(
            name="database",
            state=State.ATTENTION,
            seen=f"{version}: older than what is tested",
            advice=advice,
        )
    else:
        yield good("database", version)
    if facts["fsync"] != "on":
        advice = (
            "Set fsync = on where real accounts are: what was answered as frozen must survive a power cut."
        )
        yield Finding(name="durability", state=State.ATTENTION, seen="fsync is off", advice=advice)
    if facts["super"] or facts["owned"]:
        why = "is a superuser" if facts["super"] else f"owns {facts['owned']} tables"
        advice = (
            "Give STANCH_DATABASE_URL a role that owns nothing: the record of steps must be out of its reach."
        )
        yield Finding(name="database role", state=State.BAD, seen=f"{facts['role']} {why}", advice=advice)
    else:
        yield good("database role", f"{facts['role']} owns no table")


def _migrations(revision: str | None) -> Finding:
    head = _head()
    if revision == head:
        return good("migrations", f"at head ({head})")
    seen = f"at {revision}, this version needs {head}" if revision else "the tables are not there"
    return Finding(name="migrations", state=State.BAD, seen=seen, advice="Run: stanch db upgrade")


def _head() -> str | None:
    from alembic.script import ScriptDirectory

    return ScriptDirectory(str(ROOT / "migrations")).get_current_head()


def _agreement(differences: list[Any]) -> Finding:
    """What the worker's sweep has found and what has not gone away since."""
    name = "records and wallet"
    if not differences:
        return good(name, "the worker's last sweep found no difference")
    first, more = differences[0], len(differences) - 1
    advice = (
        "Look at each (table discrepancy): what is missing at the wallet protects nobody, what nobody here knows of may lock "
        "somebody out."
    )
    seen = f"{first['kind']} {first['subject']}{f' and {more} more' if more else ''}"
    return Finding(name=name, state=State.ATTENTION, seen=seen, advice=advice)


def _alerts(given_up: int) -> Finding:
    """Alerts that a chat or pager of the staff did not take within a day."""
    name = "staff alerts"
    if not given_up:
        return good(name, "none was given up")
    advice = "Look: stanch alert list --state given_up. Then mend the target in STANCH_STAFF_ALERTS."
    return Finding(name=name, state=State.ATTENTION, seen=f"{given_up} reached no target", advice=advice)
