"""What steps of a recall change beside their own row: see changes.Change."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from models.contracts.recalls import MessageKind, ParsedAnswer, RecalledTransfer, RecallEnding, SentMessage


@dataclass(frozen=True)
class RecallOpened:
    """A recall is committed, before anything is sent."""

    recall_id: str
    transfer: RecalledTransfer
    institution: str | None
    at: datetime


@dataclass(frozen=True)
class RecallSaid:
    """A message was handed over. The first one moves the recall from `opened` to `sent`."""

    recall_id: str
    message_id: str
    kind: MessageKind
    sent: SentMessage
    at: datetime


@dataclass(frozen=True)
class RecallAnswered:
    """An answer is taken up: what is promised in all from now on, which is no money yet."""

    recall_id: str
    answer_id: str
    answer: ParsedAnswer
    at: datetime


@dataclass(frozen=True)
class RecallReceived:
    """This much of what was asked has come in all; it only grows."""

    recall_id: str
    received: int


@dataclass(frozen=True)
class RecallEnded:
    """The recall is closed."""

    recall_id: str
    ending: RecallEnding
    at: datetime
