"""Break-glass: a supervisor acts alone where no second person can be reached. It is loud, and it is judged afterwards."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Protocol

import structlog

from activities.ending_changes import UseBreakGlass
from activities.ports import Clock, Incidents, Policies
from activities.steps import Effect, Running, Steps
from models.contracts.alarms import Sender
from models.contracts.break_glass import BreakGlassInput, BreakGlassView
from models.contracts.steps import Origin, StepResult
from models.errors import ErrorCode, StanchError
from models.ids import new_id
from models.names import Actor, Role, StepKind

log = structlog.get_logger(__name__)


class BreakGlassRecord(Protocol):
    """Who acted alone, and how it was judged."""

    async def incident_of(self, request_id: str) -> str | None:
        """The incident of a choice; None when there is no such choice."""
        ...

    async def listed(self, *, reviewed: bool | None) -> Sequence[BreakGlassView]:
        """Newest first, two hundred at most."""
        ...

    async def review(
        self, request_id: str, verdict: str, reason: str, by: Sender, at: datetime
    ) -> BreakGlassView:
        """Another supervisor's judgement, once. Errors: NOT_FOUND, ALREADY_DECIDED, FOUR_EYES (the same person)."""
        ...


@dataclass
class BreakTheGlass:
    """Only choices that the policy names, never one that lifts protection or moves money; each use is a step of its own kind."""

    record: BreakGlassRecord
    incidents: Incidents
    steps: Steps
    policies: Policies
    clock: Clock

    async def use(self, request_id: str, reason: str, *, by: Sender) -> BreakGlassView:
        """Act alone on a choice, one's own or another's.

        Records a break_glass step. Errors: FORBIDDEN (not a supervisor); NOT_FOUND, ALREADY_DECIDED, REFUSED_BY_RULE (expired,
        or a choice that the policy does not name): nothing was changed then.
        """
        if by.role is not Role.SUPERVISOR:
            raise StanchError(ErrorCode.FORBIDDEN, "Only a supervisor may act alone. Nothing was changed.")
        incident_id = await self.record.incident_of(request_id)
        facts = None if incident_id is None else await self.incidents.facts(incident_id)
        if facts is None:
            raise StanchError(ErrorCode.NOT_FOUND, "There is no such choice. Nothing was changed.")
        rules = self.policies.current().approval
        choices = frozenset((each.kind, each.choice) for each in rules.break_glass)
        step = BreakGlassInput(
            incident_id=facts.incident_id,
            episode=facts.episode,
            step_key=f"break-glass/{request_id}",
            request_id=request_id,
        )

        async def effect(running: Running) -> Effect[StepResult]:
            at = running.started_at
            due = at + timedelta(seconds=rules.review_seconds)
            return Effect(
                StepResult(step_key=step.step_key),
                changes=(UseBreakGlass(request_id, choices, by, reason, at, due),),
                reason="one supervisor alone",
            )

        await self.steps.run(
            step,
            StepKind.BREAK_GLASS,
            StepResult,
            effect,
            origin=Origin(gateway_attempt=new_id()),
            actor=Actor.SUPERVISOR,
            role=by.name,
        )
        log.error("break_glass", incident_id=facts.incident_id, request_id=request_id, by=by.operator_id)
        return next(each for each in await self.record.listed(reviewed=None) if each.request_id == request_id)

    async def review(self, request_id: str, verdict: str, reason: str, *, by: Sender) -> BreakGlassView:
        """Judge what another supervisor did alone. Errors: those of BreakGlassRecord.review; FORBIDDEN."""
        if by.role is not Role.SUPERVISOR:
            raise StanchError(ErrorCode.FORBIDDEN, "Only a supervisor may judge this. Nothing was changed.")
        return await self.record.review(request_id, verdict, reason, by, self.clock.now())

    async def listed(self, *, reviewed: bool | None = None) -> Sequence[BreakGlassView]:
        """Who acted alone."""
        return await self.record.listed(reviewed=reviewed)

    async def overdue(self) -> Sequence[BreakGlassView]:
        """What nobody has judged in time: said in the log at every sweep until somebody does."""
        now = self.clock.now()
        return [each for each in await self.record.listed(reviewed=False) if each.review_due_at <= now]
