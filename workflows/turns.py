"""What can turn the story of an incident: raised where it is noticed, caught where the story begins again."""

from __future__ import annotations

from models.names import DecisionKind, Outcome

ENDED_BY_TWO = (
    (Outcome.RELEASED, DecisionKind.UNPROVEN_OWNER),
    (Outcome.IMPOSTOR, DecisionKind.END_AS_IMPOSTOR),
    (Outcome.NOT_FROZEN, DecisionKind.NOT_FROZEN),
)
"""Endings without stages that two people may decide on, whether the owner is proven or not."""

ABOUT_CLAIMANTS = (
    ("accept", DecisionKind.ACCEPT_IDENTITY),
    ("protect", DecisionKind.IMPOSTOR),
    ("withdraw", DecisionKind.WITHDRAW_CLAIM),
)
"""Decisions about one claimant: accepted evidence counts from then on; an impostor's, and a mistake's, counts no more."""


class Turn(Exception):
    """The story goes on elsewhere than in the next line."""


class Relapsed(Turn):
    """An alarm came while protection was being lifted: the next episode has begun."""


class Voided(Turn):
    """What was proven or reset does not hold any more: prove and reset again in this episode."""


class Ended(Turn):
    """The freeze ends without the stages, by a clock or by a decision that stands."""

    def __init__(self, outcome: Outcome, request_id: str | None = None) -> None:
        super().__init__(outcome)
        self.outcome = outcome
        self.request_id = request_id


class HistoryFull(Turn):
    """Temporal suggests a new run: the story is told again from its recorded steps, with counters carried over."""
