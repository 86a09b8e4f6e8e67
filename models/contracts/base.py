"""The base of every message that crosses a boundary."""

from __future__ import annotations

from typing import Annotated

from pydantic import AwareDatetime, BaseModel, ConfigDict, Field, StringConstraints

MAX_AMOUNT = 2**63 - 1
"""Largest amount a transfer may carry: a signed 64-bit count of minor units."""


class Message(BaseModel):
    """A frozen message. Unknown fields are refused, so a misspelt field is an error and not a silent default."""

    model_config = ConfigDict(frozen=True, extra="forbid")


Amount = Annotated[int, Field(strict=True, ge=1, le=MAX_AMOUNT)]
"""A positive amount in minor units."""

Total = Annotated[int, Field(strict=True, ge=0)]
"""A sum in minor units; a sum may exceed one transfer's limit."""

Currency = Annotated[str, StringConstraints(pattern=r"^[A-Z]{3}$")]
"""ISO 4217 alphabetic code."""

OpaqueId = Annotated[str, StringConstraints(pattern=r"^[A-Za-z0-9][A-Za-z0-9_.:\-]{0,63}$")]
"""An identifier given by the wallet or a source: opaque by contract, never a phone number or an email address."""

Moment = AwareDatetime
"""An instant with its offset; stored and compared as UTC."""
