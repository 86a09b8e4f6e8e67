"""After the new password: what changed at the account lately, and one click that freezes it."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta

from activities.covered import entries_of
from activities.credential_ports import Credentials
from activities.ports import Clock
from activities.wallet_ports import Wallet
from models.contracts.alarms import Alarm, Sender
from models.contracts.base import Message, Moment
from models.contracts.credential import CredentialFacts, CredentialState
from models.contracts.identity import IdentityRules
from models.contracts.wallet import AccountState, SecurityEntry
from models.errors import ErrorCode, StanchError
from models.names import AlarmKind, Role, SecurityItem
from use_cases.raise_alarm import RaiseAlarm, RaisedAlarm

SELF_SERVICE = Sender(operator_id="", name="self-service", role=Role.AGENT)
"""Who brings the alarm of a check-up. It reports like a person on the phone: what it says is not proven by that."""

SOURCE = "credential-check-up"

OWN = frozenset({SecurityItem.PASSWORD, SecurityItem.SESSIONS, SecurityItem.REFRESH_TOKENS})
"""What the recovery itself has just changed."""


class RecentChange(Message):
    """One thing that was set or ended lately, as masked as the wallet labels it."""

    change_id: str
    item: SecurityItem
    label: str
    what: str
    """`set` or `ended`."""
    at: Moment


class CheckUpView(Message):
    """Newest first. `alarmed`: the account was frozen from here already."""

    changes: tuple[RecentChange, ...]
    since: Moment
    alarmed: bool


@dataclass
class CheckUp:
    """Offered once the password is renewed: by then whoever asks has shown what only the owner has."""

    credentials: Credentials
    wallet: Wallet
    raise_alarm: RaiseAlarm
    rules: IdentityRules
    clock: Clock

    async def look(self, facts: CredentialFacts) -> CheckUpView:
        """What changed. Errors: REFUSED_BY_RULE before the password is renewed; WALLET_UNREACHABLE."""
        account_id = self._renewed(facts)
        since = facts.opened_at - timedelta(days=self.rules.credential.check_up_days)
        account = await self.wallet.account(account_id)
        return CheckUpView(
            changes=tuple(recent_changes(account, since)),
            since=since,
            alarmed=facts.alarm_incident_id is not None,
        )

    async def alarm(self, facts: CredentialFacts, strange: tuple[str, ...]) -> RaisedAlarm:
        """Freeze the account by the ordinary hot path: a report, since the oldest of the changes named as strange.

        Once for each recovery: said again, it gets the first answer. Errors: REFUSED_BY_RULE, INVALID (a change that is
        not among those shown), and those of RaiseAlarm.run.
        """
        receipt = self.raise_alarm.receive()
        account_id = self._renewed(facts)
        shown = await self.look(facts)
        named = [each for each in shown.changes if each.change_id in strange]
        if len(named) != len(set(strange)):
            raise StanchError(
                ErrorCode.INVALID,
                "strange: names a change that is not shown. Nothing was changed; look again and name it.",
            )
        alarm = Alarm(
            source=SOURCE,
            id=facts.recovery_id,
            account_id=account_id,
            # As old as the renewal, so that the same click again is the same alarm.
            occurred_at=facts.renewed_at or facts.opened_at,
            compromised_since=min((each.at for each in named), default=None),
            kind=AlarmKind.REPORT,
            detail="The owner renewed the password, looked at what had changed, and does not know it.",
        )
        raised = await self.raise_alarm.run(alarm, sender=SELF_SERVICE, receipt=receipt)
        await self.credentials.alarmed(facts.recovery_id, raised.incident_id)
        return raised

    def _renewed(self, facts: CredentialFacts) -> str:
        if facts.state is not CredentialState.RENEWED or facts.account_id is None:
            raise StanchError(
                ErrorCode.REFUSED_BY_RULE,
                "The check-up is offered once the new password is set. Nothing was changed; finish that first.",
            )
        return facts.account_id


def recent_changes(account: AccountState, since: datetime) -> list[RecentChange]:
    """What was set, or ended by anybody, at or after `since`; what the recovery itself renews is left aside."""
    found: list[RecentChange] = []
    for item in account.security:
        if item in OWN:
            continue
        for entry in entries_of(account, item):
            found += _of(item, entry, since)
    return sorted(found, key=lambda each: (each.at, each.change_id), reverse=True)


def _of(item: SecurityItem, entry: SecurityEntry, since: datetime) -> list[RecentChange]:
    told = []
    set_at = max(entry.set_at, entry.changed_at or entry.set_at)
    for what, at in (("set", set_at), ("ended", entry.ended_at)):
        if at is not None and at >= since:
            change_id = f"{entry.id}.{what}"
            told.append(RecentChange(change_id=change_id, item=item, label=entry.label, what=what, at=at))
    return told
