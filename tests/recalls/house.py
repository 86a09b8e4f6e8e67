"""Recalls at work: wallet and institutions in the sandbox, the gateway as a process, a worker as production builds it."""

from __future__ import annotations

import asyncio
import json
import os
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

from pydantic import SecretStr
from sqlalchemy import Row, text
from temporalio.client import Client, WorkflowHandle

from activities.boundary import StanchErrors
from activities.registry import activities
from adapters.temporal.client import connect
from adapters.temporal.worker_lifecycle import WorkerPlan, run_worker
from adapters.wiring import Wiring
from gateway.assembly import assemble
from models.contracts.alarms import Alarm, Sender
from models.contracts.policy import RecallPolicy
from models.contracts.recalls import (
    RecalledTransfer,
    RecallTransferInput,
    RecallTransferResult,
    recall_id_of,
)
from models.contracts.transfers import TransferStatus
from models.ids import new_id, recall_workflow_id
from models.names import AlarmKind, Role
from models.registered import Workflow
from settings import RecallRoute, Settings
from tests.running_gateway import RunningGateway
from tests.running_sandbox import Customer, RunningSandbox
from use_cases.create_operator import CreateOperator
from workflows.registry import WORKFLOWS

QUICK = RecallPolicy(chase_seconds=(1, 2), give_up_seconds=3, look_seconds=1)
PATIENT = RecallPolicy(chase_seconds=(3600,), give_up_seconds=7200, look_seconds=1)
BANK = "sandbox-bank"
PATIENCE_SECONDS = 30.0


def routes(sandbox: RunningSandbox) -> list[dict[str, Any]]:
    """As an operator would set them up: banks by ISO 20022, the others by the neutral form."""
    where = {"name": BANK, "url": f"{sandbox.url}/bank/recalls", "key": sandbox.wallet_key}
    return [
        {**where, "form": "camt056", "exit_kinds": ["bank"]},
        {**where, "form": "neutral", "exit_kinds": ["card", "cash", "crypto"]},
    ]


def environ(sandbox: RunningSandbox) -> dict[str, str]:
    """The same for a process."""
    return {
        "STANCH_POLICY": "demo",
        "STANCH_RECALL_BIC": "WLLTGB2LXXX",
        "STANCH_RECALL_ROUTES": json.dumps(routes(sandbox)),
    }


@dataclass
class Recalls:
    """Everything at work."""

    wiring: Wiring
    client: Client
    sandbox: RunningSandbox
    gateway: RunningGateway
    queue: str
    mule: Customer
    incident_id: str

    async def left(self, exit_account: str, amount: int) -> RecalledTransfer:
        """Money leaves for this exit; how the index knows the transfer. All of it was stolen, and the wallet calls it settled."""
        sent = self.mule.pay(exit_account, amount)
        await self.wiring.index.catch_up(budget=timedelta(seconds=20))
        (posted,) = await self.wiring.index.transfers([sent["transfer_id"]])
        return RecalledTransfer(
            transfer_seq=posted.seq,
            transfer_id=posted.transfer_id,
            payer=posted.src,
            exit_account=posted.dst,
            exit_kind=posted.dst_kind,
            currency=posted.currency,
            amount=posted.amount,
            stolen=posted.amount,
            posted_at=posted.posted_at,
            status=TransferStatus.SETTLED,
            bank=posted.bank,
        )

    def plan(self, exit_account: str, behaviour: str, **more: Any) -> None:
        """How the institution behind this exit will behave."""
        self.sandbox.control(
            "POST", "/bank/plans", {"exit_account": exit_account, "behaviour": behaviour, **more}
        )

    async def ask(
        self,
        transfer: RecalledTransfer,
        *,
        policy: RecallPolicy = PATIENT,
        incident_id: str | None = None,
        queue: str | None = None,
    ) -> WorkflowHandle[Any, RecallTransferResult]:
        """Begin a recall."""
        incident_id = incident_id or self.incident_id
        return await self.client.start_workflow(
            Workflow.RECALL_TRANSFER.value,
            RecallTransferInput(
                incident_id=incident_id,
                episode=1,
                transfer=transfer,
                asked_at=datetime.now(UTC),
                policy=policy,
            ),
            id=recall_workflow_id(incident_id, transfer.transfer_seq),
            task_queue=queue or self.queue,
            result_type=RecallTransferResult,
        )

    async def end(self, handle: WorkflowHandle[Any, RecallTransferResult]) -> RecallTransferResult:
        """How it ended."""
        async with asyncio.timeout(PATIENCE_SECONDS):
            return await handle.result()

    def recall_id(self, transfer: RecalledTransfer, incident_id: str | None = None) -> str:
        """The case."""
        return recall_id_of(incident_id or self.incident_id, transfer.transfer_seq)

    def asked(self, recall_id: str) -> dict[str, Any]:
        """What the institution knows of it."""
        return self.sandbox.control("GET", "/bank/recalls", case_id=recall_id)

    async def rows(self, query: str, **values: Any) -> list[Row[Any]]:
        """What the database says."""
        async with self.wiring.engine.connect() as connection:
            return list((await connection.execute(text(query), values)).all())

    async def kinds(self, transfer: RecalledTransfer) -> list[tuple[str, str]]:
        """Kind and status of the steps of one recall, in the order of their commits."""
        found = await self.rows(
            "SELECT kind, status FROM step WHERE step_key LIKE :key ORDER BY sequence",
            key=f"recall/{transfer.transfer_seq}/%",
        )
        return [(row.kind, row.status) for row in found]

    async def until_rows(self, query: str, **values: Any) -> list[Row[Any]]:
        """Wait until the query finds something."""
        async with asyncio.timeout(PATIENCE_SECONDS):
            while not (found := await self.rows(query, **values)):  # noqa: ASYNC110 - what is waited for is a row
                await asyncio.sleep(0.05)
        return found

    def answer(self, content: bytes, *, as_: str = BANK) -> dict[str, Any]:
        """Answer at the gateway."""
        media_type = "application/json" if content.lstrip()[:1] == b"{" else "application/xml"
        response = self.gateway.ask(
            "POST", "/v1/recalls/answers", as_=as_, content=content, headers={"content-type": media_type}
        )
        answer: dict[str, Any] = response.raise_for_status().json()
        return answer


async def new_incident(wiring: Wiring, sandbox: RunningSandbox) -> str:
    """An incident with its key; nothing works on it."""
    parts = assemble(wiring)
    sender = Sender(operator_id=new_id(), name="detector", role=Role.TRIGGER)
    raised = await parts.raise_alarm.run(
        Alarm(
            source=sender.name,
            id=new_id(),
            account_id=sandbox.account(),
            occurred_at=datetime.now(UTC),
            kind=AlarmKind.TRIGGER,
        ),
        sender=sender,
        receipt=parts.raise_alarm.receive(),
    )
    return raised.incident_id


@asynccontextmanager
async def open_recalls(
    *,
    gateway: RunningGateway,
    sandbox: RunningSandbox,
    temporal: Mapping[str, str],
    queue: str,
) -> AsyncIterator[Recalls]:
    """Everything at work until the block ends."""
    os.environ.update(temporal)
    settings = Settings(
        database_url=SecretStr(gateway.database_url),
        wallet_url=sandbox.url,
        wallet_key=SecretStr(sandbox.wallet_key),
        message_url=sandbox.url,
        message_key=SecretStr(sandbox.message_key),
        master_key=SecretStr(gateway.master_key),
        policy="demo",
        task_queue=queue,
        intake_budget_ms=10_000,
        recall_bic="WLLTGB2LXXX",
        recall_routes=tuple(RecallRoute.model_validate(each) for each in routes(sandbox)),
    )
    wiring = Wiring(settings)
    client = await connect(wiring.converter)
    care = wiring.recall_care(client)
    care.pause_seconds = 0.1
    plan = WorkerPlan(
        task_queue=queue,
        workflows=WORKFLOWS,
        activities=activities(wiring.ports),
        interceptors=[StanchErrors()],
        companions=[care.run],
        grace=timedelta(seconds=1),
    )
    create = CreateOperator(operators=wiring.operators, clock=wiring.clock)
    for name in (BANK, "another-bank"):
        made = await create.run(name, Role.INSTITUTION)
        gateway.credentials = {**gateway.credentials, name: made.credential}
    sandbox.control(
        "POST",
        "/bank/gateway",
        {"gateway_url": gateway.url, "recall_key": gateway.credentials[BANK]},
    )
    theft = sandbox.steal(sandbox.rich_account(500_000), (400_000,), mules=1)
    await wiring.index.catch_up(budget=timedelta(seconds=60))
    stop, ready = asyncio.Event(), asyncio.Event()
    serving = asyncio.create_task(run_worker(client, plan, stop=stop, ready=ready.set))
    try:
        await ready.wait()
        yield Recalls(
            wiring=wiring,
            client=client,
            sandbox=sandbox,
            gateway=gateway,
            queue=queue,
            mule=theft.mules[0],
            incident_id=await new_incident(wiring, sandbox),
        )
    finally:
        stop.set()
        await serving
        await wiring.close()
