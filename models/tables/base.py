"""The declarative base and the column types that all tables share."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated

from sqlalchemy import BigInteger, DateTime, MetaData, String
from sqlalchemy.orm import DeclarativeBase, mapped_column

NAMING = {
    "ix": "ix_%(table_name)s_%(column_0_N_name)s",
    "uq": "uq_%(table_name)s_%(column_0_N_name)s",
    "ck": "ck_%(table_name)s_%(constraint_name)s",
    "fk": "fk_%(table_name)s_%(column_0_N_name)s",
    "pk": "pk_%(table_name)s",
}

Instant = Annotated[datetime, mapped_column(DateTime(timezone=True))]
"""An instant, stored as timestamptz."""

MaybeInstant = Annotated[datetime | None, mapped_column(DateTime(timezone=True))]
"""An instant that may not have come yet."""

MinorUnits = Annotated[int, mapped_column(BigInteger)]
"""An amount or a position in minor units."""

Ulid = Annotated[str, mapped_column(String(26))]
"""A ULID in its 26-character text form."""


class Base(DeclarativeBase):
    """Every table of Stanch."""

    metadata = MetaData(naming_convention=NAMING)
