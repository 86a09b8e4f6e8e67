"""Data keys of incidents: made at random, wrapped by the master key, destroyed to erase.

AES key wrap (RFC 3394) for the wrapping, AES-256-GCM with a random 12-byte nonce for what is sealed; the additional data
binds a ciphertext to its incident and its field, so no value can be moved to another place.
"""

from __future__ import annotations

import base64
import binascii
import hashlib
import hmac
import os
from collections import OrderedDict
from typing import Protocol

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from cryptography.hazmat.primitives.keywrap import InvalidUnwrap, aes_key_unwrap, aes_key_wrap

from models.errors import ErrorCode, StanchError

KEY_BYTES = 32
NONCE_BYTES = 12
KEPT_KEYS = 4096
"""Unwrapped keys kept in a process; one is 32 bytes, and unwrapping costs a round trip to the database."""


class MasterKey:
    """Wraps and unwraps data keys. Errors: INVALID when it is not 32 bytes in base64."""

    def __init__(self, encoded: str) -> None:
        try:
            key = base64.b64decode(encoded, validate=True)
        except binascii.Error:
            key = b""
        if len(key) != KEY_BYTES:
            raise StanchError(
                ErrorCode.INVALID,
                "The master key is not 32 bytes in base64. Nothing was started; set STANCH_MASTER_KEY.",
            )
        self._key = key

    def new_data_key(self) -> tuple[bytes, bytes]:
        """(a fresh data key, the same wrapped)."""
        fresh = os.urandom(KEY_BYTES)
        return fresh, aes_key_wrap(self._key, fresh)

    def digest(self, purpose: str, text: str) -> str:
        """A keyed digest in lower-case hex: the same text is known again, and nobody without the key can try texts.

        The key is derived from the master key for this alone (HMAC-SHA256 over a label that no data key is wrapped with).
        """
        derived = hmac.new(self._key, b"stanch/digest/" + purpose.encode(), hashlib.sha256).digest()
        return keyed_digest(derived, text.encode())

    def unwrap(self, wrapped: bytes) -> bytes:
        """The data key. Errors: INTERNAL when this is not the master key that wrapped it."""
        try:
            return aes_key_unwrap(self._key, wrapped)
        except InvalidUnwrap:
            raise StanchError(
                ErrorCode.INTERNAL,
                "A data key does not open with this master key. Nothing was changed; check STANCH_MASTER_KEY.",
            ) from None


class KeyTable(Protocol):
    """Where wrapped keys lie."""

    async def get_or_create(self, incident_id: str, wrapped: bytes) -> bytes | None:
        """The wrapped key of this incident, `wrapped` when it had none; None when it was destroyed."""
        ...


class DataKeys:
    """The data keys of incidents, cached unwrapped. A destroyed key is ERASED; the cache of a process outlives it."""

    def __init__(self, master: MasterKey, table: KeyTable) -> None:
        self.master = master
        self._table = table
        self._known: OrderedDict[str, bytes] = OrderedDict()

    async def key_for(self, incident_id: str) -> bytes:
        """The key, made on first use. Errors: ERASED."""
        known = self._known.get(incident_id)
        if known is not None:
            self._known.move_to_end(incident_id)
            return known
        _, proposed = self.master.new_data_key()
        wrapped = await self._table.get_or_create(incident_id, proposed)
        if wrapped is None:
            raise StanchError(
                ErrorCode.ERASED,
                "The personal data of this incident was erased: its key is destroyed. Its proofs still verify.",
            )
        return self.remember(incident_id, self.master.unwrap(wrapped))

    def remember(self, incident_id: str, key: bytes) -> bytes:
        """Keep a key that was just committed or unwrapped."""
        self._known[incident_id] = key
        self._known.move_to_end(incident_id)
        if len(self._known) > KEPT_KEYS:
            self._known.popitem(last=False)
        return key

    def forget(self, incident_id: str) -> None:
        """Drop a key from this process, after its destruction."""
        self._known.pop(incident_id, None)


class Sealer:
    """Seals personal columns under an incident's key."""

    def __init__(self, keys: DataKeys) -> None:
        self._keys = keys

    async def seal(self, incident_id: str, field: str, plain: bytes) -> bytes:
        """Nonce + ciphertext + tag of `plain`, bound to the incident and the field."""
        return seal(await self._keys.key_for(incident_id), incident_id, field, plain)

    async def open(self, incident_id: str, field: str, sealed: bytes) -> bytes:
        """What was sealed. Errors: ERASED; INTERNAL when a byte was changed or it was sealed for another place."""
        return unseal(await self._keys.key_for(incident_id), incident_id, field, sealed)

    async def digest(self, incident_id: str, plain: bytes) -> str:
        """See keyed_digest. Errors: ERASED."""
        return keyed_digest(await self._keys.key_for(incident_id), plain)


def seal(key: bytes, incident_id: str, field: str, plain: bytes) -> bytes:
    """See Sealer.seal."""
    nonce = os.urandom(NONCE_BYTES)
    return nonce + AESGCM(key).encrypt(nonce, plain, f"{incident_id}/{field}".encode())


def unseal(key: bytes, incident_id: str, field: str, sealed: bytes) -> bytes:
    """See Sealer.open."""
    try:
        return AESGCM(key).decrypt(
            sealed[:NONCE_BYTES], sealed[NONCE_BYTES:], f"{incident_id}/{field}".encode()
        )
    except (InvalidTag, ValueError):
        raise StanchError(
            ErrorCode.INTERNAL,
            f"A sealed value ({field}) does not open: it was changed, or belongs elsewhere. Nothing was changed now.",
        ) from None


def keyed_digest(key: bytes, plain: bytes) -> str:
    """HMAC-SHA256 in lower-case hex: equal texts of one incident have equal digests, and nobody without the key can guess."""
    return hmac.new(key, plain, hashlib.sha256).hexdigest()


class IncidentSecrets:
    """What is derived from an incident's data key (port `Secrets`)."""

    def __init__(self, keys: DataKeys) -> None:
        self._keys = keys

    async def code(self, incident_id: str, challenge_id: str, round_number: int, digits: int) -> str:
        """HMAC-SHA256 over the challenge and its round, reduced to `digits`: the bias of 2^256 mod 10^n is nil."""
        key = await self._keys.key_for(incident_id)
        text = f"one-time code/{challenge_id}/{round_number}".encode()
        number = int.from_bytes(hmac.new(key, text, hashlib.sha256).digest())
        return str(number % 10**digits).zfill(digits)
