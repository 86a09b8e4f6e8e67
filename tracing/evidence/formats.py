"""The formats of evidence packs. A pack says which one it has, and that fixes every byte of it for the same evidence.

A released format is never changed: whoever was given a pack must be able to check it years later with the program of that day.
Other parts, fields, words, or another statement are a new format beside the old ones. tests/tracing/packs has a pack of each.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from types import MappingProxyType
from typing import Final

from models.contracts.transfers import AccountKind
from tracing.evidence import statements
from tracing.picture.languages import Language

MANIFEST: Final = "manifest.json"
"""In every format: what says the format must be found without knowing it."""
README: Final = "README.txt"
TRACE: Final = "trace.json"
STATEMENT: Final = "statement.sql"
ROWS: Final = "rows.jsonl"
OTHER_ROWS: Final = "other-rules-rows.jsonl"
HOLDS: Final = "holds.jsonl"
OPENINGS: Final = "openings.jsonl"
EDGES: Final = "edges.jsonl"
EXPLANATIONS: Final = {language: f"explanations.{language.value}.txt" for language in Language}
PICTURES: Final = {language: f"flow.{language.value}.svg" for language in Language}


@dataclass(frozen=True, kw_only=True)
class Format:
    """`parts`: every pack has all of them, in this order, and nothing else. `rows`, `holds`, `edges` and `carried` are the
    fields of a line of each, in order; `src_kinds` and `dst_kinds` what a row may say of payer and payee. `statement` has
    one gap, `{thefts}`. `still_thefts`: whether a theft may have gone to its own payer, and moved nothing.
    """

    number: int
    parts: tuple[str, ...]
    rows: tuple[str, ...]
    holds: tuple[str, ...]
    edges: tuple[str, ...]
    carried: tuple[str, ...]
    src_kinds: frozenset[str]
    dst_kinds: frozenset[str]
    statement: str
    still_thefts: bool

    def fifo_statement(self, thefts: Sequence[str]) -> str:
        """The text for this many thefts, as tracing.statement.fifo_statement."""
        return self.statement.format(thefts=", ".join(f":theft_{number}" for number in range(len(thefts))))


class UnknownFormat(Exception):
    """A manifest names a format that this program does not read."""

    def __init__(self, named: object) -> None:
        super().__init__(f"format {named!r}")
        self.named = named


_KINDS = frozenset(
    {"wallet", "pooling", "bank", "card", "cash", "crypto", "merchant", "fee", "outside"}
)  # written out: what the program knows beside them later is no part of an old format

_FIRST = Format(
    number=1,
    parts=(
        README,
        TRACE,
        STATEMENT,
        ROWS,
        OTHER_ROWS,
        HOLDS,
        OPENINGS,
        EDGES,
        "explanations.en.txt",
        "explanations.zh.txt",
        "flow.en.svg",
        "flow.zh.svg",
        MANIFEST,
    ),
    rows=(
        "seq",
        "part",
        "transfer_id",
        "src",
        "dst",
        "src_kind",
        "dst_kind",
        "currency",
        "amount",
        "out_pos",
        "in_pos",
        "src_balance_after",
        "dst_balance_before",
        "reverses",
        "hold_id",
        "undone",
    ),
    holds=("after_seq", "account_id", "hold_id", "amount", "stolen"),
    edges=("seq", "transfer_id", "src", "dst", "dst_kind", "src_lo", "src_hi", "dst_lo", "hop"),
    carried=("seq", "transfer_id", "src", "dst", "dst_kind", "amount", "hop"),
    src_kinds=_KINDS,
    dst_kinds=_KINDS,
    statement=statements.FORMAT_1,
    still_thefts=True,
)

# Held money that a decision paid to another owner is told apart; the statement is the same.
_SECOND = replace(_FIRST, number=2, dst_kinds=_KINDS | {AccountKind.AWARDED.value}, still_thefts=False)

FORMATS: Final[Mapping[int, Format]] = MappingProxyType({each.number: each for each in (_FIRST, _SECOND)})
"""Every format that can be checked, by number."""

CURRENT: Final = FORMATS[max(FORMATS)]
"""The format in which packs are written."""


def format_of(manifest: bytes | None) -> Format:
    """The format that a manifest names; the current one where it is missing or too broken to name any, which is found later.

    Raises UnknownFormat when it names one that is not in FORMATS.
    """
    try:
        named = json.loads(manifest or b"")["format"]
    except (ValueError, KeyError, TypeError, RecursionError):
        return CURRENT
    found = FORMATS.get(named) if type(named) is int else None
    if found is None:
        raise UnknownFormat(named)
    return found
