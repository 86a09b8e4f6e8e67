"""Reopen a closed incident: a new one that goes on with it, frozen at once by the same road as any alarm."""

from __future__ import annotations

from dataclasses import dataclass

from activities.ports import Incidents
from models.contracts.alarms import Alarm, Sender
from models.contracts.incidents import IncidentFacts
from models.errors import ErrorCode, StanchError
from models.names import AlarmKind, Outcome
from use_cases.ports import Overview
from use_cases.raise_alarm import RaiseAlarm, RaisedAlarm, Receipt

SOURCE = "reopening"


@dataclass
class Reopen:
    """A person's report that knows what the closed incident knew: the compromise time, and every theft with its basis.

    Its traces and holds stay with it; the new incident follows the same thefts and finds what is held already.
    """

    raise_alarm: RaiseAlarm
    incidents: Incidents
    overview: Overview

    async def run(self, incident_id: str, reason: str, *, by: Sender, receipt: Receipt) -> RaisedAlarm:
        """Freeze the account again. Repeating with the same reason is safe and gives the same answer.

        Records what an alarm records; `reason` is its detail, sealed. Errors: NOT_FOUND; REFUSED_BY_RULE (still open,
        account closed for its owner, goes on elsewhere already, another incident of the account is open); those of
        RaiseAlarm.run.
        """
        facts = await self.incidents.facts(incident_id)
        if facts is None:
            raise StanchError(ErrorCode.NOT_FOUND, "There is no incident with this id. Nothing was changed.")
        if facts.closed_at is None:
            raise _refused("This incident is open: raise an alarm for its account instead.")
        if facts.outcome is Outcome.ACCOUNT_CLOSED:
            raise _refused(
                "The account of this incident was closed for its owner; there is nothing to freeze."
            )
        await self._refuse_beside(facts)
        alarm = Alarm(
            source=SOURCE,
            id=incident_id,
            account_id=facts.account_id,
            occurred_at=facts.closed_at,
            compromised_since=facts.compromised_since,
            kind=AlarmKind.REPORT,
            detail=reason,
        )
        return await self.raise_alarm.accept(alarm, sender=by, receipt=receipt, reopens=incident_id)

    async def _refuse_beside(self, facts: IncidentFacts) -> None:
        later = None if facts.reopened_as is None else await self.incidents.facts(facts.reopened_as)
        if later is not None and later.closed_at is not None:
            raise _refused(
                f"This incident went on as {later.incident_id}, which is closed, too: reopen that one."
            )
        newest = await self.overview.incidents(status=None, account_id=facts.account_id, limit=1, after=None)
        for each in newest.incidents:
            if each.closed_at is None and each.incident_id != facts.reopened_as:
                raise _refused(
                    f"Incident {each.incident_id} of this account is open: raise an alarm, it joins that one."
                )


def _refused(what: str) -> StanchError:
    return StanchError(ErrorCode.REFUSED_BY_RULE, f"{what} Nothing was changed.")
