"""Passkey assertions: the W3C vector, and everything an assertion must not be."""

from __future__ import annotations

import secrets
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from webauthn import verify_authentication_response

from adapters.identity.passkeys import WebAuthnPasskeys
from adapters.policies import read_identity_rules
from models.contracts.wallet import Passkey, SecurityEntry
from tests.identity.authenticator import PRESENT, VERIFIED, Authenticator, base64url

pytestmark = pytest.mark.fast

RULES = read_identity_rules(Path(__file__).resolve().parents[2] / "policies" / "identity.toml").passkey
PASSKEYS = WebAuthnPasskeys(RULES)
OWNERS = Authenticator()
CHALLENGE = secrets.token_bytes(32)


def entry(public: dict[str, str]) -> SecurityEntry:
    return SecurityEntry.model_validate(
        {
            "id": "factor-1",
            "label": "passkey",
            "set_at": datetime(2026, 1, 1, tzinfo=UTC),
            "active": True,
            "factor": "passkey",
            "passkey": Passkey.model_validate(public),
        }
    )


def verified(assertion: dict[str, Any], challenge: bytes = CHALLENGE) -> bool:
    return (
        PASSKEYS.verify(assertion, challenge, [entry(Authenticator().public), entry(OWNERS.public)])
        is not None
    )


# WebAuthn Level 3, 16.1 "none.ES256": the assertion and the public key it is checked with.
VECTOR_CHALLENGE = bytes.fromhex("39c0e7521417ba54d43e8dc95174f423dee9bf3cd804ff6d65c857c9abf4d408")
VECTOR_ID = base64url(bytes.fromhex("f91f391db4c9b2fde0ea70189cba3fb63f579ba6122b33ad94ff3ec330084be4"))
VECTOR_KEY = bytes.fromhex(
    "a5010203262001215820afefa16f97ca9b2d23eb86ccb64098d20db90856062eb249c33a9b672f26df61"
    "225820930a56b87a2fca66334b03458abf879717c12cc68ed73290af2e2664796b9220"
)
VECTOR = {
    "id": VECTOR_ID,
    "rawId": VECTOR_ID,
    "type": "public-key",
    "response": {
        "authenticatorData": base64url(
            bytes.fromhex("bfabc37432958b063360d3ad6461c9c4735ae7f8edd46592a5e0f01452b2e4b51900000000")
        ),
        "clientDataJSON": base64url(
            b'{"type":"webauthn.get","challenge":"OcDnUhQXulTUPo3JUXT0I97pvzzYBP9tZchXyav01Ag",'
            b'"origin":"https://example.org","crossOrigin":false}'
        ),
        "signature": base64url(
            bytes.fromhex(
                "3046022100f50a4e2e4409249c4a853ba361282f09841df4dd4547a13a87780218deffcd38"
                "0221008480ac0f0b93538174f575bf11a1dd5d78c6e486013f937295ea13653e331e87"
            )
        ),
    },
}


def test_the_w3c_vector_is_genuine_and_proves_nothing_here_for_its_user_was_not_verified() -> None:
    genuine = verify_authentication_response(
        credential=VECTOR,
        expected_challenge=VECTOR_CHALLENGE,
        expected_rp_id="example.org",
        expected_origin="https://example.org",
        credential_public_key=VECTOR_KEY,
        credential_current_sign_count=0,
    )
    assert not genuine.user_verified
    there = WebAuthnPasskeys(
        RULES.model_copy(update={"rp_id": "example.org", "origins": ("https://example.org",)})
    )
    known = entry({"credential_id": VECTOR_ID, "public_key": base64url(VECTOR_KEY)})
    assert there.challenge_of(VECTOR) == VECTOR_CHALLENGE
    assert there.verify(VECTOR, VECTOR_CHALLENGE, [known]) is None


def test_the_owners_assertion_counts() -> None:
    assert verified(OWNERS.sign(base64url(CHALLENGE)))


@pytest.mark.parametrize(
    "wrong",
    [
        {"flags": PRESENT},
        {"flags": VERIFIED},
        {"origin": "https://wallet.example.evil.example"},
        {"rp_id": "evil.example"},
        {"crossOrigin": True},
        {"crossOrigin": "false"},
        {"topOrigin": "https://evil.example"},
        {"type": "webauthn.create"},
    ],
)
def test_an_assertion_made_elsewhere_or_by_nobody_is_none(wrong: dict[str, Any]) -> None:
    assert not verified(OWNERS.sign(base64url(CHALLENGE), **wrong))


def test_another_key_another_challenge_and_a_changed_byte_are_refused() -> None:
    assert not verified(Authenticator().sign(base64url(CHALLENGE)))
    assert not verified(Authenticator(credential=OWNERS.credential).sign(base64url(CHALLENGE)))
    assert not verified(OWNERS.sign(base64url(CHALLENGE)), challenge=secrets.token_bytes(32))
    changed = OWNERS.sign(base64url(CHALLENGE))
    changed["response"]["authenticatorData"] = changed["response"]["authenticatorData"][:-4] + "ABAB"
    assert not verified(changed)


@pytest.mark.parametrize(
    "nonsense", [{}, {"id": "x"}, {"id": "x", "response": "y"}, {"response": {"clientDataJSON": "W10"}}]
)
def test_what_is_no_assertion_is_refused_without_a_word(nonsense: dict[str, Any]) -> None:
    assert PASSKEYS.challenge_of(nonsense) is None
    assert not verified({**nonsense, "id": base64url(OWNERS.credential)})
