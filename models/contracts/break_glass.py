"""A supervisor who acted alone, and what another said of it."""

from __future__ import annotations

from models.contracts.base import Message, Moment
from models.contracts.steps import StepInput


class BreakGlassInput(StepInput):
    """Act alone on this choice. The reason stands in a sealed row of its own."""

    request_id: str


class BreakGlassView(Message):
    """`verdict`: justified or not_justified; None until another supervisor has judged, which is due at `review_due_at`."""

    request_id: str
    incident_id: str
    used_by: str
    reason: str
    used_at: Moment
    review_due_at: Moment
    reviewed_by: str | None
    reviewed_at: Moment | None
    verdict: str | None
    review_reason: str | None
