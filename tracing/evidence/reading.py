"""An evidence pack's parts as what they mean, taken strictly: whoever made them may not be a friend."""

from __future__ import annotations

import json
from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import Any

from pydantic import ValidationError

from models.contracts.transfers import AccountKind, Flow, OpeningBalance
from tracing.evidence.formats import HOLDS, OPENINGS, OTHER_ROWS, ROWS, TRACE, Format
from tracing.evidence.parts import records_from
from tracing.outflows import HoldChange
from tracing.posting import Row
from tracing.result import Limits
from tracing.rules import Rule

_TEXTS = frozenset(
    {"transfer_id", "src", "dst", "src_kind", "dst_kind", "currency", "hold_id", "reverses", "account_id"}
)
_NUMBER_OR_NONE = frozenset({"out_pos", "in_pos", "src_balance_after", "dst_balance_before"})
_TEXT_OR_NONE = frozenset({"hold_id", "reverses"})
_LARGEST = 1 << 63


class PartFault(Exception):
    """A part does not hold what it must."""

    def __init__(self, part: str, why: str) -> None:
        super().__init__(f"{part}: {why}")
        self.part = part
        self.why = why


@dataclass(frozen=True, kw_only=True)
class Stated:
    """What a pack says: the inputs of its trace, and what it claims came out."""

    written: Format
    rule: Rule
    currency: str
    thefts: tuple[str, ...]
    upto_seq: int
    limits: Limits
    digest: str
    claimed: Mapping[str, Any]
    rows: tuple[Row, ...]
    other_rows: tuple[Row, ...] | None
    holds: tuple[HoldChange, ...]
    openings: tuple[OpeningBalance, ...]

    @property
    def ranges(self) -> dict[Rule, Flow]:
        """The claimed range over the rules. Raises PartFault when it is none."""
        try:
            return {
                Rule(rule): Flow(**({"pruned": 0} | flow | {"stolen": self.claimed["stolen"]}))
                for rule, flow in self.claimed["ranges"].items()
            }
        except (KeyError, TypeError, ValueError, AttributeError) as error:
            raise PartFault(TRACE, "its ranges are broken") from error


def stated_in(parts: Mapping[str, bytes], written: Format) -> Stated:
    """Read the parts that a trace is computed from. Raises PartFault naming the part, and the line where there is one."""
    claimed = _claimed(parts[TRACE])
    try:
        limits = claimed["limits"]
        stated = Stated(
            written=written,
            rule=Rule(claimed["rule"]),
            currency=_text(claimed["currency"]),
            thefts=tuple(_text(theft) for theft in claimed["thefts"]),
            upto_seq=_number(claimed["upto_seq"]),
            limits=Limits(
                horizon_seq=None if limits.get("horizon") is None else _number(limits["horizon"]),
                dust=_number(limits.get("dust", 0)),
                max_edges=None if limits.get("max_edges") is None else _number(limits["max_edges"]),
            ),
            digest=_text(claimed["digest"]),
            claimed=claimed,
            rows=_rows(ROWS, parts[ROWS], written),
            other_rows=_rows(OTHER_ROWS, parts[OTHER_ROWS], written)
            if claimed["ranges_can_be_recomputed"]
            else None,
            holds=tuple(HoldChange(**record) for record in _records(HOLDS, parts[HOLDS], written.holds)),
            openings=_openings(parts[OPENINGS]),
        )
    except (KeyError, TypeError, ValueError, AttributeError) as error:
        raise PartFault(
            TRACE, f"a parameter of the trace is missing or broken ({type(error).__name__})"
        ) from error
    _in_order(stated.rows)
    _in_order([*stated.rows, *(stated.other_rows or ())])
    return stated


def _claimed(content: bytes) -> Mapping[str, Any]:
    try:
        claimed = json.loads(content)
    except (ValueError, RecursionError) as error:
        raise PartFault(TRACE, "it is not JSON") from error
    if not isinstance(claimed, dict):
        raise PartFault(TRACE, "it is not a record")
    return claimed


def _rows(part: str, content: bytes, written: Format) -> tuple[Row, ...]:
    rows = tuple(Row(**record) for record in _records(part, content, written.rows))
    for number, row in enumerate(rows, start=1):
        awarded = row.dst_kind == AccountKind.AWARDED
        if row.src_kind not in written.src_kinds or row.dst_kind not in written.dst_kinds:
            raise PartFault(part, f"line {number} has a kind of account that its format does not know")
        if awarded and (row.hold_id is None or row.undone):
            raise PartFault(part, f"line {number} awards money that came out of no hold, or was given back")
    return rows


def _openings(content: bytes) -> tuple[OpeningBalance, ...]:
    try:
        return tuple(OpeningBalance.model_validate(record) for record in records_from(content))
    except (ValidationError, ValueError) as error:
        raise PartFault(OPENINGS, "an opening balance is broken") from error


def _records(part: str, content: bytes, fields: Sequence[str]) -> list[dict[str, Any]]:
    try:
        records = records_from(content)
    except ValueError as error:
        raise PartFault(part, str(error)) from error
    for number, record in enumerate(records, start=1):
        if tuple(record) != tuple(fields) or not all(_sound(name, value) for name, value in record.items()):
            raise PartFault(part, f"line {number} has other fields or values than it must")
    return records


def _sound(name: str, value: object) -> bool:
    if value is None:
        return name in _NUMBER_OR_NONE or name in _TEXT_OR_NONE
    if name in _TEXTS:
        return isinstance(value, str)
    return (
        isinstance(value, bool)
        if name in {"stolen", "undone"}
        else type(value) is int and -_LARGEST <= value < _LARGEST
    )


def _in_order(rows: Sequence[Row]) -> None:
    """Nothing is spent before it came: without that the money could go round for ever."""
    came: dict[tuple[str, str], list[tuple[int, int, int]]] = defaultdict(list)
    spent: dict[tuple[str, str], list[tuple[int, int, int]]] = defaultdict(list)
    for row in rows:
        if row.out_pos is None or row.in_pos is None:
            continue
        if row.amount <= 0:
            raise PartFault(ROWS, f"posting {row.seq} has no positive amount")
        came[(row.dst, row.currency)].append((row.in_pos, row.in_pos + row.amount, row.seq))
        if not AccountKind(row.src_kind).is_exit:
            spent[(row.src, row.currency)].append((row.out_pos, row.out_pos + row.amount, row.seq))
    for account, payments in spent.items():
        payments.sort()
        arrivals = sorted(came.get(account, ()))
        for queue in (payments, arrivals):
            for (_, hi, _), (lo, _, seq) in pairwise(queue):
                if lo < hi:
                    raise PartFault(ROWS, f"posting {seq} names units that another posting names as well")
        first = 0
        for lo, hi, seq in payments:
            while first < len(arrivals) and arrivals[first][1] <= lo:
                first += 1
            at = first
            while at < len(arrivals) and arrivals[at][0] < hi:
                if arrivals[at][2] >= seq:
                    raise PartFault(
                        ROWS, f"posting {seq} spends units that came with posting {arrivals[at][2]}"
                    )
                at += 1


def _text(value: object) -> str:
    if not isinstance(value, str):
        raise TypeError("not a text")
    return value


def _number(value: object) -> int:
    if type(value) is not int:
        raise TypeError("not a number")
    return value
