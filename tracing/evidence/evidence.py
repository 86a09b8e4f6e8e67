"""A trace with everything it was computed from, and nothing else."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field

from models.contracts.transfers import AccountKind, Flow, OpeningBalance
from tracing.outflows import HoldChange
from tracing.posting import Row
from tracing.result import Carried, Trace
from tracing.rules import Rule


@dataclass(frozen=True, kw_only=True)
class Evidence:
    """`rows` are those that the trace read, in posting order. `other_rows` are what the other rules read beyond them,
    None where nobody can compute `ranges` again from here. `openings` are the inferred ones of accounts in `rows`;
    `inferred_count` and `inferred_amount` are of the whole ledger. `source` says where it comes from, in plain words.
    """

    trace: Trace
    rows: tuple[Row, ...]
    holds: tuple[HoldChange, ...] = ()
    openings: tuple[OpeningBalance, ...] = ()
    inferred_count: int = 0
    inferred_amount: int = 0
    ranges: Mapping[Rule, Flow] = field(default_factory=dict)
    other_rows: tuple[Row, ...] | None = None
    source: str = ""


def stained_since(carried: Iterable[Carried], victim: str) -> dict[str, int]:
    """The wallet accounts that stolen money reached, and by which posting first."""
    stained: dict[str, int] = {}
    for step in carried:
        if step.dst_kind == AccountKind.WALLET and step.dst != victim:
            stained.setdefault(step.dst, step.seq)
    return stained


def rows_read(trace: Trace, rows: Iterable[Row]) -> Iterator[Row]:
    """The rows that fix this trace, which must be one without limits: those that carried stolen money.

    Beyond FIFO also every payment that an account made since stolen money first lay in it, because how much of a payment
    is stolen depends on the one before.
    """
    carried, thefts = {step.seq for step in trace.carried}, set(trace.thefts)
    tainted = {} if trace.rule is Rule.FIFO else stained_since(trace.carried, trace.victim)
    for row in rows:
        if (
            row.seq in carried
            or row.transfer_id in thefts
            or (row.currency == trace.currency and tainted.get(row.src, row.seq) < row.seq <= trace.upto_seq)
        ):
            yield row
