"""The parts that follow money, hold it, and ask it back."""

from __future__ import annotations

import base64
import binascii
from dataclasses import dataclass
from functools import cached_property

from sqlalchemy.ext.asyncio import AsyncEngine
from temporalio.client import Client

from adapters.recall.answers import AnswerReader
from adapters.recall.file_drop import Inbox
from adapters.recall.institutions import RoutedInstitutions
from adapters.recall.routes import Route
from adapters.secrets.keys import Sealer
from adapters.sql.closures import SqlClosures
from adapters.sql.late_money import SqlLateMoney
from adapters.sql.offers import SqlOffers
from adapters.sql.recall_desk import SqlRecallDesk
from adapters.sql.recalls import SqlRecalls
from adapters.sql.recoveries import SqlRecoveries
from adapters.sql.stopped_payments import SqlStoppedPayments
from adapters.temporal.recall_care import RecallCare
from adapters.transfers.index import SqlTransferIndex
from adapters.transfers.replica import ReplicaTransferSource, replica_engine
from adapters.transfers.replica_mapping import read_mapping
from adapters.transfers.stored_traces import SqlStoredTraces
from adapters.transfers.traces import SqlTraces
from adapters.wallet.transfers import WalletTransferSource
from adapters.wired.foundation import Foundation
from models.contracts.policy import RECALL_DEFAULTS
from models.errors import ErrorCode, StanchError
from settings import RecallRoute
from tracing.ports import TransferSource
from use_cases.account_by_remedy import AccountByRemedy
from use_cases.answer_recall import AnswerRecall
from use_cases.victims_figures import ReadFigures


@dataclass
class MoneyWiring(Foundation):
    """The parts that follow money, hold it, and ask it back. Built when first asked for."""

    @cached_property
    def recoveries(self) -> SqlRecoveries:
        """What is held, and what becomes of it."""
        return SqlRecoveries(self.engine, Sealer(self.keys))

    @cached_property
    def offers(self) -> SqlOffers:
        """What people are, or were, asked to pay back."""
        return SqlOffers(self.engine)

    @cached_property
    def closures(self) -> SqlClosures:
        """Closed accounts, and where their money goes."""
        return SqlClosures(self.engine, Sealer(self.keys))

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

    @cached_property
    def account_by_remedy(self) -> AccountByRemedy:
        """Where stolen money stands."""
        return AccountByRemedy(
            incidents=self.incidents,
            recoveries=self.recoveries,
            recalls=self.recalls,
            traces=self.traces,
            index=self.index,
            alerts=self.staff_alerts,
        )

    @cached_property
    def figures(self) -> ReadFigures:
        """What a victim is told of their money."""
        return ReadFigures(self.account_by_remedy, SqlStoppedPayments(self.engine))

    def recall_care(self, client: Client) -> RecallCare:
        """What runs beside a worker for the recalls."""
        return RecallCare(
            recalls=self.recalls,
            late=SqlLateMoney(self.engine),
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
