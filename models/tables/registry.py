"""Every table in one metadata: importing this module is how migrations and checks see them all."""

from __future__ import annotations

from models.tables import (
    credential,
    holds,
    identity,
    incidents,
    payments,
    people,
    recalls,
    staff,
    steps,
    traces,
    transfers,
)
from models.tables.base import Base

METADATA = Base.metadata

MODULES = (credential, holds, identity, incidents, payments, people, recalls, staff, steps, traces, transfers)
"""The modules that define tables; named so that the imports are used."""
