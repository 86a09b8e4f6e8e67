"""Whom a notice may reach: contact points that stood before the theft; none that a thief has set, changed or read since."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta

from activities.contact_ports import ContactHistory
from activities.link_contact import values_at
from activities.notice_ports import NoticeStore
from activities.notices import ALL, PREVIOUS, channel_of, old_contacts
from activities.opening import compromise_time
from activities.ports import Clock, Incidents, Policies
from models.contracts.identity import IdentityRules
from models.contracts.incidents import IncidentFacts
from models.contracts.notices import DueNotice
from models.contracts.wallet import AccountState, ContactPoint
from models.errors import ErrorCode, StanchError


@dataclass
class NoticeContacts:
    """The same choice for the deliverer and for one of our people who calls."""

    store: NoticeStore
    incidents: Incidents
    history: ContactHistory
    rules: IdentityRules
    policies: Policies
    clock: Clock

    async def of(self, notice: DueNotice, account: AccountState) -> list[ContactPoint] | None:
        """Whom to tell; None while nobody knows yet since when the account cannot be trusted."""
        since: datetime | None = notice.trusted_before or notice.promised_at
        waiting: tuple[str, ...] = ()
        if notice.own:
            facts = await self.incidents.facts(notice.incident_id)
            if facts is None:
                raise StanchError(ErrorCode.NOT_FOUND, "The notice's incident is unknown. Nothing was sent.")
            waiting = facts.unacknowledged
            since = await self._since(facts, account)
        elif notice.holder_incident is not None:
            # The holder was robbed, too: whoever took their account over hears nothing.
            theirs = await self.incidents.facts(notice.holder_incident)
            known = None if theirs is None else await self._since(theirs, account)
            since = None if known is None else min(known, notice.trusted_before or notice.promised_at)
        if since is None:
            return None
        chosen, refused = old_contacts(account, since, timedelta(seconds=self.rules.swap_window_seconds))
        if notice.own:
            values = {point.id: point.value for point in chosen}
            stood = await self._stood(notice.incident_id, account, values)
            # Where an impostor has read a code, an impostor reads the notice, too. With no contact left, people tell the owner.
            lost = values_at(account, await self.history.of_impostors(notice.incident_id))
            kept = {point.id for point in chosen if point.id in stood and point.value not in lost}
            refused += [name for name in values if name not in kept]
            chosen = [point for point in chosen if point.id in kept]
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


def _plain(name: str) -> str:
    return name.removesuffix(PREVIOUS)
