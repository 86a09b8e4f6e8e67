"""Currency codes as people type them."""

from __future__ import annotations

from pydantic import TypeAdapter, ValidationError

from models.contracts.base import Currency
from models.errors import ErrorCode, StanchError


def checked_currency(code: str) -> str:
    """An ISO 4217 code. Errors: INVALID."""
    try:
        return TypeAdapter(Currency).validate_python(code)
    except ValidationError:
        raise StanchError(
            ErrorCode.INVALID,
            f"--currency {code!r} is no ISO 4217 code; nothing was done. Give three capital letters.",
        ) from None
