"""Applies what a finished step changes, in the step's own transaction."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Sequence
from dataclasses import replace
from typing import Any

from sqlalchemy import func, insert, or_, select, text, true, update
from sqlalchemy.dialects.postgresql import insert as upsert
from sqlalchemy.ext.asyncio import AsyncConnection

from activities import changes as say
from activities import recall_changes as say_recall
from activities.ending_changes import (
    AskRating,
    EndRecoveryQuestions,
    RecordClosure,
    RecordDestination,
    UseBreakGlass,
)
from activities.freeze import freeze_step_key
from activities.identity_changes import AlertAgainst, KeepFreeze, WithdrawClaim
from adapters.secrets.keys import Sealer
from adapters.sql import break_glass, dropped_claims, ratings, recall_changes
from adapters.sql.against import alert_against
from adapters.sql.closures import account_closed, closed_as, destination_entered
from adapters.sql.credentials import move_credential
from adapters.sql.identity_claims import end_claim_of_impostor, record_evidence, void_evidence
from adapters.sql.identity_limits import RENEWED
from adapters.sql.lifting import limits_left, locked_incident, locked_row, refuse_while_alarmed
from adapters.sql.notices import note_reached, note_sent, promise
from adapters.sql.payment_changes import PAYMENTS
from adapters.sql.proofs import keep_freeze, record_proof
from adapters.sql.recording import FREEZE_DONE
from adapters.sql.recovery_changes import RECOVERY, moot_questions
from adapters.sql.staff_alerts import raise_alert, raise_question
from adapters.sql.withdrawals import withdraw
from models.contracts.steps import FinishedStep
from models.digests import digest
from models.errors import ErrorCode, StanchError
from models.lifecycle import Event, Status, move
from models.names import Scope, SecurityItem, StaffAlertKind
from models.tables.holds import HoldClaim
from models.tables.incidents import Alarm, Incident, Theft
from models.tables.people import DecisionTask, IdentityChallenge, Proof, ResetReceipt
from models.tables.steps import NoticeOutbox

WORKFLOWS_FREEZE_TIME = text(
    """
INSERT INTO freeze_time (step_id, wallet_ack_ms, committed_ms)
SELECT :step_id, greatest(0, 1000 * extract(epoch FROM CAST(:completed_at AS timestamptz) - received_at)),
       greatest(0, 1000 * extract(epoch FROM greatest(clock_timestamp(), :completed_at) - received_at))
FROM (SELECT min(received_at) AS received_at FROM alarm
      WHERE incident_id = :incident_id AND episode = :episode AND NOT held_back) AS first_alarm
WHERE received_at IS NOT NULL
"""
)
"""The gateway measures its own freezes after the commit; a workflow's is timed here, from the receipt of the first alarm."""


DECIDES = (
    say.CloseIncident,
    say.EndClaimOfImpostor,
    say.FrozenNow,
    KeepFreeze,
    WithdrawClaim,
    say.MoveIncident,
    say.RecordEvidence,
    say.RecordProof,
    RecordClosure,
    say.RenewFreeze,
    say.SetCompromisedSince,
)
"""Changes that read or write the incident's row."""


async def apply(
    changes: Sequence[say.Change], connection: AsyncConnection, step: FinishedStep, sealer: Sealer
) -> None:
    """All changes of one step, in their order. Errors: ILLEGAL_MOVE, ALARM_WAITING; the whole step is rolled back then.

    Whatever their order, the incident's row is locked first, then alarms, questions, hand-overs, as intake does: an alarm
    that comes in while its incident is being closed must wait for that, not end in a deadlock with it.
    """
    if any(isinstance(change, DECIDES) for change in changes):
        await locked_row(connection, step.attempt.incident_id)
    for change in changes:
        if isinstance(change, say.QueueNotice):
            await connection.execute(insert(NoticeOutbox).values(await promise(change, step, sealer)))
        elif isinstance(change, say_recall.RecallSaid):
            await recall_changes.said(change, connection, step, sealer)
        elif isinstance(change, UseBreakGlass):
            await break_glass.used(change, connection, step, sealer)
        elif isinstance(change, RecordDestination):
            await destination_entered(change, connection, step, sealer)
        else:
            await APPLY[type(change)](change, connection, step)


async def _frozen_now(change: say.FrozenNow, connection: AsyncConnection, step: FinishedStep) -> None:
    attempt = step.attempt
    which = {"incident_id": attempt.incident_id, "episode": attempt.episode}
    await connection.execute(FREEZE_DONE, which | {"frozen_at": change.at})
    if attempt.origin.gateway_attempt is None:
        times = which | {"step_id": step.step_id, "completed_at": step.completed_at}
        await connection.execute(WORKFLOWS_FREEZE_TIME, times)


async def _move(change: say.MoveIncident, connection: AsyncConnection, step: FinishedStep) -> None:
    incident_id = step.attempt.incident_id
    status = await locked_incident(connection, incident_id, step.attempt.episode)
    await connection.execute(
        update(Incident).where(Incident.id == incident_id).values(status=move(status, change.event).value)
    )


async def _close(change: say.CloseIncident, connection: AsyncConnection, step: FinishedStep) -> None:
    if change.forced:
        await _close_unfrozen(change, connection, step)
        return
    incident_id = step.attempt.incident_id
    status = await locked_incident(connection, incident_id, step.attempt.episode)
    await refuse_while_alarmed(connection, incident_id)
    if status is not Status.CLOSED:
        await _end(change, connection, incident_id, move(status, Event.CLOSE))


async def _close_unfrozen(change: say.CloseIncident, connection: AsyncConnection, step: FinishedStep) -> None:
    """A refused freeze ends the incident only where it is the whole answer.

    Not when something is frozen, when a later alarm has begun an episode, or when a wider freeze has been asked for
    meanwhile; nor when limits of an earlier episode are all that protects the account, for then people decide. The refusal
    is recorded as evidence then and nothing else.
    """
    incident_id = step.attempt.incident_id
    row = await locked_row(connection, incident_id)
    asked_for = (row.episode, freeze_step_key(Scope(row.scope)))
    if Status(row.status) is not Status.OPENED or (step.attempt.episode, step.attempt.step_key) != asked_for:
        return
    if await connection.scalar(select(limits_left()).where(Incident.id == incident_id)):
        return
    await connection.execute(
        update(Alarm)
        .where(Alarm.incident_id == incident_id, Alarm.acknowledged_at.is_(None))
        .values(acknowledged_at=change.at)
    )
    outcome = await closed_as(connection, incident_id, change.outcome)
    ending = replace(change, outcome=outcome)
    await _end(ending, connection, incident_id, move(Status.OPENED, Event.FREEZE_REFUSED))
    subject = f"{incident_id}/{step.attempt.episode}"
    await raise_alert(connection, StaffAlertKind.NOT_FROZEN, subject, incident_id=incident_id, at=change.at)


async def _end(
    change: say.CloseIncident, connection: AsyncConnection, incident_id: str, status: Status
) -> None:
    await connection.execute(
        update(Incident)
        .where(Incident.id == incident_id)
        .values(
            status=status.value,
            closed_at=change.at,
            outcome=change.outcome.value,
            summary=change.summary,
        )
    )


async def _acknowledge(change: say.AcknowledgeAlarm, connection: AsyncConnection, step: FinishedStep) -> None:
    del step
    await connection.execute(
        update(Alarm)
        .where(Alarm.id == change.alarm_id, Alarm.acknowledged_at.is_(None))
        .values(acknowledged_at=change.at, dated_since=change.dated_since)
    )


async def _compromised(
    change: say.SetCompromisedSince, connection: AsyncConnection, step: FinishedStep
) -> None:
    attempt = step.attempt
    values: dict[str, Any] = {"compromised_since": change.at}
    if change.by_people:
        values |= {"dated_since": change.at, "dated_at": step.completed_at}
    await connection.execute(update(Incident).where(Incident.id == attempt.incident_id).values(**values))
    if change.voids:
        await connection.execute(
            update(Proof)
            .where(
                Proof.incident_id == attempt.incident_id,
                Proof.newest_contact_set_at >= change.at,
                Proof.voided_at.is_(None),
            )
            .values(voided_at=step.completed_at)
        )
        await connection.execute(
            update(IdentityChallenge)
            .where(
                IdentityChallenge.incident_id == attempt.incident_id,
                IdentityChallenge.contact_set_at >= change.at,
                IdentityChallenge.voided_at.is_(None),
            )
            .values(voided_at=step.completed_at)
        )
        await void_evidence(connection, attempt.incident_id, change.at, step.completed_at)


async def _thefts(change: say.RecordThefts, connection: AsyncConnection, step: FinishedStep) -> None:
    if change.thefts:
        rows = [
            {
                "incident_id": step.attempt.incident_id,
                "transfer_id": transfer,
                "basis": basis,
                "found_at": change.at,
                "added_by": change.added_by,
            }
            for transfer, basis in change.thefts
        ]
        added = upsert(Theft)
        await connection.execute(
            added.on_conflict_do_update(
                index_elements=["incident_id", "transfer_id"],
                set_={
                    "withdrawn_at": None,
                    "withdrawn_by": None,
                    "added_by": func.coalesce(added.excluded.added_by, Theft.added_by),
                },
                # What a rule lost sight of it may find again; what people took back only people count again.
                where=or_(added.excluded.added_by.is_not(None), Theft.withdrawn_by.is_(None)),
            ),
            rows,
        )


async def _reset(change: say.RecordReset, connection: AsyncConnection, step: FinishedStep) -> None:
    await connection.execute(
        insert(ResetReceipt).values(
            step_id=step.step_id,
            incident_id=step.attempt.incident_id,
            episode=step.attempt.episode,
            item=change.item.value,
            receipt_id=change.receipt_id,
            set_since=change.set_since,
            reset_at=change.at,
        )
    )
    if change.item is SecurityItem.FACTORS:
        await connection.execute(RENEWED, {"incident_id": step.attempt.incident_id})


async def _open_task(change: say.OpenDecisionTask, connection: AsyncConnection, step: FinishedStep) -> None:
    action = say.whole_action(change.kind, step.attempt.incident_id, change.action)
    await connection.execute(
        insert(DecisionTask).values(
            id=change.task_id,
            incident_id=step.attempt.incident_id,
            episode=step.attempt.episode,
            task_key=change.task_key,
            kind=change.kind.value,
            action=action,
            action_digest=digest(action),
            choices=list(change.choices),
            four_eyes=change.four_eyes,
            approver_role=change.approver_role,
            created_at=change.at,
            expires_at=change.expires_at,
            requester_role=change.requester_role,
        )
    )
    await raise_question(connection, change.kind, change.task_id, step.attempt.incident_id, change.at)


async def _close_tasks(
    change: say.CloseDecisionTasks, connection: AsyncConnection, step: FinishedStep
) -> None:
    await connection.execute(
        update(DecisionTask)
        .where(
            DecisionTask.incident_id == step.attempt.incident_id,
            DecisionTask.episode == step.attempt.episode,
            DecisionTask.kind.in_([kind.value for kind in change.kinds]),
            DecisionTask.closed_at.is_(None),
            true() if change.part is None else DecisionTask.action["part"].astext == change.part,
        )
        .values(closed_at=change.at)
    )


async def _renew(change: say.RenewFreeze, connection: AsyncConnection, step: FinishedStep) -> None:
    del change
    await connection.execute(
        update(Incident).where(Incident.id == step.attempt.incident_id).values(renewals=Incident.renewals + 1)
    )


async def _placed(change: say.HoldPlaced, connection: AsyncConnection, step: FinishedStep) -> None:
    del step
    placed = await connection.execute(
        update(HoldClaim)
        .where(HoldClaim.id == change.hold_id, HoldClaim.state != "ended")
        .values(
            state="placed",
            lo=change.lo,
            hi=change.hi,
            effective_seq=change.effective_seq,
            placed_at=change.at,
        )
    )
    if placed.rowcount != 1:
        # Ended meanwhile, as unchecked: the next attempt finds the claim ended and lets go of the hold at the wallet.
        raise StanchError(
            ErrorCode.INTERNAL,
            "The claim of this hold ended before its check was recorded. Nothing was recorded; the hold is let go.",
        )


async def _ended(change: say.HoldEnded, connection: AsyncConnection, step: FinishedStep) -> None:
    del step
    await connection.execute(
        update(HoldClaim)
        .where(HoldClaim.id == change.hold_id, HoldClaim.state != "ended")
        .values(state="ended", ended_at=change.at, ended_reason=change.reason[:32])
    )
    await moot_questions(connection, change.hold_id, change.at)


APPLY: dict[type, Callable[[Any, AsyncConnection, FinishedStep], Awaitable[None]]] = {
    say.FrozenNow: _frozen_now,
    say.MoveIncident: _move,
    say.CloseIncident: _close,
    say.AcknowledgeAlarm: _acknowledge,
    say.SetCompromisedSince: _compromised,
    say.RecordThefts: _thefts,
    say.RecordProof: record_proof,
    KeepFreeze: keep_freeze,
    WithdrawClaim: withdraw,
    AlertAgainst: alert_against,
    say.RecordEvidence: record_evidence,
    say.EndClaimOfImpostor: end_claim_of_impostor,
    say.RecordReset: _reset,
    say.OpenDecisionTask: _open_task,
    say.CloseDecisionTasks: _close_tasks,
    say.RenewFreeze: _renew,
    say.HoldPlaced: _placed,
    say.HoldEnded: _ended,
    **RECOVERY,
    say_recall.RecallOpened: recall_changes.opened,
    say_recall.RecallAnswered: recall_changes.answered,
    say_recall.RecallReceived: recall_changes.received,
    say_recall.RecallEnded: recall_changes.ended,
    say.NoticeSent: note_sent,
    say.NoticeReached: note_reached,
    say.MoveCredential: move_credential,
    **PAYMENTS,
    RecordClosure: account_closed,
    AskRating: ratings.asked,
    EndRecoveryQuestions: dropped_claims.questions_ended,
}
