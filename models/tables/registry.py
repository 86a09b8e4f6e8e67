"""Every table in one metadata: importing this module is how migrations and checks see them all."""

from __future__ import annotations

from models.tables import (
    closure,
    credential,
    holds,
    identity,
    incidents,
    payments,
    people,
    rating,
    recalls,
    staff,
    steps,
    traces,
    transfers,
)
from models.tables.base import Base

METADATA = Base.metadata

MODULES = (
    closure,
    credential,
    holds,
    identity,
    incidents,
    payments,
    people,
    rating,
    recalls,
    staff,
    steps,
    traces,
    transfers,
)
"""The modules that define tables; named so that the imports are used."""
