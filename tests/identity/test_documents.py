"""The provider's signed word: the vector of Standard Webhooks, and every lie about a signature."""

from __future__ import annotations

import base64
import hashlib
import hmac
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from adapters.identity.documents import HttpDocuments, _signature
from adapters.policies import read_identity_rules
from models.errors import ErrorCode, StanchError

pytestmark = pytest.mark.fast

RULES = read_identity_rules(Path(__file__).resolve().parents[2] / "policies" / "identity.toml").document
SECRET = "a secret of the provider's"
AT = datetime(2026, 3, 1, tzinfo=UTC)
BODY = b'{"reference": "abc", "verdict": "passed"}'


def documents() -> HttpDocuments:
    return HttpDocuments("http://127.0.0.1:1", "key", SECRET, "http://127.0.0.1:1/back", RULES)


def signed(
    body: bytes = BODY, *, secret: str = SECRET, at: datetime = AT, message_id: str = "msg_1"
) -> dict[str, str]:
    stamp = str(int(at.timestamp()))
    mac = hmac.new(secret.encode(), f"{message_id}.{stamp}.".encode() + body, hashlib.sha256).digest()
    return {
        "webhook-id": message_id,
        "webhook-timestamp": stamp,
        "webhook-signature": f"v1,{base64.b64encode(mac).decode()}",
    }


def test_signatures_are_those_of_standard_webhooks() -> None:
    secret = base64.b64decode("MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw")
    text = b'msg_p5jXN8AQM9LWM0D4loKWxJek.1614265330.{"test": 2432232314}'
    right = hmac.new(secret, text, hashlib.sha256).digest()
    assert _signature("v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE=") == right


def test_a_signed_word_is_read_among_other_signatures() -> None:
    headers = signed()
    headers["webhook-signature"] = f"v1a,AAAA v1 v1,%%% {headers['webhook-signature']}"
    said = documents().read_callback(headers, BODY, AT)
    assert (said.reference, said.verdict) == ("abc", "passed")


@pytest.mark.parametrize(
    "headers",
    [
        {},
        signed(secret="another secret altogether"),
        signed(at=AT - timedelta(seconds=301)),
        signed(at=AT + timedelta(seconds=301)),
        signed(b'{"reference": "abc", "verdict": "failed"}'),
        signed() | {"webhook-id": "msg_2"},
        signed() | {"webhook-timestamp": "now"},
        signed() | {"webhook-timestamp": "١٢٣"},
        signed() | {"webhook-timestamp": "9" * 400},
        signed() | {"webhook-signature": ""},
        signed() | {"webhook-signature": "v1,"},
        signed() | {"webhook-signature": "v1"},
        signed() | {"webhook-signature": "v2,AAAA"},
    ],
)
def test_a_lie_about_the_signature_is_no_word(headers: dict[str, str]) -> None:
    with pytest.raises(StanchError) as refused:
        documents().read_callback(headers, BODY, AT)
    assert refused.value.matches(ErrorCode.UNAUTHENTICATED)


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"[]",
        b"{}",
        b'{"reference": "abc", "verdict": "maybe"}',
        b'{"reference": 1, "verdict": "passed"}',
    ],
)
def test_a_signed_word_that_is_not_what_was_agreed_on_is_refused(body: bytes) -> None:
    with pytest.raises(StanchError) as refused:
        documents().read_callback(signed(body), body, AT)
    assert refused.value.matches(ErrorCode.INVALID)
