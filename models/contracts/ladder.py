"""Watching a returned account for new security changes, and beginning its ladder again."""

from __future__ import annotations

from models.contracts.base import Message, Moment
from models.contracts.policy import Policy
from models.contracts.steps import StepInput, StepResult


class ChangedSetting(Message):
    """One setting that was set since, by the wallet's id; its value is personal data and stands nowhere here."""

    item: str
    id: str
    set_at: Moment


class WatchAccountInput(Message):
    """Look whether anything was changed after `since` (the wallet's clock)."""

    account_id: str
    since: Moment


class WatchAccountResult(Message):
    """What was changed, oldest first."""

    changed: tuple[ChangedSetting, ...]


class RestartLadderInput(StepInput):
    """Place the limits of the first stage again."""

    account_id: str
    since: Moment
    policy: Policy


class RestartLadderResult(StepResult):
    """The first stage anew. `read_at`: up to when changes are known; whatever is set later begins it once more."""

    stage: str
    changed: tuple[ChangedSetting, ...]
    read_at: Moment
    entered_at: Moment
    ends_at: Moment
    whole_at: Moment
    """When the last stage ends, if nothing is changed again."""
