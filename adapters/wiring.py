"""Builds the real adapters from the settings, once per process, and hands them in. Nothing else knows them all."""

from __future__ import annotations

import base64
import binascii
from dataclasses import dataclass
from datetime import timedelta
from functools import cached_property

from sqlalchemy.ext.asyncio import AsyncEngine
from temporalio.client import Client
from temporalio.converter import DataConverter

from activities.notices import SendNotice
from activities.proving import Prover
from activities.registry import Ports
from activities.steps import Steps
from adapters.activity_ports import activity_ports
from adapters.clock import SystemClock
from adapters.identity.documents import HttpDocuments, NoDocuments
from adapters.identity.passkeys import WebAuthnPasskeys
from adapters.messages.gateway import HttpMessages
from adapters.notices.companies import NoticeCompanies, SmtpMail
from adapters.notices.rendering import CatalogueTexts
from adapters.policies import FixedPolicy, read_identity_rules, read_policy
from adapters.recall.answers import AnswerReader
from adapters.recall.file_drop import Inbox
from adapters.recall.institutions import RoutedInstitutions
from adapters.recall.routes import Route
from adapters.secrets.keys import DataKeys, IncidentSecrets, MasterKey, Sealer
from adapters.sql.alarm_store import SqlAlarmStore
from adapters.sql.challenges import SqlChallenges
from adapters.sql.data_keys import SqlKeyTable
from adapters.sql.decisions import SqlDecisions
from adapters.sql.engine import make_engine
from adapters.sql.expectations import SqlExpectations
from adapters.sql.hand_over import SqlHandOver
from adapters.sql.identity_claims import SqlIdentityClaims
from adapters.sql.identity_limits import SqlLimits
from adapters.sql.incidents import SqlIncidents
from adapters.sql.notices import SqlNotices
from adapters.sql.operators import SqlFreezeClock, SqlOperators
from adapters.sql.overview import SqlOverview
from adapters.sql.recall_desk import SqlRecallDesk
from adapters.sql.recalls import SqlRecalls
from adapters.sql.recoveries import SqlRecoveries
from adapters.sql.step_store import SqlStepStore
from adapters.temporal.client import lazy_client
from adapters.temporal.converter import encrypting_converter
from adapters.temporal.hand_over import TemporalHandOver
from adapters.temporal.recall_care import RecallCare
from adapters.temporal.recovery_again import RecoveryAgain
from adapters.transfers.index import SqlTransferIndex
from adapters.transfers.replica import ReplicaTransferSource, replica_engine
from adapters.transfers.replica_mapping import read_mapping
from adapters.transfers.stored_traces import SqlStoredTraces
from adapters.transfers.traces import SqlTraces
from adapters.wallet.connection import WalletConnection
from adapters.wallet.contract import HttpWallet
from adapters.wallet.transfers import WalletTransferSource
from models.contracts.identity import IdentityRules
from models.contracts.policy import RECALL_DEFAULTS
from models.errors import ErrorCode, StanchError
from settings import RecallRoute, Settings
from tracing.ports import TransferSource
from use_cases.answer_recall import AnswerRecall
from use_cases.deliver_notice import DeliverNotice
from use_cases.sweep import Sweep

LEAST_SECRET = 16
"""Characters of a secret that signs; a shorter one is a placeholder."""


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
    def recoveries(self) -> SqlRecoveries:
        """What is held, and what becomes of it."""
        return SqlRecoveries(self.engine, Sealer(self.keys))

    @cached_property
    def operators(self) -> SqlOperators:
        """Who may come in."""
        return SqlOperators(self.engine)

    @cached_property
    def challenges(self) -> SqlChallenges:
        """One-time codes."""
        return SqlChallenges(self.engine, self.keys)

    @cached_property
    def identity_rules(self) -> IdentityRules:
        """What proves the owner."""
        return read_identity_rules(self.settings.identity_rules)

    @cached_property
    def claimants(self) -> SqlIdentityClaims:
        """Who says they are the owner."""
        return SqlIdentityClaims(self.engine)

    @cached_property
    def limits(self) -> SqlLimits:
        """How often somebody failed."""
        return SqlLimits(self.engine, self.identity_rules.limits)

    @cached_property
    def prover(self) -> Prover:
        """Judges claimants."""
        return Prover(self.wallet, self.challenges, self.claimants, self.identity_rules)

    @cached_property
    def passkeys(self) -> WebAuthnPasskeys:
        """Passkey assertions."""
        return WebAuthnPasskeys(self.identity_rules.passkey)

    @cached_property
    def documents(self) -> HttpDocuments | NoDocuments:
        """The provider that looks at documents, if there is one. Errors: INVALID when it has no secret to sign with."""
        settings, secret = self.settings, self.settings.document_secret.get_secret_value()
        if settings.document_url is None:
            return NoDocuments()
        if len(secret) < LEAST_SECRET:
            raise StanchError(
                ErrorCode.INVALID,
                "Nothing proves that the identity provider's callbacks are its own. Nothing was started; set "
                "STANCH_DOCUMENT_SECRET to what it signs with.",
            )
        return HttpDocuments(
            settings.document_url,
            settings.document_key.get_secret_value(),
            secret,
            settings.document_callback_url,
            self.identity_rules.document,
        )

    @cached_property
    def incident_secrets(self) -> IncidentSecrets:
        """What is derived from an incident's key."""
        return IncidentSecrets(self.keys)

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
        """The transfer index, fed from the wallet, or from a read replica of its database."""
        return SqlTransferIndex(self.engine, self.transfer_source)

    @cached_property
    def transfer_source(self) -> TransferSource:
        """Where transfers come from."""
        if self.settings.replica_url is None:
            return WalletTransferSource(self.wallet_connection)
        if self.settings.replica_mapping is None:
            raise StanchError(
                ErrorCode.INVALID,
                "There is a read replica and no mapping of its columns. Nothing was started; set STANCH_REPLICA_MAPPING.",
            )
        return ReplicaTransferSource(self.replica_engine, read_mapping(self.settings.replica_mapping))

    @cached_property
    def replica_engine(self) -> AsyncEngine:
        """Connections to the read replica."""
        url = self.settings.replica_url
        return replica_engine("" if url is None else url.get_secret_value())

    @cached_property
    def traces(self) -> SqlTraces:
        """Stored traces."""
        return SqlTraces(self.engine)

    @cached_property
    def stored_traces(self) -> SqlStoredTraces:
        """Stored traces as people see them."""
        return SqlStoredTraces(self.engine)

    @cached_property
    def converter(self) -> DataConverter:
        """Temporal payloads, encrypted per incident."""
        return encrypting_converter(self.keys)

    @cached_property
    def ports(self) -> Ports:
        """What the activities need."""
        return activity_ports(self)

    @cached_property
    def institutions(self) -> RoutedInstitutions:
        """Other institutions, by the routes of the settings."""
        return RoutedInstitutions(
            tuple(_route(each) for each in self.settings.recall_routes), own_bic=self.settings.recall_bic
        )

    @cached_property
    def recalls(self) -> SqlRecalls:
        """Recalls."""
        return SqlRecalls(self.engine, Sealer(self.keys), AnswerReader())

    @cached_property
    def recall_desk(self) -> SqlRecallDesk:
        """Answers to recalls."""
        return SqlRecallDesk(self.engine, Sealer(self.keys))

    @cached_property
    def answer_recall(self) -> AnswerRecall:
        """How answers come in."""
        return AnswerRecall(
            desk=self.recall_desk,
            reader=AnswerReader(),
            institutions=self.institutions,
            clock=self.clock,
        )

    def recall_care(self, client: Client) -> RecallCare:
        """What runs beside a worker for the recalls."""
        return RecallCare(
            recalls=self.recalls,
            answers=self.answer_recall,
            index=self.index,
            client=client,
            look_seconds=(self.policies.current().recall or RECALL_DEFAULTS).look_seconds,
            inboxes=tuple(
                (each.name, Inbox(each.inbox))
                for each in self.settings.recall_routes
                if each.inbox is not None
            ),
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
            recovery=RecoveryAgain(
                recoveries=self.recoveries,
                incidents=self.incidents,
                policies=self.policies,
                clock=self.clock,
            ),
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


def _route(setting: RecallRoute) -> Route:
    """A route as the adapter knows it. Errors: INVALID, when its signing key is no base64."""
    signing_key = None
    if setting.signing_key is not None:
        try:
            signing_key = base64.b64decode(setting.signing_key.get_secret_value(), validate=True)
        except binascii.Error:
            raise StanchError(
                ErrorCode.INVALID,
                f"The signing key of the recall route {setting.name} is no base64. Nothing was started; mend it.",
            ) from None
    plain = setting.model_dump(exclude={"key", "signing_key"})
    return Route(**plain, key=setting.key.get_secret_value(), signing_key=signing_key)
