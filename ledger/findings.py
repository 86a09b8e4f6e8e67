"""What an audit finds: named, so that a program can count it, with one sentence, so that a person can look there."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum


class Kind(StrEnum):
    """What differs."""

    STEP_KEY = "step_key"
    ACTIVITY_ID = "activity_id"
    INPUT_DIGEST = "input_digest"
    RESULT_DIGEST = "result_digest"
    STEP_MISSING = "step_missing"
    STEP_EXTRA = "step_extra"
    HISTORY_MISSING = "history_missing"
    HISTORY_GAP = "history_gap"
    HISTORY_OPEN = "history_open"
    HISTORY_UNREADABLE = "history_unreadable"
    HISTORY_INPUT = "history_input"
    REPLAY_FAILED = "replay_failed"
    REPLAY_ARGUMENTS = "replay_arguments"
    REPLAY_RESULT = "replay_result"


@dataclass(frozen=True)
class Finding:
    """One difference. `subject` is a step (`episode/step key`), an activity or a workflow run."""

    kind: Kind
    subject: str
    message: str
