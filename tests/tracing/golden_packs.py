"""Writes the packs of a format that are kept for ever: `python -m tests.tracing.golden_packs`, once, when a format is new.

What is there is never written again: people may have packs of that format.
"""

from __future__ import annotations

from contextlib import closing
from dataclasses import replace
from pathlib import Path

from adapters.evidence.archive import packed
from adapters.evidence.gathering import evidence_of
from adapters.transfers.offline import OfflineLedger
from tests.tracing.ledgers import covered, opening, transfer
from tracing.evidence.evidence import Evidence
from tracing.evidence.formats import CURRENT
from tracing.evidence.parts import parts_of
from tracing.outflows import HoldChange
from tracing.posting import rows
from tracing.result import Limits
from tracing.rules import Rule
from tracing.trace import trace

FOLDER = Path(__file__).with_name("packs")

LEDGER = covered(
    [
        transfer(1, "O", "B", 40),
        transfer(2, "A", "B", 100),
        transfer(3, "B", "C", 70),
        transfer(4, "C", "B", 20, reverses="t3"),
        transfer(5, "C", "X", 35),
        transfer(6, "X", "C", 15, reverses="t5"),
        transfer(7, "B", "P", 30),
        transfer(8, "B", "A", 10),
        transfer(9, "A", "Y", 5),
        transfer(10, "C", "D", 25),
        transfer(11, "D", "O", 40),
    ],
    [opening("A", 120), opening("C", 5)],
)
"""A theft, a mule with money of its own, what was undone twice, every kind of place, an opening that had to be inferred."""


def evidence(rule: Rule, limits: Limits | None = None) -> Evidence:
    """The theft is the second posting."""
    return evidence_of(
        rows(LEDGER.transfers, LEDGER.openings),
        LEDGER.openings,
        thefts=["t2"],
        rule=rule,
        currency="EUR",
        upto_seq=len(LEDGER.transfers),
        limits=limits or Limits(),
        source="Written for the tests.",
    )


def with_holds() -> Evidence:
    """The same by a rule without units, with a hold that stood for a while."""
    found = evidence(Rule.LIBR)
    holds = (HoldChange(4, "C", "h1", 10, stolen=True), HoldChange(9, "C", "h1", -10, stolen=True))
    every = sorted([*found.rows, *(found.other_rows or ())], key=lambda row: (row.seq, row.part))

    with closing(OfflineLedger(every, holds)) as ledger:
        traces = {
            rule: trace(ledger, rule=rule, thefts=["t2"], currency="EUR", upto_seq=len(LEDGER.transfers))
            for rule in Rule
        }
    return replace(
        found,
        trace=traces[Rule.LIBR],
        holds=holds,
        ranges={rule: each.flow for rule, each in traces.items()},
    )


def with_an_award() -> Evidence:
    """The same where C's payment to D paid out a hold by a decision: D's own payment carries nothing any more."""
    every = [
        row._replace(dst_kind="awarded", hold_id="h2") if row.transfer_id == "t10" else row
        for row in rows(LEDGER.transfers, LEDGER.openings)
    ]
    return evidence_of(
        every,
        LEDGER.openings,
        thefts=["t2"],
        rule=Rule.FIFO,
        currency="EUR",
        upto_seq=len(LEDGER.transfers),
        limits=Limits(),
        source="Written for the tests.",
    )


PACKS = {
    "units": lambda: evidence(Rule.FIFO),
    "limits": lambda: evidence(Rule.FIFO, Limits(horizon_seq=9, dust=2)),
    "sums": lambda: evidence(Rule.PRO_RATA),
    "holds": with_holds,
    "awarded": with_an_award,
}
SINCE = {"awarded": 2}
"""The first format that can say it, where that is not the first of all."""


def main() -> None:
    """Write those of the current format that are not there."""
    for name, of in PACKS.items():
        path = FOLDER / f"format-{CURRENT.number}-{name}.pack"
        if not path.exists():
            path.write_bytes(packed(parts_of(of())))
            print(f"{path.name}: {path.stat().st_size} bytes")


if __name__ == "__main__":
    main()
