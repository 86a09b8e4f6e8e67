"""Histories with every payload decrypted, wherever it stands in them."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from google.protobuf.descriptor import FieldDescriptor
from google.protobuf.message import Message
from temporalio.api.common.v1 import Payload
from temporalio.api.failure.v1 import Failure
from temporalio.api.history.v1 import HistoryEvent
from temporalio.client import WorkflowHistory
from temporalio.converter import PayloadCodec, WithSerializationContext, WorkflowSerializationContext


async def decrypted(history: WorkflowHistory, codec: PayloadCodec | None, namespace: str) -> WorkflowHistory:
    """The same history in plain. Errors: those of the codec (ERASED, INTERNAL when a payload was changed)."""
    events = [HistoryEvent.FromString(event.SerializeToString()) for event in history.events]
    if codec is not None:
        if isinstance(codec, WithSerializationContext):
            codec = codec.with_context(WorkflowSerializationContext(namespace, history.workflow_id))
        for event in events:
            for payload in payloads_in(event):
                (plain,) = await codec.decode([payload])
                payload.CopyFrom(plain)
    return WorkflowHistory(history.workflow_id, events)


def payloads_in(message: Message) -> Iterator[Payload]:
    """Every payload within, as it stands, so that it can be changed in place."""
    yield from _found(message, Payload)


def failures_in(message: Message) -> Iterator[Failure]:
    """Every failure within, causes included."""
    for failure in _found(message, Failure):
        yield failure
        yield from failures_in(failure)


def _found(message: Message, wanted: type[Message]) -> Iterator[Any]:
    """Messages of this type below `message`, not below each other."""
    for field, value in message.ListFields():
        for each in _messages(field, value):
            if isinstance(each, wanted):
                yield each
            else:
                yield from _found(each, wanted)


def _messages(field: FieldDescriptor, value: Any) -> Iterator[Message]:
    if field.type != FieldDescriptor.TYPE_MESSAGE or field.message_type is None:
        return
    if field.message_type.GetOptions().map_entry:
        yield from (each for each in value.values() if isinstance(each, Message))
    elif isinstance(value, Message):
        yield value
    else:
        yield from value
