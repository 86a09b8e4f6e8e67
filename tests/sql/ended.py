"""Incidents whose protection is lifted, or that are over."""

from __future__ import annotations

from activities.changes import CloseDecisionTasks, CloseIncident
from activities.closing import SETTLED
from activities.ending_changes import EndRecoveryQuestions
from models.contracts.alarms import AcceptedAlarm
from models.lifecycle import Event
from models.names import Outcome, StepKind
from tests.sql.house import House, now


async def lifted(house: House, accepted: AcceptedAlarm, event: Event = Event.RELEASE_INTENDED) -> None:
    await house.do(accepted.incident_id, accepted.episode, "release", StepKind.RELEASE, lifting=event)


async def closed(house: House, accepted: AcceptedAlarm, outcome: Outcome = Outcome.RELEASED) -> None:
    ending = (
        CloseDecisionTasks(SETTLED, now()),
        CloseIncident(outcome, now(), {}),
        EndRecoveryQuestions(now()),
    )
    await house.do(accepted.incident_id, accepted.episode, "close", StepKind.CLOSE, ending)


async def released(house: House, account: str) -> AcceptedAlarm:
    """An unproven report's freeze that lapsed."""
    accepted = await house.frozen(house.report(account))
    await lifted(house, accepted)
    await closed(house, accepted)
    return accepted
