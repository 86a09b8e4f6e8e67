"""The first acts of an incident's workflow: know the incident, take up its alarms."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta

from temporalio import activity

from activities.changes import AcknowledgeAlarm, Change, MoveIncident, RecordThefts, SetCompromisedSince
from activities.freeze import FINAL_CODES, freeze_step_key
from activities.origin import activity_origin
from activities.plausible import plausible
from activities.ports import AlarmStore, Clock, Incidents, Policies
from activities.steps import SYSTEM, Effect, Running, Steps
from activities.wallet_ports import Wallet
from models.contracts.alarms import Alarm, Sender
from models.contracts.incidents import (
    FreezeInput,
    IncidentFacts,
    LoadInput,
    Registered,
    RegisterInput,
    TakeUpAlarmInput,
    TakeUpAlarmResult,
)
from models.contracts.policy import Policy
from models.contracts.wallet import AccountState, ContactPoint, SecurityEntry
from models.errors import ErrorCode, StanchError
from models.ids import incident_workflow_id
from models.lifecycle import LIFTED, Event
from models.names import NAMED, REPORTED, Actor, AlarmKind, Role, SecurityItem, StepKind
from models.registered import Activity

TEMPORAL_SENDER = Sender(operator_id="0" * 26, name="temporal", role=Role.TRIGGER)
"""Whoever starts the workflow straight at Temporal: only gateway and worker reach it in production (DESIGN 7)."""

LOGINS = frozenset({SecurityItem.SESSIONS, SecurityItem.REFRESH_TOKENS})
"""Items that every login makes anew: their times say nothing of a change of security settings."""


@dataclass
class RegisterIncident:
    """Finds the incident the hand-over speaks of, or registers one that was started straight at Temporal."""

    incidents: Incidents
    alarms: AlarmStore
    steps: Steps
    policies: Policies
    clock: Clock

    @activity.defn(name=Activity.REGISTER_INCIDENT)
    async def run(self, request: RegisterInput) -> Registered:
        """The facts and the rules in force; or `joined`, when another incident is open for the account.

        A straight start commits the alarm exactly as intake does, so a joined alarm lies with the open incident and
        wakes it. Errors: INVALID when the workflow's id is another incident's: no hand-over would ever find it, or when the
        alarm states times that cannot be; NOT_FOUND for an unknown incident without an alarm; ALARM_CONFLICT.
        """
        origin = activity_origin()
        if origin.workflow_id != incident_workflow_id(request.opening.incident_id):
            raise StanchError(
                ErrorCode.INVALID,
                "This workflow's id names another incident than its input. Nothing was done; start it under the id "
                f"{incident_workflow_id(request.opening.incident_id)}.",
            )
        policy = self.policies.current()
        facts = await self.incidents.facts(request.opening.incident_id)
        if facts is not None or request.opening.alarm is None:
            if facts is None:
                raise StanchError(
                    ErrorCode.NOT_FOUND,
                    "There is no incident with this id. Nothing was done; raise an alarm to open one.",
                )
            return Registered(facts=facts, policy=policy)
        alarm = request.opening.alarm
        plausible(alarm, self.clock.now())
        placeholder = FreezeInput(
            incident_id=request.opening.incident_id,
            episode=1,
            step_key=freeze_step_key(alarm.scope),
            account_id=alarm.account_id,
            scope=alarm.scope,
        )
        attempt = self.steps.attempt(
            placeholder,
            StepKind.FREEZE,
            origin=origin,
            actor=Actor.TRIGGER,
            role=SYSTEM,
            requested_at=self.clock.now(),
        )
        accepted = await self.alarms.accept(
            alarm,
            sender=TEMPORAL_SENDER,
            attempt=attempt,
            incident_id=request.opening.incident_id,
            policy=policy,
        )
        if accepted.incident_id != request.opening.incident_id:
            return Registered(facts=None, policy=policy, joined=accepted.incident_id)
        return Registered(facts=await self.incidents.facts(accepted.incident_id), policy=policy)


@dataclass
class LoadIncident:
    """Reads the incident row again: a look, not a step."""

    incidents: Incidents

    @activity.defn(name=Activity.LOAD_INCIDENT)
    async def run(self, request: LoadInput) -> IncidentFacts:
        """The facts as they stand. Errors: NOT_FOUND."""
        facts = await self.incidents.facts(request.incident_id)
        if facts is None:
            raise StanchError(
                ErrorCode.NOT_FOUND, "There is no incident with this id. Nothing was done; check the id."
            )
        return facts


@dataclass
class TakeUpAlarm:
    """Commits the effect of one alarm: the compromise time and the thefts it names, and its acknowledgement."""

    steps: Steps
    incidents: Incidents
    wallet: Wallet
    policies: Policies

    @activity.defn(name=Activity.TAKE_UP_ALARM)
    async def run(self, step: TakeUpAlarmInput) -> TakeUpAlarmResult:
        """Record the alarm's effect.

        The compromise time moves earlier by itself and never later here (later needs four eyes): an unproven claimant
        could otherwise bind a number at 10:05 and report "since 10:50". A trigger's stated time and the earliest
        security change since the policy's window are compared; the earlier wins, less a margin where it is inferred.
        """

        async def effect(running: Running) -> Effect[TakeUpAlarmResult]:
            alarm = await self.incidents.alarm(step.alarm_id)
            facts = await self.incidents.facts(step.incident_id)
            if facts is None:
                raise StanchError(ErrorCode.NOT_FOUND, "The alarm's incident is unknown. Nothing was done.")
            policy = self.policies.current()
            candidate = compromise_time(alarm, await self._account(step.account_id), policy)
            known = facts.compromised_since
            moved = known is not None and candidate < known
            if facts.status in LIFTED:
                # It began no episode, so it was held back: unproven words of a third party undo no proof by themselves.
                moved = False
            since = candidate if known is None or moved else known
            changes: list[Change] = [AcknowledgeAlarm(step.alarm_id, running.started_at, candidate)]
            if since != known:
                changes.append(SetCompromisedSince(since, voids=moved))
            if moved:
                # Whatever the status was when it was read: a proof that is committed meanwhile falls in this commit, too.
                changes.append(MoveIncident(Event.PROOF_VOIDED))
            if alarm.stolen_transfers:
                basis = NAMED if alarm.kind is AlarmKind.TRIGGER else REPORTED
                named = tuple((transfer, basis) for transfer in alarm.stolen_transfers)
                changes.append(RecordThefts(named, running.started_at))
            result = TakeUpAlarmResult(
                step_key=step.step_key,
                compromised_since=since,
                moved_earlier=moved,
                named_transfers=len(alarm.stolen_transfers),
            )
            return Effect(result, changes=tuple(changes))

        return await self.steps.run(step, StepKind.ALARM, TakeUpAlarmResult, effect, origin=activity_origin())

    async def _account(self, account_id: str) -> AccountState | None:
        """None where the wallet says no for good: the alarm is taken up all the same, or no decision would get through."""
        try:
            return await self.wallet.account(account_id)
        except StanchError as error:
            if error.code not in FINAL_CODES:
                raise
            return None


def compromise_time(alarm: Alarm, account: AccountState | None, policy: Policy) -> datetime:
    """Since when the account cannot be trusted, from one alarm and the wallet's own times (DESIGN 6).

    Without a stated time: the earliest security change in the policy's window before the alarm, less the margin. With
    one: the stated time, but never later than the alarm itself, nor than that earliest change when only a person's
    unproven report states it. A change within the margin before a machine's stated time counts as the thief's, too: clocks
    differ, and a detector's may be ahead of the wallet's.
    """
    begin = alarm.occurred_at - timedelta(seconds=policy.compromise_window_seconds)
    changes = [at for at in _changes(account) if begin <= at <= alarm.occurred_at]
    margin = timedelta(seconds=policy.compromise_margin_seconds)
    inferred = min(changes, default=alarm.occurred_at) - margin
    if alarm.compromised_since is None:
        return inferred
    if alarm.kind is AlarmKind.REPORT:
        return min(alarm.compromised_since, inferred)
    stated = min(alarm.compromised_since, alarm.occurred_at)
    return min([stated, *(at for at in changes if at >= stated - margin)])


def _changes(account: AccountState | None) -> list[datetime]:
    """When what says something of the security settings was set, by the wallet's clock."""
    if account is None:
        return []
    entries = [entry for item, of_it in account.security.items() if item not in LOGINS for entry in of_it]
    things: list[SecurityEntry | ContactPoint] = [
        *entries,
        *account.contact_points,
        *account.trusted_contacts,
    ]
    # A time that was turned back is betrayed by the wallet's audit of the record.
    return [at for each in things for at in (each.set_at, each.changed_at) if at is not None]
