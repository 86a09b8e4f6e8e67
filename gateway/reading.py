"""Reading a request's body: strictly, within limits, and without ever repeating what was in it."""

from __future__ import annotations

import asyncio
import json
import re
from collections.abc import Iterator
from typing import Any, NoReturn, TypeVar

from pydantic import BaseModel, ValidationError
from starlette.requests import ClientDisconnect, Request

from models.errors import ErrorCode, StanchError

Shape = TypeVar("Shape", bound=BaseModel)

JSON = frozenset({"application/json"})

LARGEST = 64 * 1024
"""Bytes of a body. The largest honest alarm, 1,000 transfers and 4,000 characters of detail, stays below it twice."""

PATIENCE = 5.0
"""Seconds a body may take to arrive. An honest one comes with its headers."""

MOMENT = re.compile(r"\d{4}-\d\d-\d\d[Tt ]\d\d:\d\d:\d\d(\.\d{1,9})?([Zz]|[+-]\d\d:\d\d)", re.ASCII)
"""RFC 3339. Numbers are no times here: whether they are seconds or milliseconds would be a guess."""

UNSPEAKABLE = re.compile("[\x00\ud800-\udfff]")
"""NUL and lone surrogates: JSON can write them, UTF-8 and PostgreSQL cannot hold them."""


async def read(request: Request, shape: type[Shape], *, moments: tuple[str, ...] = ()) -> Shape:
    """The body as `shape`; `moments` names the fields that hold a time.

    Errors: INVALID naming the field (never its value), TOO_LARGE.
    """
    raw = await read_bytes(request, JSON)
    content = _parsed(raw)
    if not isinstance(content, dict):
        raise invalid("body", "must be a JSON object")
    for name in moments:
        value = content.get(name)
        if value is not None and not (isinstance(value, str) and MOMENT.fullmatch(value)):
            raise invalid(name, "must be a time with its offset, as 2026-03-01T10:07:12Z")
    try:
        return shape.model_validate(content)
    except ValidationError as error:
        raise invalid(_places(error, shape), "not valid") from None


async def read_bytes(request: Request, types: frozenset[str]) -> bytes:
    """The body as it came, for a request of one of these media types. Errors: INVALID, TOO_LARGE."""
    media_type = request.headers.get("content-type", "").partition(";")[0].strip().lower()
    if media_type not in types:
        raise invalid("Content-Type", f"must be {' or '.join(sorted(types))}")
    return await raw_body(request)


def invalid(place: str, why: str) -> StanchError:
    """The request is not what the API says."""
    return StanchError(
        ErrorCode.INVALID, f"{place}: {why}. Nothing was changed; correct it and send it again."
    )


async def raw_body(request: Request) -> bytes:
    """The bytes as they came, for whoever must check a signature over them. Errors: TOO_LARGE, INVALID."""
    stated = request.headers.get("content-length")
    if stated is not None and stated.isdecimal() and int(stated[:12]) > LARGEST:
        raise too_large()
    parts: list[bytes] = []
    size = 0
    try:
        async with asyncio.timeout(PATIENCE):
            async for part in request.stream():
                size += len(part)
                if size > LARGEST:
                    raise too_large()
                parts.append(part)
    except (TimeoutError, ClientDisconnect):
        raise invalid("body", "did not arrive") from None
    return parts[0] if len(parts) == 1 else b"".join(parts)


def _parsed(raw: bytes) -> Any:
    try:
        content = json.loads(raw.decode(), object_pairs_hook=_unique, parse_constant=_no_constant)
    except (ValueError, RecursionError):
        raise invalid("body", "must be JSON of reasonable depth and size") from None
    # Only an escape can bring in what the decoder would have refused raw.
    if b"\\u" in raw and any(UNSPEAKABLE.search(text) for text in _texts(content)):
        raise invalid("body", "must not hold NUL or broken characters")
    return content


def _unique(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    content = dict(pairs)
    if len(content) != len(pairs):
        raise invalid("body", "must not name a field twice")
    return content


def _no_constant(_name: str) -> NoReturn:
    raise invalid("body", "must not hold NaN or Infinity")


def _texts(content: Any) -> Iterator[str]:
    waiting = [content]
    while waiting:
        each = waiting.pop()
        if isinstance(each, str):
            yield each
        elif isinstance(each, dict):
            waiting.extend(each)
            waiting.extend(each.values())
        elif isinstance(each, list):
            waiting.extend(each)


def _places(error: ValidationError, shape: type[BaseModel]) -> str:
    """Names of fields that `shape` has; what the caller invented is only called unknown."""
    known = shape.model_fields
    places = {
        str(each["loc"][0]) if each["loc"] and each["loc"][0] in known else "an unknown field"
        for each in error.errors(include_url=False, include_context=False, include_input=False)
    }
    return ", ".join(sorted(places))


def too_large() -> StanchError:
    """The body is beyond the limit."""
    return StanchError(ErrorCode.TOO_LARGE, "The body is larger than 64 KiB. Nothing was changed; send less.")
