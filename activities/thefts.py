"""Which of the victim's transfers count as stolen, on whose word, and by which rule."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from temporalio import activity

from activities.changes import RecordThefts, TheftsFound
from activities.money_ports import TransferIndex
from activities.origin import activity_origin
from activities.ports import Incidents
from activities.steps import Effect, Running, Steps
from activities.wallet_ports import Wallet
from models.contracts.money import FindTheftsInput, FindTheftsResult, TheftWords
from models.contracts.transfers import PostedTransfer
from models.contracts.wallet import AccountState
from models.names import ADDED_BY_PEOPLE, CLAIMED, NAMED, NEW_DEVICE, SINCE_COMPROMISE, SecurityItem, StepKind
from models.registered import Activity


@dataclass
class FindThefts:
    """Decides which of the victim's transfers count as stolen, and records the basis of each."""

    steps: Steps
    index: TransferIndex
    incidents: Incidents
    wallet: Wallet

    @activity.defn(name=Activity.FIND_THEFTS)
    async def run(self, step: FindTheftsInput) -> FindTheftsResult:
        """Record the thefts up to `upto_seq`.

        Named by an alarm; or sent since the compromise time from a device or session that was set since (`new_device`).
        Where neither names any, every outgoing transfer since the compromise time counts (`since_compromise`): the
        account could not be trusted, and a theft left out is money left to the thief. What an alarm named and cannot be a
        theft from this account is recorded beside, with the reason. People may add transfers (`people`) and withdraw any.
        What follows only from the words of reports that nobody proved is `claimed`: naming transfers would otherwise be a
        weapon against whoever was paid.
        """

        async def effect(running: Running) -> Effect[FindTheftsResult]:
            facts = await self.incidents.facts(step.incident_id)
            # As it stands: the workflow may have begun before the first alarm's time was committed, or a newer one's.
            since = (facts and facts.compromised_since) or step.compromised_since
            words = await self.incidents.theft_words(step.incident_id)
            spoken = tuple(dict.fromkeys((*words.named, *words.claimed)))
            known = await self.index.transfers(spoken)
            aside = set_aside(spoken, known, account_id=step.account_id, upto_seq=step.upto_seq)
            sent = await self.index.outgoing(step.account_id, since, step.upto_seq)
            account = await self.wallet.account(step.account_id)
            said = [
                transfer
                for transfer in await self.index.transfers(words.added)
                if transfer.src == step.account_id and transfer.seq <= step.upto_seq
            ]
            basis = bases(words, sent, account, since=since, without=aside)
            transfers = {transfer.seq: transfer for transfer in [*known, *sent, *said]}
            stolen: dict[str, list[str]] = {}
            claimed: dict[str, list[str]] = {}
            for _, transfer in sorted(transfers.items()):
                why = basis.get(transfer.transfer_id)
                if why is None or transfer.dst == step.account_id or transfer.reverses is not None:
                    continue
                counted = claimed if why == CLAIMED else stolen
                counted.setdefault(transfer.currency, []).append(transfer.transfer_id)
            result = FindTheftsResult(
                step_key=step.step_key,
                thefts={currency: tuple(ids) for currency, ids in sorted(stolen.items())},
                claimed={currency: tuple(ids) for currency, ids in sorted(claimed.items())},
                set_aside=aside,
            )
            found = TheftsFound(result.thefts, result.claimed, since, step.upto_seq, running.started_at)
            return Effect(
                result, changes=(RecordThefts(tuple(sorted(basis.items())), running.started_at), found)
            )

        return await self.steps.run(step, StepKind.THEFTS, FindTheftsResult, effect, origin=activity_origin())


def bases(
    words: TheftWords,
    sent: Sequence[PostedTransfer],
    account: AccountState,
    *,
    since: datetime,
    without: dict[str, str],
) -> dict[str, str]:
    """Transfer id -> why it counts. What people withdrew counts in no way, what they added counts in any.

    `since`: the compromise time by everybody's words; by those that count alone it may be later (`words.since`).
    """
    named = [transfer_id for transfer_id in words.named if transfer_id not in without]
    also = [transfer_id for transfer_id in words.claimed if transfer_id not in without]
    counted: dict[str, str] = {}
    if words.since is not None:
        later = max(since, words.since)
        counted = _by_rule(named, [each for each in sent if each.posted_at >= later], account, later)
    counted |= {transfer_id: ADDED_BY_PEOPLE for transfer_id in words.added if transfer_id not in counted}
    by_everybody = _by_rule([*named, *also], sent, account, since)
    claimed = dict.fromkeys(by_everybody, CLAIMED)
    # What people took back is the owner's own, whatever a rule would say of it.
    return {
        transfer_id: why
        for transfer_id, why in (claimed | counted).items()
        if transfer_id not in words.withdrawn
    }


def _by_rule(
    named: Sequence[str], sent: Sequence[PostedTransfer], account: AccountState, since: datetime
) -> dict[str, str]:
    basis = dict.fromkeys(named, NAMED)
    new = {
        entry.id
        for item in (SecurityItem.DEVICES, SecurityItem.SESSIONS)
        for entry in account.security.get(item, ())
        if entry.set_at >= since
    }
    for transfer in sent:
        sender = transfer.session_id if transfer.device_id is None else transfer.device_id
        if sender in new:
            basis.setdefault(transfer.transfer_id, NEW_DEVICE)
    return basis or {transfer.transfer_id: SINCE_COMPROMISE for transfer in sent}


def set_aside(
    named: Sequence[str], known: Sequence[PostedTransfer], *, account_id: str, upto_seq: int
) -> dict[str, str]:
    """Which of the transfers that alarms named cannot be thefts from this account, and why: told, never dropped."""
    posted = {transfer.transfer_id: transfer for transfer in known if transfer.seq <= upto_seq}
    aside = {}
    for transfer_id in named:
        transfer = posted.get(transfer_id)
        if transfer is None:
            aside[transfer_id] = f"not among postings 1 to {upto_seq}"
        elif transfer.src != account_id:
            aside[transfer_id] = f"posting {transfer.seq} left another account"
        elif transfer.dst == account_id:
            aside[transfer_id] = f"posting {transfer.seq} moved nothing: it went to the same account"
        elif transfer.reverses is not None:
            aside[transfer_id] = f"posting {transfer.seq} gave back transfer {transfer.reverses}"
    return aside
