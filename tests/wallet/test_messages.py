"""Messages through the sandbox's message gateway."""

from __future__ import annotations

import pytest

from adapters.messages.gateway import HttpMessages
from models.errors import ErrorCode, StanchError
from models.ids import new_id
from tests.running_sandbox import RunningSandbox

PHONE = "+8613800990099"


async def test_a_message_is_delivered_once(sandbox: RunningSandbox) -> None:
    messages = HttpMessages(sandbox.url, sandbox.message_key)
    message_id = f"{new_id()}-1"
    try:
        sandbox.fault("POST /gateway/messages", "lost_answer")
        with pytest.raises(StanchError) as lost:
            await messages.send(message_id, "sms", PHONE, "subject", "Stanch code 12345678")
        assert lost.value.code is ErrorCode.WALLET_UNREACHABLE
        assert PHONE not in lost.value.message
        await messages.send(message_id, "sms", PHONE, "subject", "Stanch code 12345678")
        await messages.send(message_id, "sms", PHONE, "subject", "Stanch code 12345678")
    finally:
        await messages.close()
    assert [each["body"] for each in sandbox.outbox(PHONE)] == ["Stanch code 12345678"]


async def test_what_can_never_be_sent_is_refused(sandbox: RunningSandbox) -> None:
    messages = HttpMessages(sandbox.url, sandbox.message_key)
    try:
        with pytest.raises(StanchError) as refused:
            await messages.send(new_id(), "sms", "x", "subject", "text")
    finally:
        await messages.close()
    assert refused.value.code is ErrorCode.WALLET_REFUSED


async def test_a_wrong_key_gives_no_message_up() -> None:
    messages = HttpMessages("http://127.0.0.1:1", "key")
    try:
        with pytest.raises(StanchError) as failed:
            await messages.send(new_id(), "sms", PHONE, "subject", "text")
    finally:
        await messages.close()
    assert failed.value.code is ErrorCode.WALLET_UNREACHABLE
