"""A gateway running as a process of its own, and what a test asks of it."""

from __future__ import annotations

import asyncio
import base64
import os
import secrets
import signal
import subprocess
import sys
from collections.abc import Coroutine, Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from types import MappingProxyType
from typing import Any, TypeVar

import httpx2
from sqlalchemy import text
from sqlalchemy.engine import Row

from adapters.clock import SystemClock
from adapters.sql.engine import make_engine
from adapters.sql.operators import SqlOperators
from models.names import Role
from tests.running_sandbox import RunningSandbox
from use_cases.create_operator import CreateOperator

Result = TypeVar("Result")

ROOT = Path(__file__).resolve().parent.parent
DETECTOR = "detector"
"""The trigger's name, and so the source of its alarms."""

NOWHERE = "127.0.0.1:1"
"""Where no Temporal is: the gateway lives without one."""


@dataclass
class RunningGateway:
    """One running gateway, a credential for each role (two supervisors), and the database behind it."""

    url: str
    database_url: str
    process: subprocess.Popen[str]
    credentials: Mapping[str, str]
    master_key: str
    client: httpx2.Client
    log: Path

    def ask(
        self,
        method: str,
        path: str,
        body: Any = None,
        *,
        as_: str | None = "agent",
        headers: Mapping[str, str] | None = None,
        content: bytes | None = None,
        params: Mapping[str, Any] | None = None,
    ) -> httpx2.Response:
        """One request as an operator of this name (None: as nobody)."""
        sent = dict(headers or {})
        if as_ is not None:
            sent["authorization"] = f"Bearer {self.credentials[as_]}"
        if content is not None:
            sent.setdefault("content-type", "application/json")
            return self.client.request(method, path, content=content, headers=sent, params=params)
        return self.client.request(method, path, json=body, headers=sent, params=params)

    def alarm(self, account_id: str, **more: Any) -> httpx2.Response:
        """An alarm by the detector, or by whoever `as_` names."""
        as_ = more.pop("as_", DETECTOR)
        return self.ask("POST", "/v1/alarms", alarm_body(account_id, as_=as_, **more), as_=as_)

    def rows(self, query: str, **values: Any) -> list[Row[Any]]:
        """What the database says, or a change that no request can make."""

        async def read() -> list[Row[Any]]:
            engine = make_engine(self.database_url, pool=1)
            try:
                async with engine.begin() as connection:
                    result = await connection.execute(text(query), values)
                    return list(result.all()) if result.returns_rows else []
            finally:
                await engine.dispose()

        return run(read())

    def steps(self, incident_id: str) -> list[dict[str, Any]]:
        """The recorded steps of an incident."""
        answer = self.ask("GET", f"/v1/incidents/{incident_id}/steps").raise_for_status().json()
        found: list[dict[str, Any]] = answer["steps"]
        return found

    def stop(self) -> int:
        """Ask it to stop; gives its exit code."""
        self.process.send_signal(signal.SIGTERM)
        return self.process.wait(15)

    def kill(self) -> None:
        """End it at once."""
        self.process.kill()
        self.process.wait(15)


def alarm_body(account_id: str, *, as_: str = DETECTOR, **more: Any) -> dict[str, Any]:
    """A valid alarm, as the detector or a person would send it."""
    now = datetime.now(UTC)
    body: dict[str, Any] = {
        "source": DETECTOR if as_ == DETECTOR else "hotline",
        "id": f"alarm-{secrets.token_hex(8)}",
        "account_id": account_id,
        "occurred_at": now.isoformat(),
        "compromised_since": (now - timedelta(minutes=10)).isoformat(),
        "stolen_transfers": ["trf-1", "trf-2"],
        "kind": "trigger" if as_ == DETECTOR else "report",
        "detail": "New device, changed contact.",
    }
    return body | more


def run(work: Coroutine[Any, Any, Result]) -> Result:
    """Do it from synchronous code, also while the test's own loop runs."""
    with ThreadPoolExecutor(1) as thread:
        return thread.submit(asyncio.run, work).result()


@contextmanager
def run_gateway(
    database_url: str,
    sandbox: RunningSandbox,
    port: int,
    log: Path,
    *,
    former: RunningGateway | None = None,
    environ: Mapping[str, str] = MappingProxyType({}),
) -> Iterator[RunningGateway]:
    """A gateway on this database and wallet until the block ends. `environ` adds or replaces variables.

    `former`: another gateway on the same database, whose operators and master key this one shares.
    """
    credentials = run(operators(database_url)) if former is None else former.credentials
    master_key = base64.b64encode(secrets.token_bytes(32)).decode() if former is None else former.master_key
    own = {
        "PYTHONPATH": str(ROOT),
        "STANCH_DATABASE_URL": database_url,
        "STANCH_WALLET_URL": sandbox.url,
        "STANCH_WALLET_KEY": sandbox.wallet_key,
        "STANCH_MESSAGE_URL": sandbox.url,
        "STANCH_MESSAGE_KEY": sandbox.message_key,
        "STANCH_DOCUMENT_URL": sandbox.url,
        "STANCH_DOCUMENT_KEY": sandbox.wallet_key,
        "STANCH_DOCUMENT_SECRET": sandbox.wallet_key,
        "STANCH_DOCUMENT_CALLBACK_URL": f"http://127.0.0.1:{port}/v1/identity/documents/callback",
        "STANCH_MASTER_KEY": master_key,
        "STANCH_GATEWAY_PORT": str(port),
        "TEMPORAL_ADDRESS": NOWHERE,
        **environ,
    }
    kept = {
        name: value for name, value in os.environ.items() if not name.startswith(("STANCH_", "TEMPORAL_"))
    }
    with log.open("w") as written:
        process = subprocess.Popen(
            [sys.executable, "-m", "gateway"],
            cwd=ROOT,
            env=kept | own,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=written,
            text=True,
        )
        try:
            assert process.stdout is not None
            ready = process.stdout.readline()
            assert ready.startswith("gateway ready"), f"ended with {process.wait(20)}: {log.read_text()}"
            url = ready.split()[-1]
            with httpx2.Client(base_url=url, timeout=30, trust_env=False) as client:
                yield RunningGateway(url, database_url, process, credentials, master_key, client, log)
        finally:
            process.send_signal(signal.SIGTERM)
            try:
                process.wait(15)
            except subprocess.TimeoutExpired:
                process.kill()
                process.wait(15)
            if process.stdout is not None:
                process.stdout.close()


async def operators(database_url: str) -> dict[str, str]:
    """A credential per role, and a second supervisor; made once per database."""
    engine = make_engine(database_url, pool=1)
    create = CreateOperator(SqlOperators(engine), SystemClock())
    people = {
        DETECTOR: Role.TRIGGER,
        "agent": Role.AGENT,
        "supervisor": Role.SUPERVISOR,
        "supervisor-2": Role.SUPERVISOR,
        "auditor": Role.AUDITOR,
    }
    try:
        return {name: (await create.run(name, role)).credential for name, role in people.items()}
    finally:
        await engine.dispose()
