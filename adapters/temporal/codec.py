"""Payload codec: everything of an incident that Temporal stores is encrypted with that incident's data key."""

from __future__ import annotations

import os
from collections.abc import Sequence
from typing import Final, Protocol, Self

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from temporalio.api.common.v1 import Payload
from temporalio.converter import (
    ActivitySerializationContext,
    PayloadCodec,
    SerializationContext,
    WithSerializationContext,
    WorkflowSerializationContext,
)

from models.errors import ErrorCode, StanchError
from models.ids import incident_of_workflow

ENCODING: Final = b"binary/encrypted"
INCIDENT: Final = "stanch-incident"
"""Metadata: whose key it is. An opaque id that the workflow id shows anyway; never trusted against the context."""

NONCE_BYTES: Final = 12


class DataKeys(Protocol):
    """Where the data key of an incident comes from."""

    async def key_for(self, incident_id: str) -> bytes:
        """32 bytes, made when the incident has none yet. Errors: ERASED once destroyed, DATABASE_UNREACHABLE."""
        ...


class IncidentCodec(PayloadCodec, WithSerializationContext):
    """AES-256-GCM under the incident's data key, bound to the incident by the associated data.

    The SDK says for which workflow a payload is (`with_context`); its id names the incident. Encoding for a workflow that
    is not ours is refused. What is not encrypted is decoded as it stands: a workflow started by the `temporal` CLI has
    plain input. Errors: INVALID (no incident to encrypt for), ERASED (key destroyed), INTERNAL (changed, or another
    incident's).
    """

    def __init__(self, keys: DataKeys, workflow_id: str | None = None) -> None:
        self._keys = keys
        self._workflow_id = workflow_id

    def with_context(self, context: SerializationContext) -> Self:
        """The codec for payloads of this workflow or activity."""
        if isinstance(context, WorkflowSerializationContext | ActivitySerializationContext):
            return type(self)(self._keys, context.workflow_id)
        return type(self)(self._keys)

    @property
    def _incident_id(self) -> str | None:
        return None if self._workflow_id is None else incident_of_workflow(self._workflow_id)

    async def encode(self, payloads: Sequence[Payload]) -> list[Payload]:
        """Encrypt each payload, metadata included."""
        if not payloads:
            return []
        incident_id = self._incident_id
        if incident_id is None:
            raise StanchError(
                ErrorCode.INVALID,
                f"Workflow id {self._workflow_id!r} names no incident, so there is no key to encrypt with and nothing "
                "was sent; use incident:<ULID> or recovery:<ULID>.",
            )
        cipher = AESGCM(await self._keys.key_for(incident_id))
        return [_encrypted(cipher, incident_id, payload) for payload in payloads]

    async def decode(self, payloads: Sequence[Payload]) -> list[Payload]:
        """Decrypt what is encrypted; the rest as it stands."""
        return [
            await self._decrypted(payload) if payload.metadata.get("encoding") == ENCODING else payload
            for payload in payloads
        ]

    async def _decrypted(self, payload: Payload) -> Payload:
        named = payload.metadata.get(INCIDENT, b"").decode(errors="replace")
        incident_id = self._incident_id or named
        if not incident_id or incident_id != named:
            raise _unreadable()
        cipher = AESGCM(await self._keys.key_for(incident_id))
        try:
            plain = cipher.decrypt(
                payload.data[:NONCE_BYTES], payload.data[NONCE_BYTES:], incident_id.encode()
            )
        except (InvalidTag, ValueError) as error:
            raise _unreadable() from error
        return Payload.FromString(plain)


def _encrypted(cipher: AESGCM, incident_id: str, payload: Payload) -> Payload:
    nonce = os.urandom(NONCE_BYTES)
    sealed = cipher.encrypt(nonce, payload.SerializeToString(), incident_id.encode())
    return Payload(metadata={"encoding": ENCODING, INCIDENT: incident_id.encode()}, data=nonce + sealed)


def _unreadable() -> StanchError:
    return StanchError(
        ErrorCode.INTERNAL,
        "A payload does not decrypt as this incident's: it was changed, or belongs to another one. Nothing was done "
        "with it; compare the history with the recorded steps (`stanch audit replay`).",
    )
