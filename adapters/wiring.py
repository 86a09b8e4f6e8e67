"""Builds the real adapters from the settings, once per process, and hands them in. Nothing else knows them all."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta
from functools import cached_property

from sqlalchemy.ext.asyncio import AsyncEngine
from temporalio.client import Client
from temporalio.converter import DataConverter

from activities.notices import SendNotice
from activities.registry import Ports
from activities.steps import Steps
from adapters.clock import SystemClock
from adapters.messages.gateway import HttpMessages
from adapters.notices.companies import NoticeCompanies, SmtpMail
from adapters.notices.rendering import CatalogueTexts
from adapters.policies import FixedPolicy, read_policy
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
from adapters.sql.notices import SqlNotices
from adapters.sql.operators import SqlFreezeClock, SqlOperators
from adapters.sql.overview import SqlOverview
from adapters.sql.step_store import SqlStepStore
from adapters.temporal.client import lazy_client
from adapters.temporal.converter import encrypting_converter
from adapters.temporal.hand_over import TemporalHandOver
from adapters.transfers.index import SqlTransferIndex
from adapters.transfers.traces import SqlTraces
from adapters.wallet.connection import WalletConnection
from adapters.wallet.contract import HttpWallet
from adapters.wallet.transfers import WalletTransferSource
from models.errors import ErrorCode, StanchError
from settings import Settings
from use_cases.deliver_notice import DeliverNotice
from use_cases.sweep import Sweep


@dataclass
class Wiring:
    """What a process of the engine is made of; parts are built when first asked for. Close it when done.

    Errors: INVALID, when the policy or the master key is missing or broken; nothing was opened then.
    """

    settings: Settings

    @cached_property
    def policies(self) -> FixedPolicy:
        """The rules this process was started with."""
        return FixedPolicy(read_policy(self.settings.policy_dir, self.settings.policy))

    @cached_property
    def engine(self) -> AsyncEngine:
        """The connection pool."""
        return make_engine(self.settings.database_url.get_secret_value(), pool=self.settings.database_pool)

    @cached_property
    def keys(self) -> DataKeys:
        """Data keys of incidents, under the master key."""
        if self.settings.master_key is None:
            raise StanchError(
                ErrorCode.INVALID,
                "There is no master key. Nothing was started; set STANCH_MASTER_KEY to 32 random bytes in base64.",
            )
        return DataKeys(MasterKey(self.settings.master_key.get_secret_value()), SqlKeyTable(self.engine))

    @cached_property
    def clock(self) -> SystemClock:
        """This machine's clock."""
        return SystemClock()

    @cached_property
    def store(self) -> SqlStepStore:
        """Attempts and steps."""
        return SqlStepStore(self.engine, Sealer(self.keys))

    @cached_property
    def steps(self) -> Steps:
        """How steps run."""
        return Steps(store=self.store, clock=self.clock)

    @cached_property
    def alarms(self) -> SqlAlarmStore:
        """Intake."""
        return SqlAlarmStore(self.engine, self.keys)

    @cached_property
    def incidents(self) -> SqlIncidents:
        """The incident row."""
        return SqlIncidents(self.engine)

    @cached_property
    def overview(self) -> SqlOverview:
        """What people read."""
        return SqlOverview(self.engine, self.store, Sealer(self.keys))

    @cached_property
    def decisions(self) -> SqlDecisions:
        """People's choices."""
        return SqlDecisions(self.engine, Sealer(self.keys))

    @cached_property
    def operators(self) -> SqlOperators:
        """Who may come in."""
        return SqlOperators(self.engine)

    @cached_property
    def challenges(self) -> SqlChallenges:
        """One-time codes."""
        return SqlChallenges(self.engine, self.keys)

    @cached_property
    def freeze_clock(self) -> SqlFreezeClock:
        """Measured intervals."""
        return SqlFreezeClock(self.engine)

    @cached_property
    def hand_overs(self) -> SqlHandOver:
        """What Temporal has still to be told."""
        return SqlHandOver(self.engine)

    @cached_property
    def wallet_connection(self) -> WalletConnection:
        """Connections to the wallet."""
        return WalletConnection(
            self.settings.wallet_url,
            self.settings.wallet_key.get_secret_value(),
            deadline=timedelta(milliseconds=self.settings.wallet_timeout_ms),
        )

    @cached_property
    def wallet(self) -> HttpWallet:
        """The wallet's contract."""
        return HttpWallet(self.wallet_connection)

    @cached_property
    def messages(self) -> HttpMessages:
        """SMS and mail."""
        return HttpMessages(self.settings.message_url, self.settings.message_key.get_secret_value())

    @cached_property
    def notices(self) -> SqlNotices:
        """Promised notices."""
        return SqlNotices(self.engine, self.keys)

    @cached_property
    def notice_provider(self) -> NoticeCompanies:
        """Who carries notices. Errors: INVALID, when the address of the mail server is none."""
        url = self.settings.smtp_url
        mail = (
            None if url is None else SmtpMail.of_url(url.get_secret_value(), sender=self.settings.mail_from)
        )
        return NoticeCompanies(gateway=self.messages, mail=mail)

    @cached_property
    def deliver_notice(self) -> DeliverNotice:
        """Tells people what was promised. Errors: INVALID, when a catalogue or the mail server's address is broken."""
        return DeliverNotice(
            store=self.notices,
            send=SendNotice(self.steps, self.notice_provider),
            texts=CatalogueTexts(self.settings.notice_company, self.settings.notice_help),
            provider=self.notice_provider,
            wallet=self.wallet,
            incidents=self.incidents,
            policies=self.policies,
            clock=self.clock,
        )

    @cached_property
    def index(self) -> SqlTransferIndex:
        """The transfer index, fed from the wallet."""
        return SqlTransferIndex(self.engine, WalletTransferSource(self.wallet_connection))

    @cached_property
    def traces(self) -> SqlTraces:
        """Stored traces."""
        return SqlTraces(self.engine)

    @cached_property
    def converter(self) -> DataConverter:
        """Temporal payloads, encrypted per incident."""
        return encrypting_converter(self.keys)

    @cached_property
    def ports(self) -> Ports:
        """What the activities need."""
        return Ports(
            store=self.store,
            alarms=self.alarms,
            incidents=self.incidents,
            wallet=self.wallet,
            messages=self.messages,
            index=self.index,
            traces=self.traces,
            claims=SqlClaims(self.engine),
            challenges=self.challenges,
            decisions=self.decisions,
            secrets=IncidentSecrets(self.keys),
            policies=self.policies,
            clock=self.clock,
        )

    @cached_property
    def sweep(self) -> Sweep:
        """Compares the wallet with our records."""
        return Sweep(wallet=self.wallet, expectations=SqlExpectations(self.engine), clock=self.clock)

    async def lazy_client(self, identity: str | None = None) -> Client:
        """A Temporal client that connects when it is first used: the gateway lives without Temporal."""
        return await lazy_client(self.converter, identity=identity)

    def hand_over(self, client: Client, *, budget: timedelta | None = None) -> TemporalHandOver:
        """Waking incidents through this client, each within `budget` (the setting's, where none is given)."""
        return TemporalHandOver(
            client=client,
            incidents=self.incidents,
            task_queue=self.settings.task_queue,
            budget=budget or timedelta(milliseconds=self.settings.hand_over_budget_ms),
            task_timeout=timedelta(seconds=self.settings.workflow_task_timeout_seconds),
        )

    async def close(self) -> None:
        """Close what was opened."""
        built = vars(self)
        if "messages" in built:
            await self.messages.close()
        if "wallet_connection" in built:
            await self.wallet_connection.close()
        if "engine" in built:
            await self.engine.dispose()
