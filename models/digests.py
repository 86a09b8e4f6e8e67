"""Canonical bytes of a message and their digest: what steps, decisions and the audit compare."""

from __future__ import annotations

import hashlib
import json
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from pydantic import BaseModel


def canonical(value: Any) -> bytes:
    """JSON of `value` with sorted keys, no spaces, UTF-8: equal values give equal bytes.

    `value` is made of dict, list, str, int, bool and None only; a float raises TypeError, since money never is one.
    """
    _refuse_floats(value)
    return json.dumps(value, sort_keys=True, separators=(",", ":"), ensure_ascii=False).encode()


def digest(value: Any) -> str:
    """sha256 of the canonical bytes, lower-case hex."""
    return hashlib.sha256(canonical(value)).hexdigest()


def message_digest(message: BaseModel) -> str:
    """The digest of a message as it stands in JSON."""
    return digest(message.model_dump(mode="json"))


def rating_code_digest(code: str) -> str:
    """sha256 of a rating's code as it was made: people write it in small letters, with spaces or dashes between."""
    return hashlib.sha256(code.upper().replace(" ", "").replace("-", "").encode()).hexdigest()


def _refuse_floats(value: Any) -> None:
    if isinstance(value, float):
        raise TypeError("a float has no canonical form here; use integers")
    if isinstance(value, dict):
        for item in value.values():
            _refuse_floats(item)
    elif isinstance(value, list | tuple):
        for item in value:
            _refuse_floats(item)
