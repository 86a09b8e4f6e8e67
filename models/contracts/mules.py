"""Mules' whole accounts that people had restricted: as the recovery lets them go, and as people see them."""

from __future__ import annotations

from models.contracts.base import Message, Moment
from models.contracts.steps import StepInput


class StandingMule(Message):
    """A restriction of ours on a mule's whole account that stands. The id is the wallet's."""

    restriction: str
    account_id: str


class LetMuleGoInput(StepInput):
    """End this restriction: the incident for which it was placed has dropped its claim."""

    account_id: str
    restriction: str


class MuleFreezeView(Message):
    """The same as people see it. `age_seconds`: since it was placed, until it ended or now; `overdue`: it stands for longer
    than the rules give it before somebody must look at it again.
    """

    restriction: str
    incident_id: str
    account_id: str
    request_id: str
    placed_at: Moment
    ended_at: Moment | None
    age_seconds: int
    overdue: bool
