"""What a trace is, under any rule."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from typing import NamedTuple

from models.contracts.transfers import AccountKind, Flow
from tracing.edges import Edge
from tracing.places import Place
from tracing.rules import Rule


class Carried(NamedTuple):
    """One transfer that carried stolen money, its stolen parts summed; thefts have hop 0."""

    seq: int
    transfer_id: str
    src: str
    dst: str
    dst_kind: str
    amount: int
    hop: int


class PruneReason(StrEnum):
    """Why stolen money was not followed further, because it was asked for."""

    HORIZON = "horizon"
    DUST = "dust"
    MAX_EDGES = "max_edges"


@dataclass(frozen=True, slots=True)
class Pruned:
    """How much was not followed further, in how many pieces."""

    count: int
    amount: int


@dataclass(frozen=True, slots=True)
class Resting:
    """Stolen money that rests in an account; only first in, first out knows its units [lo, hi)."""

    account_id: str
    account_kind: AccountKind
    place: Place
    amount: int
    hop: int
    last_seq: int
    lo: int | None
    hi: int | None


@dataclass(frozen=True, kw_only=True)
class Limits:
    """Where a trace stops before the money does: nowhere, unless asked."""

    horizon_seq: int | None = None
    dust: int = 0
    max_edges: int | None = None


@dataclass(frozen=True, kw_only=True)
class Trace:
    """A finished trace."""

    rule: Rule
    victim: str
    currency: str
    thefts: tuple[str, ...]
    upto_seq: int
    limits: Limits
    carried: tuple[Carried, ...]
    units: tuple[Edge, ...]
    resting: tuple[Resting, ...]
    pruned: dict[PruneReason, Pruned]
    flow: Flow
    digest: str
