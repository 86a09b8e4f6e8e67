"""A ledger in two files, ready to be traced, with what is needed to prove the trace."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from contextlib import closing
from pathlib import Path

from adapters.transfers.files import read_ledger
from adapters.transfers.offline import OfflineLedger
from adapters.transfers.refusals import RefusedRow
from models.contracts.transfers import OpeningBalance
from tracing.evidence.evidence import Evidence, rows_read
from tracing.posting import Row, rows
from tracing.result import Limits, Trace
from tracing.rules import Rule
from tracing.trace import trace as traced


class LedgerInFiles:
    """Both files, read. `refused` names the rows that were left out."""

    def __init__(self, transfers: Path, accounts: Path, *, currency: str) -> None:
        """Errors: FILE_BROKEN."""
        self._ledger = read_ledger(transfers, accounts, currency=currency)
        self._currency = currency
        self.refused: list[RefusedRow] = self._ledger.refused

    def trace(self, thefts: Sequence[str], *, rule: Rule, limits: Limits, with_rows: bool = True) -> Evidence:
        """Follow these thefts to the end of the file. Errors: those of tracing.trace."""
        return evidence_of(
            rows(self._ledger.transfers, self._ledger.openings),
            self._ledger.openings,
            thefts=thefts,
            rule=rule,
            currency=self._currency,
            upto_seq=len(self._ledger.transfers),
            limits=limits,
            with_rows=with_rows,
            source="The postings were read from files; row order is posting order.",
        )


def evidence_of(
    ledger: Sequence[Row],
    openings: Iterable[OpeningBalance],
    *,
    thefts: Sequence[str],
    rule: Rule,
    currency: str,
    upto_seq: int,
    limits: Limits,
    with_rows: bool = True,
    source: str = "",
) -> Evidence:
    """Trace by this rule, and by the others for the range. `with_rows`: also what is needed to prove both."""

    def by(each: Rule, within: Limits) -> Trace:
        return traced(offline, rule=each, thefts=thefts, currency=currency, upto_seq=upto_seq, limits=within)

    with closing(OfflineLedger(ledger)) as offline:
        trace = by(rule, limits)
        traces = {each: trace if each is rule else by(each, limits) for each in Rule}
        proven = dict(traces)
        if limits != Limits():
            # What a limit cut off was read as well: it is how much was cut off.
            proven = {each: by(each, Limits()) for each in Rule}
    read: tuple[Row, ...] = ()
    others: dict[tuple[int, int], Row] = {}
    if with_rows:
        read = tuple(rows_read(proven[rule], ledger))
        known = {(row.seq, row.part) for row in read}
        for each in proven.values():
            others |= {
                key: row for row in rows_read(each, ledger) if (key := (row.seq, row.part)) not in known
            }
    accounts = {account for row in (*read, *others.values()) for account in (row.src, row.dst)}
    inferred = [opening for opening in openings if opening.inferred]
    return Evidence(
        trace=trace,
        rows=read,
        other_rows=tuple(others[key] for key in sorted(others)),
        openings=tuple(opening for opening in inferred if opening.account_id in accounts),
        inferred_count=len(inferred),
        inferred_amount=sum(opening.inferred for opening in inferred),
        ranges={each: found.flow for each, found in traces.items()},
        source=source,
    )
