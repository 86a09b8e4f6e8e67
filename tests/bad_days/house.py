"""A whole house for bad days: PostgreSQL, Temporal, gateway and worker as processes that may be killed and started again.

The wallet is another company: a sandbox with a database elsewhere, so it goes on living when the house's database dies.
"""

from __future__ import annotations

import os
import secrets
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, TypeVar

import httpx2
from pydantic import SecretStr
from sqlalchemy import text
from sqlalchemy.engine import Row
from temporalio.client import Client, WorkflowExecutionStatus
from temporalio.service import RPCError, RPCStatusCode

from adapters.sql.engine import make_engine
from adapters.temporal.replay import TemporalHistories
from adapters.wiring import Wiring
from cli.embedded.ports import LOOPBACK, answers
from cli.embedded.postgres import EmbeddedPostgres
from cli.embedded.temporal import NAMESPACE, EmbeddedTemporal
from cli.processes import Processes
from cli.running.addresses import Addresses
from cli.running.house import DETECTOR, House
from models.ids import incident_workflow_id
from models.names import Role
from settings import Settings
from tests.running_gateway import run
from tests.running_sandbox import RunningSandbox
from use_cases.audit_replay import AuditReplay, AuditReport
from workflows.registry import WORKFLOWS

Found = TypeVar("Found")

PATIENCE_SECONDS = 40.0
LOOK_SECONDS = 0.1
POLICY = "quick"
PARTS = ("gateway", "worker")
OTHER_HOUSES = ("STANCH_", "TEMPORAL_", "SANDBOX_")


class WholeHouse:
    """One house with durable data in `folder`, started as `stanch up` starts it, on a wallet of somebody else's."""

    def __init__(self, folder: Path, wallet: RunningSandbox, gateway_port: int, policies: Path) -> None:
        self.folder = folder
        self.wallet = wallet
        self._gateway_port = gateway_port
        self._policies = policies
        self._client = httpx2.Client()

    def open(self) -> None:
        """Start everything; what was open before goes on."""
        self.postgres = EmbeddedPostgres(self.folder / "postgres", fsync=False)
        self.temporal = EmbeddedTemporal(self.folder / "temporal")
        named = {
            "STANCH_WALLET_URL": self.wallet.url,
            "STANCH_WALLET_KEY": self.wallet.wallet_key,
            "STANCH_MESSAGE_URL": self.wallet.url,
            "STANCH_MESSAGE_KEY": self.wallet.message_key,
            "STANCH_POLICY_DIR": str(self._policies),
        }
        addresses = Addresses(
            named=named,
            gateway_port=self._gateway_port,
            sandbox_port=0,
            postgres=self.postgres,
            temporal=self.temporal,
        )
        self.processes = Processes(self.folder / "logs").__enter__()
        self._house = House(self.processes, addresses, self.folder, policy=POLICY)
        with _no_other_house():
            self._house.open(lambda _: None, furnish=lambda _: None)
        self._reconnect()

    def close(self) -> None:
        """End everything in order; data stays."""
        self._client.close()
        self.processes.__exit__()

    def lose_power(self) -> None:
        """SIGKILL for every process at once. `open` starts it again on what was on disk."""
        self.processes.kill()
        self.close()

    def kill(self, *parts: str) -> None:
        """SIGKILL."""
        for part in parts:
            self.processes[part].kill()

    def restart(self, *parts: str) -> None:
        """Start again what was killed, and wait until it is ready."""
        for part in parts:
            self.processes.restart(part)
        if "gateway" in parts:
            self._reconnect()

    def heal(self) -> None:
        """End every bad day: nothing of it may reach the next test."""
        self.wallet.clear_faults()
        self.postgres.start()
        self.temporal.start()
        ended = [part for part in PARTS if part in self.processes.ended()]
        self.restart(*ended)

    def _reconnect(self) -> None:
        self._client.close()
        limits = httpx2.Limits(max_connections=64, max_keepalive_connections=64)
        self._client = httpx2.Client(
            base_url=f"http://{LOOPBACK}:{self._gateway_port}", timeout=30, trust_env=False, limits=limits
        )

    # ------------------------------------------------------------ what people and programs ask of it
    def ask(
        self, method: str, path: str, body: Any = None, *, as_: Role | None = Role.AGENT
    ) -> httpx2.Response:
        """One request at the gateway."""
        headers = {}
        if as_ is not None:
            headers["authorization"] = f"Bearer {self._house.words.logins[as_.value].credential}"
        return self._client.request(method, path, json=body, headers=headers)

    def environ(self, role: Role = Role.AGENT) -> dict[str, str]:
        """What `stanch` needs to come in with this login."""
        return {
            "STANCH_GATEWAY_URL": f"http://{LOOPBACK}:{self._gateway_port}",
            "STANCH_CREDENTIAL": self._house.words.logins[role.value].credential,
        }

    def raise_alarm(self, body: dict[str, Any]) -> httpx2.Response:
        """Send an alarm as whoever it is from."""
        return self.ask(
            "POST", "/v1/alarms", body, as_=Role.TRIGGER if body["kind"] == "trigger" else Role.AGENT
        )

    def incident(self, incident_id: str) -> dict[str, Any]:
        """What the gateway says of an incident."""
        answer: dict[str, Any] = self.ask("GET", f"/v1/incidents/{incident_id}").raise_for_status().json()
        return answer

    # ------------------------------------------------------------ what is on record
    def rows(self, query: str, **values: Any) -> list[Row[Any]]:
        """What the house's database says."""
        return rows(self.postgres.url(), query, **values)

    def wallet_rows(self, query: str, **values: Any) -> list[Row[Any]]:
        """What the wallet's own database says."""
        return rows(self.wallet.database_url, query, **values)

    def end_all(self) -> None:
        """End every workflow that still runs, as an operator could: what pursues money would go on doing so."""

        async def ended() -> None:
            client = await Client.connect(self.temporal.address, namespace=NAMESPACE)
            async for found in client.list_workflows("ExecutionStatus = 'Running'"):
                with suppress(RPCError):
                    await client.get_workflow_handle(found.id, run_id=found.run_id).terminate(
                        "the test is over"
                    )

        run(ended())

    def workflow(self, incident_id: str) -> WorkflowExecutionStatus | None:
        """How the incident's workflow stands in Temporal; None when Temporal has never heard of it."""

        async def described() -> WorkflowExecutionStatus | None:
            client = await Client.connect(self.temporal.address, namespace=NAMESPACE)
            try:
                return (await client.get_workflow_handle(incident_workflow_id(incident_id)).describe()).status
            except RPCError as error:
                if error.status is RPCStatusCode.NOT_FOUND:
                    return None
                raise

        return run(described())

    def audit(self, incident_id: str) -> AuditReport:
        """The audit, as `stanch audit replay` makes it."""
        settings = Settings(
            database_url=SecretStr(self.postgres.url()),
            master_key=SecretStr(self._house.words.master_key),
            policy=POLICY,
            policy_dir=self._policies,
        )

        async def audited() -> AuditReport:
            wiring = Wiring(settings)
            try:
                client = await Client.connect(
                    self.temporal.address, namespace=NAMESPACE, data_converter=wiring.converter
                )
                histories = TemporalHistories(client=client, workflows=WORKFLOWS)
                audit = AuditReplay(incidents=wiring.incidents, steps=wiring.overview, histories=histories)
                return await audit.run(incident_id)
            finally:
                await wiring.close()

        return run(audited())

    def until(
        self, look: Callable[[], Found | None], what: str, *, seconds: float = PATIENCE_SECONDS
    ) -> Found:
        """Wait until `look` finds something, and give it; failing says what was waited for."""
        deadline = time.monotonic() + seconds
        while not (found := look()):
            if time.monotonic() > deadline:
                raise AssertionError(f"waited {seconds:.0f} s for: {what}")
            time.sleep(LOOK_SECONDS)
        return found

    @property
    def temporal_answers(self) -> bool:
        """Whether anybody listens at Temporal's address."""
        return answers(int(self.temporal.address.rpartition(":")[2]))


def alarm_about(account_id: str, **more: Any) -> dict[str, Any]:
    """An alarm as the wallet's detector sends it; kind `report` makes it a person's."""
    body = {
        "source": "hotline" if more.get("kind") == "report" else DETECTOR,
        "id": f"alarm-{secrets.token_hex(8)}",
        "account_id": account_id,
        "occurred_at": datetime.now(UTC).isoformat(),
        "kind": "trigger",
    }
    return body | more


def rows(url: str, query: str, **values: Any) -> list[Row[Any]]:
    """What a database says."""

    async def read() -> list[Row[Any]]:
        engine = make_engine(url, pool=1)
        try:
            async with engine.connect() as connection:
                return list((await connection.execute(text(query), values)).all())
        finally:
            await engine.dispose()

    return run(read())


@contextmanager
def _no_other_house() -> Iterator[None]:
    """What other tests left in the environment has no part in this house."""
    before = dict(os.environ)
    for name in [name for name in os.environ if name.startswith(OTHER_HOUSES)]:
        del os.environ[name]
    try:
        yield
    finally:
        os.environ.clear()
        os.environ.update(before)
