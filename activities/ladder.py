"""A new security change during the stages begins the ladder again: what was proven says nothing about what was set since."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta

from temporalio import activity

from activities.changes import QueueNotice
from activities.origin import activity_origin
from activities.returning import limits_of, stage_reference
from activities.steps import Effect, Running, Steps
from activities.wallet_ports import Wallet
from models.contracts.ladder import (
    ChangedSetting,
    RestartLadderInput,
    RestartLadderResult,
    WatchAccountInput,
    WatchAccountResult,
)
from models.contracts.wallet import AccountState, SecurityEntry
from models.lifecycle import Event
from models.names import NoticeTemplate, SecurityItem, StepKind
from models.registered import Activity

WATCHED = (
    SecurityItem.PASSWORD,
    SecurityItem.DEVICES,
    SecurityItem.FACTORS,
    SecurityItem.API_KEYS,
    SecurityItem.LIMITS,
    SecurityItem.FORWARDING,
)
"""What gives access or widens it, beside the contacts. Logins are no changes; payees, mandates and cards are what the stages
themselves allow or forbid."""

MUST_RENEW = "must_renew"
"""The wallet's label of a secret that our reset has ended: renewing it is what the owner was asked to do."""


@dataclass
class WatchAccount:
    """Reads the account at the wallet: a look, not a step. Whether it was a thief is for an alarm to say, not for us."""

    wallet: Wallet

    @activity.defn(name=Activity.WATCH_ACCOUNT)
    async def run(self, request: WatchAccountInput) -> WatchAccountResult:
        """Every watched setting that was set or written after `since`. Errors: WALLET_UNREACHABLE."""
        account = await self.wallet.account(request.account_id)
        return WatchAccountResult(changed=changed_since(account, request.since))


@dataclass
class RestartLadder:
    """Places the limits of the first stage again, before anything else. Only ever tightens, and no decision undoes it.

    Its intent refuses like that of any stage: where an alarm waits, the alarm decides.
    """

    steps: Steps
    wallet: Wallet

    @activity.defn(name=Activity.RESTART_LADDER)
    async def run(self, step: RestartLadderInput) -> RestartLadderResult:
        """Record what was changed, by item and id, and the new end; the owner is told."""

        async def effect(running: Running) -> Effect[RestartLadderResult]:
            first = step.policy.stages[0]
            account = await self.wallet.account(step.account_id)
            limits = limits_of(first, account, stage_reference(step.incident_id, step.episode))
            receipt = running.receipt or await self.wallet.place_stage(
                step.account_id, limits, key=running.key
            )
            entered = receipt.effective_at
            whole = entered + timedelta(seconds=sum(stage.seconds for stage in step.policy.stages))
            result = RestartLadderResult(
                step_key=step.step_key,
                stage=first.name,
                changed=changed_since(account, step.since),
                read_at=account.read_at,
                entered_at=entered,
                ends_at=entered + timedelta(seconds=first.seconds),
                whole_at=whole,
            )
            told = QueueNotice(NoticeTemplate.LADDER_RESTARTED, fields={"ends_at": whole.isoformat()})
            return Effect(result, receipt, (told,))

        return await self.steps.run(
            step,
            StepKind.RESTART_LADDER,
            RestartLadderResult,
            effect,
            origin=activity_origin(),
            lifting=Event.RETURN_INTENDED,
            wallet=self.wallet,
        )


def changed_since(account: AccountState, since: datetime) -> tuple[ChangedSetting, ...]:
    """Settings whose time, or whose record's time by the wallet's own audit, lies after `since`."""
    found = [
        ChangedSetting(
            item=item.value, id=entry.id, set_at=max(entry.set_at, entry.changed_at or entry.set_at)
        )
        for item in WATCHED
        for entry in account.security.get(item, ())
        if _set_after(entry, since)
    ]
    found += [
        ChangedSetting(item=name, id=each.id, set_at=max(each.set_at, each.changed_at or each.set_at))
        for name, contacts in (
            (SecurityItem.CONTACTS.value, account.contact_points),
            ("trusted_contacts", account.trusted_contacts),
        )
        for each in contacts
        if max(each.set_at, each.changed_at or each.set_at) > since
        or (each.removed_at is not None and each.removed_at > since)
    ]
    return tuple(sorted(found, key=lambda each: (each.set_at, each.item, each.id)))


def _set_after(entry: SecurityEntry, since: datetime) -> bool:
    asked_for = entry.label == MUST_RENEW or (entry.previous or {}).get("label") == MUST_RENEW
    return not asked_for and max(entry.set_at, entry.changed_at or entry.set_at) > since
