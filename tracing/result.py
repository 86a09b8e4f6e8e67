"""What a trace gives, whatever its rule."""

from __future__ import annotations

from dataclasses import dataclass, field
from enum import StrEnum
from typing import NamedTuple

from models.contracts.transfers import AccountKind, Flow
from tracing.edges import Edge
from tracing.places import Place
from tracing.rules import Rule


class Carried(NamedTuple):
    """A transfer that carried stolen money: `amount` is the sum of its stolen parts, minor units.

    Thefts have hop 0; `hop` is the least number of transfers from a theft. In posting order, one for a transfer.
    """

    seq: int
    transfer_id: str
    src: str
    dst: str
    dst_kind: str
    amount: int
    hop: int


class PruneReason(StrEnum):
    """Why stolen money was not followed further. Only ever because somebody asked for it."""

    HORIZON = "horizon"
    DUST = "dust"
    MAX_EDGES = "max_edges"


@dataclass(frozen=True, slots=True)
class Pruned:
    """How many parts of stolen money were not followed, and their sum in minor units."""

    count: int
    amount: int


@dataclass(frozen=True, slots=True)
class Resting:
    """Stolen money that lies in an account at the end of the trace; `last_seq` brought it, `hop` transfers after the theft.

    Under FIFO it is units [lo, hi) of the account's axis; the other rules know only the amount.
    """

    account_id: str
    account_kind: AccountKind
    place: Place
    amount: int
    hop: int
    last_seq: int
    lo: int | None = None
    hi: int | None = None


@dataclass(frozen=True, kw_only=True)
class Limits:
    """Where following ends before the money does; none unless asked.

    `horizon_seq`: postings after it are not followed. `dust`: parts of at most so many minor units are not followed.
    `max_edges`: nothing is followed after so many edges, in posting order.
    """

    horizon_seq: int | None = None
    dust: int = 0
    max_edges: int | None = None


@dataclass(frozen=True, kw_only=True)
class Trace:
    """One finished trace. stolen = held + exited + pooled + returned + pruned, exactly, at every prefix.

    `carried` is in posting order. `units` are FIFO's edges with their unit intervals, empty under the other rules.
    """

    rule: Rule
    victim: str
    currency: str
    thefts: tuple[str, ...]
    upto_seq: int
    limits: Limits
    carried: tuple[Carried, ...]
    units: tuple[Edge, ...]
    resting: tuple[Resting, ...]
    pruned: dict[PruneReason, Pruned] = field(default_factory=dict)
    flow: Flow
    digest: str

    @property
    def awarded(self) -> int:
        """The part of `flow.exited` that decisions paid to other owners, minor units."""
        return sum(
            rest.amount
            for rest in self.resting
            if rest.place is Place.EXITED and rest.account_kind is AccountKind.AWARDED
        )
