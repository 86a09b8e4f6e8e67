"""Builds the real adapters from the settings, once per process, and hands them in. Nothing else knows them all."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta
from functools import cached_property

from temporalio.client import Client
from temporalio.converter import DataConverter

from activities.registry import Ports
from adapters.activity_ports import activity_ports
from adapters.secrets.keys import Sealer
from adapters.sql.alarm_store import SqlAlarmStore
from adapters.sql.break_glass import SqlBreakGlass
from adapters.sql.decisions import SqlDecisions
from adapters.sql.expectations import SqlExpectations
from adapters.sql.hand_over import SqlHandOver
from adapters.sql.operators import SqlFreezeClock, SqlOperators
from adapters.sql.overview import SqlOverview
from adapters.sql.ratings import SqlRatings
from adapters.temporal.client import lazy_client
from adapters.temporal.converter import encrypting_converter
from adapters.temporal.hand_over import TemporalHandOver
from adapters.temporal.recovery_again import RecoveryAgain
from adapters.temporal.routed_hand_over import RoutedHandOver
from adapters.wired.identity import IdentityWiring
from adapters.wired.money import MoneyWiring
from adapters.wired.notices import NoticeWiring
from use_cases.break_glass import BreakTheGlass
from use_cases.escalate import Escalate
from use_cases.sweep import Sweep


@dataclass
class Wiring(IdentityWiring, MoneyWiring, NoticeWiring):
    """What a process of the engine is made of; parts are built when first asked for. Close it when done.

    Errors: INVALID, when the policy or the master key is missing or broken; nothing was opened then.
    """

    @cached_property
    def alarms(self) -> SqlAlarmStore:
        """Intake."""
        return SqlAlarmStore(self.engine, self.keys)

    @cached_property
    def overview(self) -> SqlOverview:
        """What people read."""
        return SqlOverview(self.engine, self.store, Sealer(self.keys))

    @cached_property
    def decisions(self) -> SqlDecisions:
        """People's choices."""
        return SqlDecisions(self.engine, Sealer(self.keys))

    @cached_property
    def ratings(self) -> SqlRatings:
        """What owners say of our help."""
        return SqlRatings(self.engine, Sealer(self.keys))

    @cached_property
    def operators(self) -> SqlOperators:
        """Who may come in."""
        return SqlOperators(self.engine)

    @cached_property
    def freeze_clock(self) -> SqlFreezeClock:
        """Measured intervals."""
        return SqlFreezeClock(self.engine)

    @cached_property
    def hand_overs(self) -> SqlHandOver:
        """What Temporal has still to be told."""
        return SqlHandOver(self.engine)

    @cached_property
    def converter(self) -> DataConverter:
        """Temporal payloads, encrypted per incident."""
        return encrypting_converter(self.keys)

    @cached_property
    def ports(self) -> Ports:
        """What the activities need."""
        return activity_ports(self)

    @cached_property
    def sweep(self) -> Sweep:
        """Compares the wallet with our records."""
        return Sweep(wallet=self.wallet, expectations=SqlExpectations(self.engine), clock=self.clock)

    @cached_property
    def break_the_glass(self) -> BreakTheGlass:
        """Supervisors alone."""
        return BreakTheGlass(
            record=SqlBreakGlass(self.engine, Sealer(self.keys)),
            incidents=self.incidents,
            steps=self.steps,
            policies=self.policies,
            clock=self.clock,
        )

    @cached_property
    def escalate(self) -> Escalate:
        """Takes overdue questions to the supervisors."""
        return Escalate(desk=self.decisions, clock=self.clock)

    async def lazy_client(self, identity: str | None = None) -> Client:
        """A Temporal client that connects when it is first used: the gateway lives without Temporal."""
        return await lazy_client(self.converter, identity=identity)

    def hand_over(self, client: Client, *, budget: timedelta | None = None) -> RoutedHandOver:
        """Waking workflows through this client, each within `budget` (the setting's, where none is given)."""
        within = budget or timedelta(milliseconds=self.settings.hand_over_budget_ms)
        task_timeout = timedelta(seconds=self.settings.workflow_task_timeout_seconds)
        incidents = TemporalHandOver(
            client=client,
            incidents=self.incidents,
            task_queue=self.settings.task_queue,
            budget=within,
            task_timeout=task_timeout,
            recovery=RecoveryAgain(
                recoveries=self.recoveries,
                incidents=self.incidents,
                policies=self.policies,
                clock=self.clock,
            ),
        )
        return RoutedHandOver(
            client=client,
            incidents=incidents,
            credentials=self.credentials,
            task_queue=self.settings.task_queue,
            budget=within,
            task_timeout=task_timeout,
        )

    async def close(self) -> None:
        """Close what was opened."""
        built = vars(self)
        if "documents" in built:
            await self.documents.close()
        if "messages" in built:
            await self.messages.close()
        if "institutions" in built:
            await self.institutions.close()
        if "wallet_connection" in built:
            await self.wallet_connection.close()
        if "replica_engine" in built:
            await self.replica_engine.dispose()
        if "engine" in built:
            await self.engine.dispose()
