"""The database side put together on a real database, and short words for what tests do with it."""

from __future__ import annotations

import base64
import itertools
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncEngine

from activities.changes import (
    AcknowledgeAlarm,
    Change,
    FrozenNow,
    MoveIncident,
    OpenDecisionTask,
    RecordProof,
    RecordReset,
    SetCompromisedSince,
)
from activities.freeze import freeze_step_key
from activities.payment_changes import PaymentsFound
from adapters.policies import read_policy
from adapters.secrets.keys import DataKeys, IncidentSecrets, MasterKey, Sealer
from adapters.sql.alarm_store import SqlAlarmStore
from adapters.sql.challenges import SqlChallenges
from adapters.sql.claims import SqlClaims
from adapters.sql.data_keys import SqlKeyTable
from adapters.sql.decisions import SqlDecisions
from adapters.sql.engine import make_engine
from adapters.sql.expectations import SqlExpectations
from adapters.sql.hand_over import SqlHandOver
from adapters.sql.incidents import SqlIncidents
from adapters.sql.operators import SqlOperators
from adapters.sql.overview import SqlOverview
from adapters.sql.step_store import SqlStepStore
from models.contracts.alarms import AcceptedAlarm, Alarm, Sender
from models.contracts.incidents import FreezeInput, IncidentFacts
from models.contracts.policy import Policy
from models.contracts.security import FindPaymentsResult, FoundPayment
from models.contracts.steps import FinishedStep, Origin, Receipt, RecordedStep, StepAttempt
from models.digests import digest, message_digest
from models.ids import new_id
from models.lifecycle import Event
from models.names import Actor, AlarmKind, DecisionKind, Role, Scope, SecurityItem, StepKind, StepStatus

MASTER_KEY = base64.b64encode(bytes(range(32))).decode()
DETECTOR = Sender(operator_id=new_id(), name="detector", role=Role.TRIGGER)
AGENT = Sender(operator_id=new_id(), name="agent-1", role=Role.AGENT)
POLICY = read_policy(Path(__file__).resolve().parents[2] / "policies", "production")


def now() -> datetime:
    return datetime.now(UTC)


@dataclass
class House:
    """Every store over one engine. Made for one test; `close` it."""

    url: str
    pool: int = 10
    engine: AsyncEngine = field(init=False)
    _numbers: itertools.count[int] = field(default_factory=lambda: itertools.count(1))

    def __post_init__(self) -> None:
        self.engine = make_engine(self.url, pool=self.pool)
        self.keys = DataKeys(MasterKey(MASTER_KEY), SqlKeyTable(self.engine))
        self.sealer = Sealer(self.keys)
        self.secrets = IncidentSecrets(self.keys)
        self.alarms = SqlAlarmStore(self.engine, self.keys)
        self.steps = SqlStepStore(self.engine, self.sealer)
        self.incidents = SqlIncidents(self.engine)
        self.challenges = SqlChallenges(self.engine, self.keys)
        self.claims = SqlClaims(self.engine)
        self.hand_over = SqlHandOver(self.engine)
        self.decisions = SqlDecisions(self.engine, self.sealer)
        self.overview = SqlOverview(self.engine, self.steps, self.sealer)
        self.operators = SqlOperators(self.engine)
        self.expectations = SqlExpectations(self.engine)

    async def close(self) -> None:
        await self.engine.dispose()

    # -- alarms
    def trigger(self, account: str = "acc-1", **given: Any) -> Alarm:
        return self._alarm(account, AlarmKind.TRIGGER, "detector", given)

    def report(self, account: str = "acc-1", **given: Any) -> Alarm:
        return self._alarm(account, AlarmKind.REPORT, "hotline", given)

    def _alarm(self, account: str, kind: AlarmKind, source: str, given: dict[str, Any]) -> Alarm:
        values: dict[str, Any] = {
            "source": source,
            "id": f"{source}-{next(self._numbers)}",
            "account_id": account,
            "occurred_at": now(),
            "kind": kind,
        }
        return Alarm(**(values | given))

    async def accept(
        self,
        alarm: Alarm,
        *,
        incident_id: str | None = None,
        attempt: StepAttempt | None = None,
        policy: Policy = POLICY,
        at: datetime | None = None,
        origin: Origin | None = None,
        reopens: str | None = None,
    ) -> AcceptedAlarm:
        sender = DETECTOR if alarm.kind is AlarmKind.TRIGGER else AGENT
        proposed = incident_id or new_id()
        tried = attempt or self.freeze_attempt(
            proposed,
            1,
            alarm.account_id,
            alarm.scope,
            at=at,
            origin=origin or Origin(gateway_attempt=new_id()),
        )
        return await self.alarms.accept(
            alarm, sender=sender, attempt=tried, incident_id=proposed, policy=policy, reopens=reopens
        )

    # -- steps
    def freeze_attempt(
        self,
        incident_id: str,
        episode: int,
        account: str,
        scope: Scope,
        *,
        at: datetime | None = None,
        origin: Origin | None = None,
    ) -> StepAttempt:
        step = FreezeInput(
            incident_id=incident_id,
            episode=episode,
            step_key=freeze_step_key(scope),
            account_id=account,
            scope=scope,
        )
        return StepAttempt(
            attempt_id=new_id(),
            incident_id=incident_id,
            episode=episode,
            step_key=step.step_key,
            kind=StepKind.FREEZE,
            actor=Actor.TRIGGER,
            role="detector",
            requested_at=at or now(),
            origin=origin or Origin(),
            input_digest=message_digest(step),
        )

    def attempt(self, incident_id: str, episode: int, key: str, kind: StepKind, **origin: Any) -> StepAttempt:
        return StepAttempt(
            attempt_id=new_id(),
            incident_id=incident_id,
            episode=episode,
            step_key=key,
            kind=kind,
            actor=Actor.SYSTEM,
            role="engine",
            requested_at=now(),
            origin=Origin(**origin),
            input_digest=digest({"step_key": key}),
        )

    def finished(
        self,
        attempt: StepAttempt,
        *,
        status: StepStatus = StepStatus.DONE,
        result: dict[str, Any] | None = None,
        receipt: Receipt | None = None,
    ) -> FinishedStep:
        at = now()
        return FinishedStep(
            step_id=new_id(),
            attempt=attempt,
            status=status,
            reason=None,
            started_at=at,
            completed_at=at,
            receipt=receipt,
            input={"step_key": attempt.step_key},
            result=result or {"step_key": attempt.step_key},
        )

    async def do(
        self,
        incident_id: str,
        episode: int,
        key: str,
        kind: StepKind,
        changes: Sequence[Change] = (),
        *,
        lifting: Event | None = None,
        status: StepStatus = StepStatus.DONE,
        result: dict[str, Any] | None = None,
    ) -> RecordedStep:
        """One whole step, as activities.steps runs it."""
        attempt = self.attempt(incident_id, episode, key, kind)
        await self.steps.begin(attempt, lifting=lifting)
        return await self.steps.finish(self.finished(attempt, status=status, result=result), changes)

    async def freeze(
        self,
        accepted: AcceptedAlarm,
        *,
        origin: Origin | None = None,
        changes: Sequence[Change] | None = None,
    ) -> RecordedStep:
        """As the workflow does it, unless told otherwise: its own attempt, then the row."""
        attempt = self.freeze_attempt(
            accepted.incident_id, accepted.episode, accepted.account_id, accepted.scope, origin=origin
        )
        await self.steps.begin(attempt)
        step = self.finished(attempt, receipt=receipt_of(attempt))
        return await self.steps.finish(step, (FrozenNow(now()),) if changes is None else changes)

    async def take_up(self, accepted: AcceptedAlarm, *changes: Change) -> RecordedStep:
        return await self.do(
            accepted.incident_id,
            accepted.episode,
            f"alarm/{accepted.alarm_id}",
            StepKind.ALARM,
            (AcknowledgeAlarm(accepted.alarm_id, now()), *changes),
        )

    async def frozen(self, alarm: Alarm) -> AcceptedAlarm:
        """An incident whose alarm is taken up and whose account is frozen."""
        accepted = await self.accept(alarm)
        await self.freeze(accepted)
        await self.take_up(accepted, compromised(alarm.occurred_at - timedelta(hours=1)))
        return accepted

    async def ready_to_return(
        self, accepted: AcceptedAlarm, *, leave_out: SecurityItem | None = None, look: bool = True
    ) -> None:
        """Proven, every item reset and read back, and looked for payments in flight."""
        facts = await self.facts(accepted)
        since = facts.compromised_since
        assert since is not None
        proof = RecordProof(("phone:a", "email:b"), since - timedelta(days=9), now())
        await self.do(
            accepted.incident_id,
            accepted.episode,
            "verify/1",
            StepKind.VERIFY_IDENTITY,
            (proof, MoveIncident(Event.IDENTITY_PROVEN)),
        )
        for item in SecurityItem:
            if item is not leave_out:
                record = RecordReset(item, f"rc-{item}", since, now())
                await self.do(
                    accepted.incident_id, accepted.episode, f"reset/{item}", StepKind.RESET_ITEM, (record,)
                )
        if look:
            await self.look_for_payments(accepted, "1", since)
        await self.do(
            accepted.incident_id,
            accepted.episode,
            "read_back/1",
            StepKind.READ_BACK,
            (MoveIncident(Event.RESET_COMPLETE),),
        )

    async def look_for_payments(
        self, accepted: AcceptedAlarm, key: str, since: datetime, *found: FoundPayment
    ) -> None:
        """One look for payments in flight, back to `since`."""
        change = PaymentsFound(found, since, now())
        await self.do(
            accepted.incident_id,
            accepted.episode,
            f"payments/find/{key}",
            StepKind.FIND_PAYMENTS,
            (change,),
            result=FindPaymentsResult(step_key=f"payments/find/{key}", payments=found).model_dump(
                mode="json"
            ),
        )

    async def ask(self, accepted: AcceptedAlarm, kind: DecisionKind, **given: Any) -> str:
        """Put a question to people; its task id."""
        values: dict[str, Any] = {
            "task_id": new_id(),
            "task_key": f"ask/{kind}/{next(self._numbers)}",
            "kind": kind,
            "action": {"account_id": accepted.account_id, "episode": str(accepted.episode)},
            "choices": ("restored", "false_alarm"),
            "four_eyes": True,
            "approver_role": Role.SUPERVISOR,
            "at": now(),
            "expires_at": now() + timedelta(hours=48),
        }
        task = OpenDecisionTask(**(values | given))
        await self.do(accepted.incident_id, accepted.episode, task.task_key, StepKind.ASK_DECISION, (task,))
        return task.task_id

    async def operator(self, role: Role) -> Sender:
        """A new operator with this role."""
        sender = Sender(operator_id=new_id(), name=f"{role}-{next(self._numbers)}", role=role)
        await self.operators.create(
            operator_id=sender.operator_id, name=sender.name, role=role, digest=digest(sender.name), at=now()
        )
        return sender

    # -- looking
    async def facts(self, accepted: AcceptedAlarm) -> IncidentFacts:
        facts = await self.incidents.facts(accepted.incident_id)
        assert facts is not None
        return facts

    async def scalar(self, query: str, **given: Any) -> Any:
        async with self.engine.connect() as connection:
            return await connection.scalar(text(query), given)

    async def rows(self, query: str, **given: Any) -> list[Any]:
        async with self.engine.connect() as connection:
            return list((await connection.execute(text(query), given)).all())

    async def change(self, query: str, **given: Any) -> None:
        """Let the database say something else."""
        async with self.engine.begin() as connection:
            await connection.execute(text(query), given)

    async def counts(self, *tables: str) -> dict[str, int]:
        return {table: await self.scalar(f'SELECT count(*) FROM "{table}"') for table in tables}


def receipt_of(attempt: StepAttempt) -> Receipt:
    key = f"{attempt.incident_id}/{attempt.episode}/{attempt.step_key}"
    return Receipt(
        receipt_id=f"rc-{attempt.attempt_id}",
        idempotency_key=key,
        action="restrict",
        account_id="acc-1",
        effective_seq=7,
        effective_at=now(),
        result={},
    )


def compromised(at: datetime, *, voids: bool = False) -> Change:
    return SetCompromisedSince(at, voids)
