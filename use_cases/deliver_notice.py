"""Deliver what steps have promised: to contact points older than the theft, at least once, and loudly given up."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta

import structlog

from activities.notice_ports import NoticeProvider, NoticeStore, NoticeTexts
from activities.notices import ALL, PREVIOUS, SendNotice, channel_of, notice_step_key, old_contacts
from activities.opening import compromise_time
from activities.ports import Clock, Incidents, Policies
from activities.wallet_ports import Wallet
from models.contracts.incidents import IncidentFacts
from models.contracts.notices import Delivery, DueNotice, NoticeInput
from models.contracts.wallet import AccountState, ContactPoint
from models.errors import ErrorCode, StanchError
from models.names import DeliveryState, NoticeState

RETRY = timedelta(seconds=2)
"""After the first failure; doubled with every further one."""

PATIENCE = timedelta(hours=24)
"""How long a provider may be away before its notices are shown to agents instead."""

LOSSES = 3
"""How often a message to one contact point may get lost before it is given up there."""

HOPELESS = frozenset({ErrorCode.INVALID, ErrorCode.ACCOUNT_UNKNOWN, ErrorCode.NOT_FOUND})
"""Errors that no later attempt changes."""

_log = structlog.get_logger(__name__)


@dataclass
class DeliverNotice:
    """Takes one leased notice as far as it goes now. Many may run; the message ids keep what they do apart and once."""

    store: NoticeStore
    send: SendNotice
    texts: NoticeTexts
    provider: NoticeProvider
    wallet: Wallet
    incidents: Incidents
    policies: Policies
    clock: Clock
    patience: timedelta = PATIENCE
    retry: timedelta = RETRY

    async def run(self, notice: DueNotice) -> bool:
        """Deliver, or say when to try again. False when what it needs (provider, wallet) does not answer.

        Records: a NOTICE step for each contact point that was told or refused by the provider, and how the notice ended.
        Errors: DATABASE_UNREACHABLE; the lease ends by itself then.
        """
        try:
            if notice.erased:
                await self._settle(notice, NoticeState.ERASED, ErrorCode.ERASED)
                return True
            return await self._deliver(notice)
        except StanchError as error:
            if error.code is ErrorCode.DATABASE_UNREACHABLE:
                raise
            if error.code is ErrorCode.ERASED:
                await self._settle(notice, NoticeState.ERASED, error.code)
            elif error.code in HOPELESS:
                await self._settle(notice, NoticeState.GIVEN_UP, error.code)
            else:
                await self._again(notice, error.code)
            return error.code is not ErrorCode.WALLET_UNREACHABLE

    async def _deliver(self, notice: DueNotice) -> bool:
        fields = await self.store.fields(notice)
        account = await self.wallet.account(notice.account_id)
        contacts = await self._contacts(notice, account)
        if contacts is None:
            await self._again(notice, ErrorCode.ALARM_WAITING)
            return True
        language = self.texts.language(account.language)
        words = self.texts.write(notice.template, language, notice.incident_id, fields)
        version = self.texts.version(notice.template)
        before = [
            each for each in await self.store.deliveries(notice.notice_id) if each.round >= notice.from_round
        ]
        away, refused = False, False
        for point in contacts:
            if not _open(point.id, before):
                continue
            step = NoticeInput(
                incident_id=notice.incident_id,
                episode=notice.episode,
                step_key=notice_step_key(notice.notice_id, point.id, notice.round),
                notice_id=notice.notice_id,
                template=notice.template,
                version=version,
                language=language,
                contact_id=point.id,
                channel=channel_of(point),
                round=notice.round,
            )
            try:
                result = await self.send.run(step, point.value, words)
                refused = refused or result.refusal is not None
            except StanchError as error:
                if error.code is not ErrorCode.WALLET_UNREACHABLE:
                    raise
                away = True
        if away and not self._over(notice):
            await self._again(notice, ErrorCode.WALLET_UNREACHABLE)
            return False
        reached = any(
            each.state is not DeliveryState.LOST and each.round >= notice.from_round
            for each in await self.store.deliveries(notice.notice_id)
        )
        why = _why(away=away, refused=refused, contacts=contacts, reached=reached)
        state = (
            NoticeState.SENT if reached else NoticeState.NO_CONTACT if not contacts else NoticeState.GIVEN_UP
        )
        await self._settle(notice, state, why)
        return not away

    async def look(self, delivery: Delivery) -> None:
        """Ask for a receipt. A message that got lost goes out again under a new id. Errors: WALLET_UNREACHABLE."""
        state = await self.provider.receipt(delivery.message_id, delivery.channel)
        if state is not DeliveryState.SENT:
            await self.store.told(delivery, state)
        if state is DeliveryState.LOST:
            _log.warning("notice_lost", notice_id=delivery.notice_id, contact_id=delivery.contact_id)

    async def _contacts(self, notice: DueNotice, account: AccountState) -> list[ContactPoint] | None:
        """Whom to tell; None while nobody knows yet since when the account cannot be trusted."""
        since: datetime | None = notice.trusted_before or notice.promised_at
        waiting: tuple[str, ...] = ()
        if notice.own:
            facts = await self.incidents.facts(notice.incident_id)
            if facts is None:
                raise StanchError(ErrorCode.NOT_FOUND, "The notice's incident is unknown. Nothing was sent.")
            waiting = facts.unacknowledged
            since = await self._since(facts, account)
        if since is None:
            return None
        chosen, refused = old_contacts(account, since)
        if notice.own:
            values = {point.id: point.value for point in chosen}
            stood = await self._stood(notice.incident_id, account, values)
            refused += [name for name in values if name not in stood]
            chosen = [point for point in chosen if point.id in stood]
        if refused:
            await self.store.left_out(notice.notice_id, sorted({_plain(name) for name in refused}))
        chosen = [point for point in chosen if notice.channel in {ALL, channel_of(point)}]
        return None if not chosen and waiting else chosen

    async def _since(self, facts: IncidentFacts, account: AccountState) -> datetime | None:
        """The earliest compromise time that anything says, also an alarm that the workflow has not taken up yet."""
        policy = self.policies.current()
        times = [
            compromise_time(await self.incidents.alarm(alarm_id), account, policy)
            for alarm_id in facts.unacknowledged
        ]
        known = [facts.compromised_since] if facts.compromised_since is not None else []
        return min([*known, *times], default=None)

    async def _stood(self, incident_id: str, account: AccountState, chosen: dict[str, str]) -> frozenset[str]:
        """Which of the chosen stood so at the first look: what came later is the thief's, however it is dated."""
        every = {point.id: point.value for point in account.contact_points}
        every |= {
            f"{point.id}{PREVIOUS}": point.previous_value
            for point in account.contact_points
            if point.previous_value is not None
        }
        return await self.store.first_look(incident_id, every | chosen, self.clock.now())

    def _over(self, notice: DueNotice) -> bool:
        return self.clock.now() - notice.asked_at >= self.patience

    async def _again(self, notice: DueNotice, code: ErrorCode) -> None:
        if self._over(notice):
            await self._settle(notice, NoticeState.GIVEN_UP, code)
            return
        _log.info("notice_waits", notice_id=notice.notice_id, code=code.value, attempts=notice.attempts)
        await self.store.again(notice, code.value, self.retry)

    async def _settle(self, notice: DueNotice, state: NoticeState, why: str | None) -> None:
        if state in {NoticeState.GIVEN_UP, NoticeState.NO_CONTACT}:
            _log.error(
                "notice_reached_nobody", notice_id=notice.notice_id, incident_id=notice.incident_id, why=why
            )
        await self.store.settle(notice, state, None if why is None else str(why))


def _open(contact_id: str, before: list[Delivery]) -> bool:
    """Whether this contact point is still to be told: nothing is on its way there, and it did not get lost too often."""
    own = [each for each in before if each.contact_id == contact_id]
    return all(each.state is DeliveryState.LOST for each in own) and len(own) < LOSSES


def _plain(name: str) -> str:
    return name.removesuffix(PREVIOUS)


def _why(*, away: bool, refused: bool, contacts: list[ContactPoint], reached: bool) -> str | None:
    """What an agent should know of a notice that did not reach every old contact."""
    if away:
        return ErrorCode.WALLET_UNREACHABLE
    if refused:
        return ErrorCode.WALLET_REFUSED
    if not contacts:
        return NoticeState.NO_CONTACT
    return None if reached else DeliveryState.LOST
