"""Real incidents on real parts: sandbox wallet, PostgreSQL, Temporal, the gateway's use cases and a worker."""

from __future__ import annotations

import asyncio
import base64
import os
import re
import secrets
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass, field
from datetime import timedelta
from pathlib import Path
from typing import Any

from pydantic import SecretStr
from sqlalchemy import text

from activities.boundary import StanchErrors
from activities.registry import activities
from activities.restitution import GIVE_BACK
from adapters.temporal.client import connect
from adapters.temporal.relay import Relay
from adapters.temporal.replay import TemporalHistories
from adapters.temporal.worker_lifecycle import WorkerPlan, run_worker
from adapters.wiring import Wiring
from gateway.assembly import assemble
from models.contracts.alarms import Alarm, Sender
from models.contracts.incidents import IncidentFacts
from models.contracts.recovery import RecoverFundsResult
from models.errors import StanchError
from models.ids import incident_workflow_id, new_id, recovery_workflow_id
from models.lifecycle import Status
from models.names import AlarmKind, DecisionKind, Role
from settings import Settings
from tests.running_sandbox import RunningSandbox, Theft
from use_cases.audit_replay import AuditReplay, AuditReport
from use_cases.create_operator import CreateOperator
from use_cases.ports import DecisionView
from use_cases.raise_alarm import RaisedAlarm
from workflows.registry import WORKFLOWS

ROOT = Path(__file__).resolve().parents[2]
PATIENCE_SECONDS = 60.0
LOOK_SECONDS = 0.05
CODE = re.compile(r"code (\d+) for reference (\w+)")
DETECTOR = "detector"


def quick_policy(folder: Path, **seconds: int) -> Path:
    """The demo's rules with clocks as short as the rules allow. `seconds` overrides single ones; returns the folder."""
    rules = (ROOT / "policies" / "demo.toml").read_text()
    for name, value in {"round_pause_seconds": 0, "seconds": 1, **seconds}.items():
        rules, count = re.subn(rf"^{name} = \d+", f"{name} = {value}", rules, flags=re.MULTILINE)
        assert count, name
    (folder / "quick.toml").write_text(rules)
    return folder


@dataclass
class Engine:
    """The engine at work. Everything a test does goes through the use cases that the gateway serves."""

    wiring: Wiring
    sandbox: RunningSandbox
    histories: TemporalHistories
    people: dict[Role, Sender]
    parts: Any = field(repr=False)
    answered: set[str] = field(default_factory=set)
    """Messages whose code was entered already."""
    tokens: dict[str, str] = field(default_factory=dict)
    """The owner's claim by incident: its token, since the first code opened it."""

    async def alarm(self, theft: Theft, *, kind: AlarmKind = AlarmKind.TRIGGER, **more: Any) -> RaisedAlarm:
        """Raise an alarm about a theft, as the detector or, for a report, as an agent does."""
        by = Role.TRIGGER if kind is AlarmKind.TRIGGER else Role.AGENT
        alarm = Alarm(
            source=self.people[by].name,
            id=new_id(),
            account_id=theft.account_id,
            occurred_at=self.wiring.clock.now(),
            kind=kind,
            **{
                "compromised_since": theft.compromised_since - timedelta(seconds=1),
                "stolen_transfers": tuple(theft.transfers),
                **more,
            },
        )
        raised: RaisedAlarm = await self.parts.raise_alarm.run(
            alarm, sender=self.people[by], receipt=self.parts.raise_alarm.receive()
        )
        await self.parts.wake.now(raised.incident_id)
        return raised

    async def facts(self, incident_id: str) -> IncidentFacts:
        """The incident row."""
        facts = await self.wiring.incidents.facts(incident_id)
        assert facts is not None
        return facts

    async def until(self, reached: Callable[[], Awaitable[bool]], what: str) -> None:
        """Wait for a condition; failing says which."""
        try:
            async with asyncio.timeout(PATIENCE_SECONDS):
                while not await reached():  # noqa: ASYNC110 - what is waited for is a row
                    await asyncio.sleep(LOOK_SECONDS)
        except TimeoutError:
            raise AssertionError(f"waited {PATIENCE_SECONDS} s for: {what}") from None

    async def until_of(self, incident_id: str, reached: Callable[[], Awaitable[bool]], what: str) -> None:
        """The same of one incident; failing says how far its story had come."""
        try:
            await self.until(reached, what)
        except AssertionError as error:
            error.add_note(await self.told(incident_id))
            raise

    async def told(self, incident_id: str) -> str:
        """The story so far: the row, its steps, its open questions, and what its workflow is at."""
        handle = self.histories.client.get_workflow_handle(incident_workflow_id(incident_id))
        described = await handle.describe()
        at = [
            f"{each.activity_type.name} attempt {each.attempt} {each.last_failure.message}"
            for each in described.raw_description.pending_activities
        ] + [each.workflow_id for each in described.raw_description.pending_children]
        steps = await self.wiring.overview.steps(incident_id)
        listed = await self.wiring.overview.decisions(state="open", incident_id=incident_id)
        return "\n".join(
            [
                str(await self.facts(incident_id)),
                f"workflow {described.status} at {at}, open {[each.kind.value for each in listed]}",
                *(f"{each.requested_at:%H:%M:%S.%f} {each.status} {each.step_key}" for each in steps),
            ]
        )

    async def until_status(self, incident_id: str, *wanted: Status) -> None:
        """Wait for a status."""

        async def reached() -> bool:
            return (await self.facts(incident_id)).status in wanted

        await self.until_of(incident_id, reached, f"status {' or '.join(wanted)}")

    async def until_closed(self, incident_id: str) -> IncidentFacts:
        """Wait for the end."""
        await self.until_status(incident_id, Status.CLOSED)
        return await self.facts(incident_id)

    async def answer(self, challenge_id: str, code: str) -> None:
        """Enter a code as the owner does, with the token that their first one gave, and have the engine look."""
        async with self.wiring.engine.connect() as connection:
            query = text("SELECT incident_id FROM identity_challenge WHERE id = :id")
            incident_id = await connection.scalar(query, {"id": challenge_id})
        claim = None
        if (token := self.tokens.get(incident_id)) is not None:
            with suppress(StanchError):  # ended, or too old: the next one opens another
                claim = await self.parts.identity.claims.enter(token)
        answered = await self.parts.answer_challenge.run(challenge_id, code, claim=claim)
        if answered.token is not None:
            self.tokens[incident_id] = answered.token
        await self.parts.wake.now(answered.incident_id)

    async def prove_owner(self, incident_id: str) -> None:
        """Answer the newest code of each of the owner's old contacts, as they come, until proven."""
        facts = await self.facts(incident_id)
        contacts = self.sandbox.control("GET", f"/people/{facts.account_id}")["contacts"]

        async def proven() -> bool:
            for value in contacts.values():
                for message in self.sandbox.outbox(value):
                    found = CODE.search(message["body"])
                    if found is not None and found[0] not in self.answered:
                        self.answered.add(found[0])
                        await self.answer(found[2], found[1])
            return await self.wiring.incidents.proven(incident_id, facts.episode)

        await self.until(proven, "the owner is proven")

    async def question(self, incident_id: str, kind: DecisionKind) -> DecisionView:
        """Wait until the engine asks people this."""
        found: list[DecisionView] = []

        async def asked() -> bool:
            listed = await self.wiring.overview.decisions(state="open", incident_id=incident_id)
            found[:] = [each for each in listed if each.kind is kind]
            return bool(found)

        await self.until_of(incident_id, asked, f"question {kind}")
        return found[0]

    async def decide(self, incident_id: str, kind: DecisionKind, choice: str) -> None:
        """An agent chooses, and a supervisor approves where four eyes are needed."""
        decision = await self.parts.decide.ask(
            incident_id, kind, choice, "as it should be", by=self.people[Role.AGENT]
        )
        if decision.four_eyes:
            request = decision.requests[-1]
            await self.parts.decide.approve(
                request.request_id, "seen by another", by=self.people[Role.SUPERVISOR]
            )
        await self.parts.wake.now(incident_id)

    async def give_back_what_is_held(self, incident_id: str) -> None:
        """Two people say yes to what the recovery offers, and it ends."""
        asked = await self.question(incident_id, DecisionKind.RESTITUTE)
        chosen = await self.parts.decide.request(
            asked.task_id, GIVE_BACK, "it is the owner's", by=self.people[Role.AGENT]
        )
        await self.parts.decide.approve(
            chosen.requests[-1].request_id, "seen by another", by=self.people[Role.SUPERVISOR]
        )
        await self.parts.wake.now(incident_id)
        await self.recovered(incident_id)

    async def recovered(self, incident_id: str) -> RecoverFundsResult:
        """How the recovery ended, once it has."""
        handle = self.histories.client.get_workflow_handle(
            recovery_workflow_id(incident_id), result_type=RecoverFundsResult
        )
        async with asyncio.timeout(PATIENCE_SECONDS):
            return await handle.result()

    async def audit(self, incident_id: str) -> AuditReport:
        """The audit as an auditor asks for it."""
        return await AuditReplay(
            incidents=self.wiring.incidents,
            steps=self.wiring.overview,
            histories=self.histories,
            credentials=self.wiring.credentials,
        ).run(incident_id)


@asynccontextmanager
async def engine(
    *, database_url: str, sandbox: RunningSandbox, temporal: dict[str, str], policies: Path, queue: str
) -> AsyncIterator[Engine]:
    """Everything at work until the block ends. `temporal` is what the environment must say of the server."""
    os.environ.update(temporal)
    settings = Settings(
        database_url=SecretStr(database_url),
        wallet_url=sandbox.url,
        wallet_key=SecretStr(sandbox.wallet_key),
        message_url=sandbox.url,
        message_key=SecretStr(sandbox.message_key),
        master_key=SecretStr(base64.b64encode(secrets.token_bytes(32)).decode()),
        policy="quick",
        policy_dir=policies,
        task_queue=queue,
        hand_over_budget_ms=10_000,
        # Everything shares one event loop here: what takes long is not the database.
        intake_budget_ms=10_000,
    )
    wiring = Wiring(settings)
    parts = assemble(wiring)
    await parts.open()
    client = await connect(wiring.converter)
    plan = WorkerPlan(
        task_queue=queue,
        workflows=WORKFLOWS,
        activities=activities(wiring.ports),
        interceptors=[StanchErrors()],
        companions=[Relay(rows=wiring.hand_overs, hand_over=wiring.hand_over(client)).run],
    )
    stop, ready = asyncio.Event(), asyncio.Event()
    worker = asyncio.create_task(run_worker(client, plan, stop=stop, ready=ready.set))
    try:
        await ready.wait()
        yield Engine(
            wiring=wiring,
            sandbox=sandbox,
            histories=TemporalHistories(client=client, workflows=WORKFLOWS),
            people={role: await _operator(wiring, role) for role in Role},
            parts=parts,
        )
    finally:
        stop.set()
        await worker
        await parts.close()


async def _operator(wiring: Wiring, role: Role) -> Sender:
    name = DETECTOR if role is Role.TRIGGER else f"one-{role}"
    made = await CreateOperator(operators=wiring.operators, clock=wiring.clock).run(name, role)
    return Sender(operator_id=made.operator_id, name=name, role=role)
