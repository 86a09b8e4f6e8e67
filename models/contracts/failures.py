"""What a detached workflow carries of a failure that people were asked about."""

from __future__ import annotations

from models.contracts.base import Message


class OpenFailure(Message):
    """A part that failed for good, and the question that people were asked about it. `failures`: in a row."""

    task_id: str
    step_key: str
    failures: int


class TryAgain(Message):
    """That somebody answered such a question: it is to be tried again."""

    request_id: str
    task_id: str
