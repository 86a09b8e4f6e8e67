"""Passkey assertions (WebAuthn 3, 7.2), with the checks that the library leaves to us."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from typing import Any

from webauthn import verify_authentication_response
from webauthn.helpers import base64url_to_bytes
from webauthn.helpers.exceptions import WebAuthnException

from models.contracts.identity import PasskeyRules
from models.contracts.wallet import SecurityEntry


class WebAuthnPasskeys:
    """Port `Passkeys`: only public keys are needed, so no secret of the owner's is ever here."""

    def __init__(self, rules: PasskeyRules) -> None:
        self._rules = rules

    def challenge_of(self, assertion: Mapping[str, Any]) -> bytes | None:
        """See identity_ports.Passkeys."""
        client_data = _client_data(assertion)
        try:
            return None if client_data is None else base64url_to_bytes(str(client_data["challenge"]))
        except (KeyError, ValueError):
            return None

    def verify(
        self, assertion: Mapping[str, Any], challenge: bytes, entries: Sequence[SecurityEntry]
    ) -> SecurityEntry | None:
        """See identity_ports.Passkeys. User verification is required: a found phone alone proves nothing."""
        entry = next(
            (
                each
                for each in entries
                if each.passkey is not None and each.passkey.credential_id == assertion.get("id")
            ),
            None,
        )
        client_data = _client_data(assertion)
        if entry is None or entry.passkey is None or client_data is None:
            return None
        # The library takes an assertion made inside another site's frame without a word.
        if client_data.get("crossOrigin", False) is not False or "topOrigin" in client_data:
            return None
        try:
            verified = verify_authentication_response(
                credential=dict(assertion),
                expected_challenge=challenge,
                expected_rp_id=self._rules.rp_id,
                expected_origin=list(self._rules.origins),
                credential_public_key=base64url_to_bytes(entry.passkey.public_key),
                credential_current_sign_count=entry.passkey.sign_count,
                require_user_verification=True,
            )
        except (WebAuthnException, ValueError, TypeError, KeyError, AttributeError):
            # Whatever is not a whole and right assertion is a wrong one; the library has many words for that.
            return None
        return entry if verified.user_verified else None


def _client_data(assertion: Mapping[str, Any]) -> dict[str, Any] | None:
    response = assertion.get("response")
    if not isinstance(response, Mapping):
        return None
    try:
        told = json.loads(base64url_to_bytes(str(response["clientDataJSON"])))
    except (KeyError, ValueError, RecursionError):
        return None
    return told if isinstance(told, dict) else None
