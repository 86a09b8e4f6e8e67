"""Passkey assertions: the W3C vector, and everything an assertion must not be."""

from __future__ import annotations

import secrets
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from webauthn import verify_authentication_response

from adapters.identity.passkeys import WebAuthnPasskeys
from adapters.policies import read_identity_rules
from models.contracts.wallet import Passkey, SecurityEntry
from tests.identity.authenticator import PRESENT, VERIFIED, Authenticator, base64url
from tests.identity.w3c import ORIGIN, RP_ID, VECTORS, Vector

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


EXAMPLE = WebAuthnPasskeys(RULES.model_copy(update={"rp_id": RP_ID, "origins": (ORIGIN,)}))
USER_VERIFIED = 0x04


@pytest.mark.parametrize("vector", VECTORS, ids=lambda each: f"{each.section} {each.name}")
def test_the_w3c_vectors_are_genuine_and_count_where_their_user_was_verified_on_our_own_page(
    vector: Vector,
) -> None:
    """Every algorithm the library takes: ES256, RS256, EdDSA. Most of the section's users were not verified."""
    genuine = verify_authentication_response(
        credential=dict(vector.assertion),
        expected_challenge=vector.challenge,
        expected_rp_id=RP_ID,
        expected_origin=ORIGIN,
        credential_public_key=vector.public_key,
        credential_current_sign_count=0,
    )
    verified_user = bool(vector.flags & USER_VERIFIED)
    assert genuine.user_verified is verified_user
    known = entry({"credential_id": vector.credential_id, "public_key": base64url(vector.public_key)})
    assert EXAMPLE.challenge_of(vector.assertion) == vector.challenge
    counts = EXAMPLE.verify(vector.assertion, vector.challenge, [known])
    assert (counts is not None) is (verified_user and not vector.cross_origin)


@pytest.mark.parametrize("vector", VECTORS, ids=lambda each: f"{each.section} {each.name}")
def test_a_w3c_vector_with_one_changed_bit_is_none(vector: Vector) -> None:
    known = entry({"credential_id": vector.credential_id, "public_key": base64url(vector.public_key)})
    signature = bytearray(bytes.fromhex(vector.signature))
    signature[-1] ^= 1
    forged = replace(vector, signature=signature.hex(), flags=vector.flags | USER_VERIFIED)
    assert EXAMPLE.verify(forged.assertion, vector.challenge, [known]) is None


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
