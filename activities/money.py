"""Follow the money: bring the index up to date, find what was stolen, trace it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import timedelta

from temporalio import activity

from activities.boundary import tell
from activities.changes import HoldsContested, RecordThefts
from activities.money_ports import Traces, TransferIndex
from activities.origin import activity_origin
from activities.ports import Incidents
from activities.recovery_ports import Claims
from activities.steps import Effect, Running, Steps
from activities.wallet_ports import Wallet
from models.contracts.money import (
    CatchUpInput,
    CatchUpResult,
    CompareRulesInput,
    CompareRulesResult,
    FindTheftsInput,
    FindTheftsResult,
    TraceInput,
    TraceResult,
)
from models.contracts.steps import Refusal
from models.contracts.transfers import FeedState, PostedTransfer
from models.contracts.wallet import AccountState
from models.errors import ErrorCode
from models.names import ADDED_BY_PEOPLE, Activity, SecurityItem, StepKind
from tracing.rules import Rule

LOTS_AT_ONCE = 200
"""Lots that one trace hands to the workflow; the rest follows in the next round, so payloads stay small."""


@dataclass
class CatchUp:
    """Feeds the transfer index up to the wallet's head. Its result fixes what every later trace may see."""

    steps: Steps
    index: TransferIndex

    @activity.defn(name=Activity.CATCH_UP)
    async def run(self, step: CatchUpInput) -> CatchUpResult:
        """Record how far the index reaches. A gap or a conflict in the feed is recorded as a refusal: an alarm to us."""

        async def effect(running: Running) -> Effect[CatchUpResult]:
            del running
            position = await self.index.catch_up(budget=timedelta(seconds=step.budget_seconds))
            refusal = None
            if position.state is not FeedState.FOLLOWING:
                code = ErrorCode.FEED_GAP if position.state is FeedState.GAP else ErrorCode.FEED_CONFLICT
                refusal = Refusal(
                    code=code,
                    message=f"The wallet's transfers stop at posting {position.upto_seq}: {position.detail}. "
                    "Everything up to there is traced; the feed must be mended by hand.",
                )
            return Effect(CatchUpResult(step_key=step.step_key, position=position, refusal=refusal))

        return await self.steps.run(step, StepKind.CATCH_UP, CatchUpResult, effect, origin=activity_origin())


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
        """

        async def effect(running: Running) -> Effect[FindTheftsResult]:
            named_ids = await self.incidents.named_thefts(step.incident_id)
            known = await self.index.transfers(named_ids)
            aside = set_aside(named_ids, known, account_id=step.account_id, upto_seq=step.upto_seq)
            named = [transfer for transfer in known if transfer.transfer_id not in aside]
            sent = await self.index.outgoing(step.account_id, step.compromised_since, step.upto_seq)
            account = await self.wallet.account(step.account_id)
            added, withdrawn = await self.incidents.changed_thefts(step.incident_id)
            basis = {transfer.transfer_id: "named" for transfer in named}
            for transfer in sent:
                if _from_new_device(transfer, account, step):
                    basis.setdefault(transfer.transfer_id, "new_device")
            if not basis:
                basis = {transfer.transfer_id: "since_compromise" for transfer in sent}
            said = [
                transfer
                for transfer in await self.index.transfers(added)
                if transfer.src == step.account_id and transfer.seq <= step.upto_seq
            ]
            for transfer in said:
                basis.setdefault(transfer.transfer_id, ADDED_BY_PEOPLE)
            # What people took back is the owner's own, whatever a rule would say of it.
            basis = {transfer_id: why for transfer_id, why in basis.items() if transfer_id not in withdrawn}
            stolen: dict[str, list[str]] = {}
            found = {
                transfer.seq: transfer for transfer in [*named, *sent, *said] if transfer.transfer_id in basis
            }
            for _, transfer in sorted(found.items()):
                if transfer.dst != step.account_id and transfer.reverses is None:
                    stolen.setdefault(transfer.currency, []).append(transfer.transfer_id)
            return Effect(
                FindTheftsResult(
                    step_key=step.step_key,
                    thefts={currency: tuple(ids) for currency, ids in sorted(stolen.items())},
                    set_aside=aside,
                ),
                changes=(RecordThefts(tuple(sorted(basis.items())), running.started_at),),
            )

        return await self.steps.run(step, StepKind.THEFTS, FindTheftsResult, effect, origin=activity_origin())


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


def _from_new_device(transfer: PostedTransfer, account: AccountState, step: FindTheftsInput) -> bool:
    new = {
        entry.id
        for item in (SecurityItem.DEVICES, SecurityItem.SESSIONS)
        for entry in account.security.get(item, ())
        if entry.set_at >= step.compromised_since
    }
    devices_known = transfer.device_id is not None
    return transfer.device_id in new if devices_known else transfer.session_id in new


@dataclass
class Trace:
    """One trace by the policy's rule, up to a fixed posting number."""

    steps: Steps
    traces: Traces
    claims: Claims

    @activity.defn(name=Activity.TRACE)
    async def run(self, step: TraceInput) -> TraceResult:
        """Record totals and the digest; hand out the lots that nobody holds yet, largest first.

        A long one says after every chunk how far it is. Cut off and begun again, it goes on with what it had.
        """

        async def effect(running: Running) -> Effect[TraceResult]:
            summary = await self.traces.run(
                incident_id=step.incident_id,
                episode=step.episode,
                currency=step.currency,
                thefts=step.thefts,
                upto=step.position,
                rule=Rule(step.rule),
                progress=tell,
            )
            lots = await self.traces.lots(summary.trace_id)
            free = await self.claims.unclaimed(lots, incident_id=step.incident_id)
            others = await self.claims.others(lots, incident_id=step.incident_id)
            ordered = sorted(free, key=lambda lot: (-lot.amount, lot.account_id, lot.lo))
            return Effect(
                TraceResult(
                    step_key=step.step_key,
                    summary=summary,
                    unheld=tuple(ordered[:LOTS_AT_ONCE]),
                    more_unheld=max(0, len(ordered) - LOTS_AT_ONCE),
                ),
                changes=(HoldsContested(others, running.started_at),),
            )

        return await self.steps.run(step, StepKind.TRACE, TraceResult, effect, origin=activity_origin())


@dataclass
class CompareRules:
    """What the other rules make of the same thefts. Nothing is held by it: it says how far one rule's totals may be off."""

    steps: Steps
    traces: Traces

    @activity.defn(name=Activity.COMPARE_RULES)
    async def run(self, step: CompareRulesInput) -> CompareRulesResult:
        """Record the totals by every rule. A rule that would read too much has none, and says so."""

        async def effect(running: Running) -> Effect[CompareRulesResult]:
            del running
            ranges = await self.traces.compare(step.trace_id, rows_allowed=step.rows_allowed, progress=tell)
            return Effect(
                CompareRulesResult(
                    step_key=step.step_key,
                    trace_id=step.trace_id,
                    currency=step.currency,
                    ranges=tuple(ranges),
                )
            )

        return await self.steps.run(
            step, StepKind.COMPARE_RULES, CompareRulesResult, effect, origin=activity_origin()
        )
