"""The engine at work inside the test, with a grip on its worker.

Real parts: sandbox wallet in its own process, PostgreSQL, Temporal dev server, the worker as production builds it. What is
asked goes through the use cases that the gateway serves.
"""

from __future__ import annotations

import asyncio
import base64
import os
import secrets
from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any

from pydantic import SecretStr
from sqlalchemy import Row, text
from temporalio.api.enums.v1 import EventType
from temporalio.client import Client, WorkflowHandle
from temporalio.service import RPCError
from temporalio.worker import Interceptor

from activities.boundary import StanchErrors
from activities.ports import Clock
from activities.registry import activities
from adapters.temporal.client import connect
from adapters.temporal.relay import Relay
from adapters.temporal.replay import TemporalHistories
from adapters.temporal.worker_lifecycle import WorkerPlan, run_worker
from adapters.wiring import Wiring
from gateway.assembly import assemble
from models.contracts.alarms import Alarm, Sender
from models.contracts.incidents import IncidentEnding
from models.contracts.steps import RecordedStep
from models.errors import StanchError
from models.ids import incident_workflow_id, new_id
from models.lifecycle import Status
from models.names import AlarmKind, DecisionKind, Outcome, Role, StepKind
from models.registered import Activity
from settings import Settings
from tests.incidents.gate import Gate, Held
from tests.incidents.rules import LONG, Rules, rules
from tests.replay.living import CODE, Engine
from tests.running_sandbox import RunningSandbox, Theft
from use_cases.create_operator import CreateOperator
from use_cases.raise_alarm import RaisedAlarm
from use_cases.sweep import Finding
from workflows.registry import WORKFLOWS

# What a test needs beside a house is asked for here, wherever it stands.
__all__ = ["LONG", "Gate", "Held", "House", "Rules", "open_house", "rules"]

PEOPLE = (Role.AGENT, Role.SUPERVISOR)


@dataclass
class House(Engine):
    """Everything at work, with a grip on the worker."""

    client: Client = field(kw_only=True)
    plain: Client = field(kw_only=True)
    """As the `temporal` command line would connect: payloads in plain JSON."""
    queue: str = field(kw_only=True)
    gate: Gate = field(kw_only=True)
    rules: Rules = field(kw_only=True)
    others: dict[Role, Sender] = field(kw_only=True)
    """A second agent and a second supervisor."""

    def steal(self, *amounts: int, mules: int = 2) -> Theft:
        """A thief takes over an account nobody else uses and sends money to fresh mules."""
        return self.sandbox.steal(
            self.sandbox.rich_account(), amounts or (20_000, 30_000, 40_000), mules=mules
        )

    async def report(self, theft: Theft, **more: Any) -> RaisedAlarm:
        """A person's account of a theft, not proven."""
        return await self.alarm(theft, kind=AlarmKind.REPORT, **{"compromised_since": None, **more})

    async def start_straight(
        self, theft: Theft, incident_id: str | None = None, **more: Any
    ) -> WorkflowHandle[Any, IncidentEnding]:
        """Start the workflow by its name with plain JSON, as another team's worker or the command line does."""
        incident_id = incident_id or new_id()
        alarm = {
            "source": "other-team",
            "id": new_id(),
            "account_id": theft.account_id,
            "occurred_at": datetime.now(UTC).isoformat(),
            "compromised_since": (theft.compromised_since - timedelta(seconds=1)).isoformat(),
            "stolen_transfers": theft.transfers,
            "kind": "trigger",
            **more,
        }
        await self.plain.start_workflow(
            "StolenAccountIncident",
            {"incident_id": incident_id, "alarm": alarm},
            id=incident_workflow_id(incident_id),
            task_queue=self.queue,
        )
        return self.handle(incident_id)

    async def alarm(self, theft: Theft, *, kind: AlarmKind = AlarmKind.TRIGGER, **more: Any) -> RaisedAlarm:
        """As Engine.alarm; under changed rules also until its workflow has read them, for it reads what is in force then."""
        raised = await super().alarm(theft, kind=kind, **more)
        if self.rules.are_changed:

            async def read() -> bool:
                # Registering is a workflow's first activity, and brings the rules.
                with suppress(RPCError):
                    async for event in self.handle(raised.incident_id).fetch_history_events():
                        if event.event_type == EventType.EVENT_TYPE_ACTIVITY_TASK_COMPLETED:
                            return True
                return False

            await self.until(read, "the workflow has read its rules")
        return raised

    def handle(self, incident_id: str) -> WorkflowHandle[Any, IncidentEnding]:
        """The incident's workflow."""
        return self.client.get_workflow_handle(incident_workflow_id(incident_id), result_type=IncidentEnding)

    async def ending(self, incident_id: str) -> IncidentEnding:
        """What the workflow gave when it ended."""
        async with asyncio.timeout(60):
            return await self.handle(incident_id).result()

    async def steps(self, incident_id: str, kind: StepKind | None = None) -> list[RecordedStep]:
        """Recorded steps in the order of their commits."""
        steps = await self.wiring.overview.steps(incident_id)
        return [step for step in steps if kind is None or step.kind is kind]

    async def rows(self, query: str, **values: Any) -> list[Row[Any]]:
        """What the database says."""
        async with self.wiring.engine.connect() as connection:
            return list((await connection.execute(text(query), values)).all())

    async def change(self, query: str, **values: Any) -> None:
        """Let the database say something else."""
        async with self.wiring.engine.begin() as connection:
            await connection.execute(text(query), values)

    async def until_rows(self, query: str, **values: Any) -> list[Row[Any]]:
        """Wait until the query finds something."""
        found: list[Row[Any]] = []

        async def there() -> bool:
            found[:] = await self.rows(query, **values)
            return bool(found)

        await self.until(there, query)
        return found

    def standing(self, account_id: str) -> dict[str, str]:
        """Restrictions that stand at the wallet: id and scope."""
        return {one["restriction_id"]: one["scope"] for one in self.sandbox.state(account_id)["restrictions"]}

    async def codes(self, incident_id: str) -> dict[str, tuple[str, str]]:
        """The newest code that reached each old contact of the owner: contact value -> (challenge, code)."""
        facts = await self.facts(incident_id)
        contacts = self.sandbox.control("GET", f"/people/{facts.account_id}")["contacts"]
        ours = {
            row.id
            for row in await self.rows(
                "SELECT id FROM identity_challenge WHERE incident_id = :id AND episode = :episode",
                id=incident_id,
                episode=facts.episode,
            )
        }
        newest: dict[str, tuple[str, str]] = {}
        for value in contacts.values():
            for message in self.sandbox.outbox(value):
                found = CODE.search(message["body"])
                if found is not None and found[2] in ours:
                    newest[value] = (found[2], found[1])
        return newest

    async def both_codes(self, incident_id: str) -> list[tuple[str, str]]:
        """Wait for a code on each of the owner's two old contacts: (challenge, code)."""
        return list((await self.codes_by_contact(incident_id)).values())

    async def codes_by_contact(self, incident_id: str) -> dict[str, tuple[str, str]]:
        """The same by contact value."""
        found: dict[str, tuple[str, str]] = {}

        async def sent() -> bool:
            found.update(await self.codes(incident_id))
            return len(found) == 2

        await self.until(sent, "a code on both old contacts")
        return found

    async def prove_owner(self, incident_id: str) -> None:
        """The owner answers the newest code of both old contacts."""
        taken: set[str] = set()
        for number in range(3):
            try:
                for challenge_id, code in await self.both_codes(incident_id):
                    if challenge_id not in taken:
                        await self.answer(challenge_id, code)
                        taken.add(challenge_id)
                break
            except StanchError:
                if number == 2:
                    raise  # a new round of codes may overtake the ones just read
        await self.until_status(incident_id, Status.VERIFIED, Status.RESET, Status.RETURNING)

    async def give_back(self, incident_id: str) -> None:
        """Prove, reset, and decide to return; the stages begin."""
        await self.prove_owner(incident_id)
        await self.question(incident_id, DecisionKind.RETURN_ACCOUNT)
        await self.decide(incident_id, DecisionKind.RETURN_ACCOUNT, Outcome.RESTORED.value)

    async def request(self, incident_id: str, kind: DecisionKind, choice: str) -> str:
        """An agent chooses; the request's id. Nobody approves."""
        view = await self.parts.decide.ask(
            incident_id, kind, choice, "as it should be", by=self.people[Role.AGENT]
        )
        await self.parts.wake.now(incident_id)
        return str(view.requests[-1].request_id)

    async def request_and_approve(self, incident_id: str, kind: DecisionKind, choice: str) -> None:
        """Two people agree, whenever the engine looks at it."""
        await self.approve(await self.request(incident_id, kind, choice))

    async def approve(self, request_id: str) -> None:
        """A supervisor says yes; the engine looks when it is next woken."""
        await self.parts.decide.approve(request_id, "seen by another", by=self.people[Role.SUPERVISOR])

    async def raise_quietly(self, theft: Theft, kind: AlarmKind = AlarmKind.TRIGGER) -> RaisedAlarm:
        """An alarm whose hand-over has not reached Temporal yet."""
        by = self.people[Role.TRIGGER if kind is AlarmKind.TRIGGER else Role.AGENT]
        alarm = Alarm(
            source=by.name,
            id=new_id(),
            account_id=theft.account_id,
            occurred_at=self.wiring.clock.now(),
            compromised_since=theft.compromised_since - timedelta(seconds=1),
            kind=kind,
        )
        raised: RaisedAlarm = await self.parts.raise_alarm.run(
            alarm, sender=by, receipt=self.parts.raise_alarm.receive()
        )
        return raised

    async def age(self, incident_id: str, by: timedelta) -> None:
        """Let the freeze of this episode be older: the clocks that count from it have run on."""
        async with self.wiring.engine.begin() as connection:
            await connection.execute(
                text(
                    "UPDATE incident SET frozen_at = frozen_at - CAST(:by AS interval), "
                    "episode_opened_at = episode_opened_at - CAST(:by AS interval) WHERE id = :id"
                ),
                {"id": incident_id, "by": by},
            )

    async def looked(self, incident_id: str) -> None:
        """Have the workflow look, and wait until it has read the decisions again after that."""
        await self.wiring.incidents.ask_again(incident_id)
        with self.gate.hold(Activity.READ_DECISION, incident_id, after=True) as read:
            await self.parts.wake.now(incident_id)
            await read.stands()

    async def differences(self, incident_id: str) -> list[Finding]:
        """Where the wallet and our records differ about this incident; what other tests left unfinished is theirs."""
        holds = await self.rows("SELECT id FROM hold_claim WHERE incident_id = :id", id=incident_id)
        ours = {row.id for row in holds}
        found = await self.wiring.sweep.run()
        return [each for each in found if each.subject in ours or each.subject.startswith(incident_id)]

    async def end_all(self) -> None:
        """End every workflow that still runs on this house's queue, as an operator could."""
        running = f"TaskQueue = '{self.queue}' AND ExecutionStatus = 'Running'"
        # What Temporal lists lags behind what runs: one that began at the very end is seen the next time.
        found = [True]
        while found:
            found = []
            async for each in self.client.list_workflows(running):
                with suppress(RPCError):
                    await self.client.get_workflow_handle(each.id, run_id=each.run_id).terminate(
                        "the test is over"
                    )
                    found.append(True)

    def placed_holds(self, *account_ids: str) -> dict[str, int]:
        """What is held on each of these accounts by the wallet's own word, CNY."""
        return {each: self.sandbox.balance(each)["held"] for each in account_ids}


@asynccontextmanager
async def open_house(
    *,
    database_url: str,
    sandbox: RunningSandbox,
    temporal: Mapping[str, str],
    queue: str,
    in_force: Rules | None = None,
    clock: Clock | None = None,
    interceptors: Sequence[Interceptor] = (),
    set_up: Mapping[str, Any] | None = None,
    **worker: Any,
) -> AsyncIterator[House]:
    """Everything at work until the block ends, by the demo's rules and this machine's clock unless others are given.

    `set_up` adds settings, `worker` arguments of the SDK's worker.
    """
    os.environ.update(temporal)
    settings = Settings(
        database_url=SecretStr(database_url),
        wallet_url=sandbox.url,
        wallet_key=SecretStr(sandbox.wallet_key),
        message_url=sandbox.url,
        message_key=SecretStr(sandbox.message_key),
        master_key=SecretStr(base64.b64encode(secrets.token_bytes(32)).decode()),
        document_url=sandbox.url,
        document_key=SecretStr(sandbox.wallet_key),
        document_secret=SecretStr(sandbox.wallet_key),
        policy="demo",
        task_queue=queue,
        hand_over_budget_ms=20_000,
        intake_budget_ms=10_000,
        **(set_up or {}),
    )
    wiring, house_rules, gate = Wiring(settings), in_force or rules(), Gate()
    vars(wiring)["policies"] = house_rules
    if clock is not None:
        vars(wiring)["clock"] = clock
    parts = assemble(wiring)
    await parts.open()
    client = await connect(wiring.converter)
    plan = WorkerPlan(
        task_queue=queue,
        workflows=WORKFLOWS,
        activities=activities(wiring.ports),
        interceptors=[StanchErrors(), *interceptors, gate],
        companions=[Relay(rows=wiring.hand_overs, hand_over=wiring.hand_over(client)).run],
        grace=timedelta(seconds=1),
        extra=worker,
    )
    stop, ready = asyncio.Event(), asyncio.Event()
    serving = asyncio.create_task(run_worker(client, plan, stop=stop, ready=ready.set))
    try:
        await ready.wait()
        people = {role: await _operator(wiring, f"first-{role}", role) for role in Role}
        yield House(
            wiring=wiring,
            sandbox=sandbox,
            histories=TemporalHistories(client=client, workflows=WORKFLOWS),
            people=people,
            parts=parts,
            client=client,
            plain=await Client.connect(temporal["TEMPORAL_ADDRESS"]),
            queue=queue,
            gate=gate,
            rules=house_rules,
            others={role: await _operator(wiring, f"second-{role}", role) for role in PEOPLE},
        )
    finally:
        for held in gate.waiting:
            held.go()
        stop.set()
        await serving
        await parts.close()


async def _operator(wiring: Wiring, name: str, role: Role) -> Sender:
    made = await CreateOperator(operators=wiring.operators, clock=wiring.clock).run(name, role)
    return Sender(operator_id=made.operator_id, name=name, role=role)
