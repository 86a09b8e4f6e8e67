"""Every table in one metadata: importing this module is how migrations and checks see them all."""

from __future__ import annotations

from models.tables import (
    closure,
    holds,
    identity,
    incidents,
    people,
    rating,
    recalls,
    steps,
    traces,
    transfers,
)
from models.tables.base import Base

METADATA = Base.metadata

MODULES = (closure, holds, identity, incidents, people, rating, recalls, steps, traces, transfers)
"""The modules that define tables; named so that the imports are used."""
