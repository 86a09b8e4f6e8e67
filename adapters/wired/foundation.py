"""What every other part stands on: database, keys, clock, steps, and the wallet."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta
from functools import cached_property

from sqlalchemy.ext.asyncio import AsyncEngine

from activities.steps import Steps
from adapters.clock import SystemClock
from adapters.messages.gateway import HttpMessages
from adapters.policies import FixedPolicy, read_identity_rules, read_policy
from adapters.secrets.keys import DataKeys, IncidentSecrets, MasterKey, Sealer
from adapters.sql.contact_history import SqlContactHistory
from adapters.sql.data_keys import SqlKeyTable
from adapters.sql.engine import make_engine
from adapters.sql.incidents import SqlIncidents
from adapters.sql.staff_alerts import SqlStaffAlerts
from adapters.sql.step_store import SqlStepStore
from adapters.wallet.connection import WalletConnection
from adapters.wallet.contract import HttpWallet
from models.contracts.identity import IdentityRules
from models.errors import ErrorCode, StanchError
from settings import Settings


@dataclass
class Foundation:
    """What every other part stands on: database, keys, clock, steps, and the wallet. Built when first asked for."""

    settings: Settings

    @cached_property
    def policies(self) -> FixedPolicy:
        """The rules this process was started with."""
        return FixedPolicy(read_policy(self.settings.policy_dir, self.settings.policy))

    @cached_property
    def identity_rules(self) -> IdentityRules:
        """What proves the owner."""
        return read_identity_rules(self.settings.identity_rules)

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
    def incidents(self) -> SqlIncidents:
        """The incident row."""
        return SqlIncidents(self.engine)

    @cached_property
    def staff_alerts(self) -> SqlStaffAlerts:
        """Alerts to staff."""
        return SqlStaffAlerts(self.engine, self.settings.staff_language)

    @cached_property
    def contact_history(self) -> SqlContactHistory:
        """Which contacts were answered, and by whom."""
        return SqlContactHistory(self.engine)

    @cached_property
    def incident_secrets(self) -> IncidentSecrets:
        """What is derived from an incident's key."""
        return IncidentSecrets(self.keys)

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
