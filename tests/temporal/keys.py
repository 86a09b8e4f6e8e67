"""Data keys for tests of what uses them."""

from __future__ import annotations

import secrets

from models.errors import ErrorCode, StanchError


class KeysInMemory:
    """One random key per incident; a destroyed one is gone for good."""

    def __init__(self) -> None:
        self._keys: dict[str, bytes] = {}
        self._destroyed: set[str] = set()
        self._single: bytes | None = None

    async def key_for(self, incident_id: str) -> bytes:
        if incident_id in self._destroyed:
            raise StanchError(ErrorCode.ERASED, "The incident's personal data was erased.")
        if self._single is not None:
            return self._single
        return self._keys.setdefault(incident_id, secrets.token_bytes(32))

    def destroy(self, incident_id: str) -> None:
        self._keys.pop(incident_id, None)
        self._destroyed.add(incident_id)

    def same_for_all(self) -> None:
        """As if somebody had copied one key to every incident."""
        (self._single,) = self._keys.values()
