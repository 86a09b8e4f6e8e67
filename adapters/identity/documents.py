"""Document and liveness at an outside provider: a session by HTTP, a verdict by signed callback (Standard Webhooks 1.0.0)."""

from __future__ import annotations

import asyncio
import base64
import binascii
import hashlib
import hmac
import json
from collections.abc import Mapping
from datetime import datetime, timedelta

import httpx2
from pydantic import ValidationError

from models.contracts.identity import DocumentRules, DocumentVerdict
from models.errors import ErrorCode, StanchError

DEADLINE = 5.0


class HttpDocuments:
    """Port `Documents`.

    `secret` is shared with the provider and signs its callbacks; `callback_url` is where the gateway is reached from there.
    """

    def __init__(self, url: str, key: str, secret: str, callback_url: str, rules: DocumentRules) -> None:
        self._secret = secret.encode()
        self._callback_url = callback_url
        self._tolerance = timedelta(seconds=rules.callback_tolerance_seconds)
        self._client = httpx2.AsyncClient(
            base_url=url.rstrip("/"),
            headers={"authorization": f"Bearer {key}"},
            timeout=None,
            trust_env=False,
        )

    async def begin(self, reference: str, expected: str, expires_at: datetime) -> str:
        """See identity_ports.Documents."""
        body = {
            "reference": reference,
            "expected": expected,
            "callback_url": self._callback_url,
            "expires_at": expires_at.isoformat(),
        }
        try:
            async with asyncio.timeout(DEADLINE):
                response = await self._client.post("/provider/sessions", json=body)
            url = response.json()["url"] if response.status_code == 201 else None
        except (TimeoutError, httpx2.HTTPError, ValueError, KeyError, TypeError):
            url = None
        if not isinstance(url, str):
            raise StanchError(
                ErrorCode.WALLET_UNREACHABLE,
                "The identity provider gave no usable answer. Nothing was begun; ask again, it is the same session.",
            )
        return url

    def read_callback(self, headers: Mapping[str, str], body: bytes, at: datetime) -> DocumentVerdict:
        """See identity_ports.Documents. Every item of the signature header is tried; one that is no signature is passed over."""
        message_id, stamp = headers.get("webhook-id", ""), headers.get("webhook-timestamp", "")
        if not message_id or not stamp.isascii() or not stamp.isdecimal() or len(stamp) > 12:
            raise _unsigned()
        if abs(at.timestamp() - int(stamp)) > self._tolerance.total_seconds():
            raise _unsigned()
        signed = f"{message_id}.{stamp}.".encode() + body
        right = hmac.new(self._secret, signed, hashlib.sha256).digest()
        given = headers.get("webhook-signature", "").split(" ")
        if not any(hmac.compare_digest(right, _signature(item)) for item in given[:10]):
            raise _unsigned()
        try:
            return DocumentVerdict.model_validate(json.loads(body))
        except (ValueError, ValidationError, RecursionError):
            raise StanchError(
                ErrorCode.INVALID, "The callback is signed and not what was agreed on. Nothing was changed."
            ) from None

    async def close(self) -> None:
        """Close every connection."""
        await self._client.aclose()


class NoDocuments:
    """Port `Documents` of a house that has no provider: the factor is not there, and nobody's word is taken for it."""

    async def begin(self, reference: str, expected: str, expires_at: datetime) -> str:
        """Refuses. Errors: REFUSED_BY_RULE."""
        del reference, expected, expires_at
        raise StanchError(
            ErrorCode.REFUSED_BY_RULE,
            "This house has no provider that looks at documents. Nothing was begun; use another way.",
        )

    def read_callback(self, headers: Mapping[str, str], body: bytes, at: datetime) -> DocumentVerdict:
        """Refuses. Errors: UNAUTHENTICATED."""
        del headers, body, at
        raise _unsigned()

    async def close(self) -> None:
        """Nothing is open."""


def _signature(item: str) -> bytes:
    version, _, encoded = item.partition(",")
    try:
        return base64.b64decode(encoded, validate=True) if version == "v1" else b""
    except (binascii.Error, ValueError):
        return b""


def _unsigned() -> StanchError:
    return StanchError(
        ErrorCode.UNAUTHENTICATED,
        "The callback is not signed by the provider, or not now. Nothing was changed.",
    )
