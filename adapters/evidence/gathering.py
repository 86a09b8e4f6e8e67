"""A ledger in two files, ready to be traced, with what is needed to prove the trace."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from adapters.transfers.files import read_ledger
from adapters.transfers.offline import OfflineLedger
from adapters.transfers.refusals import RefusedRow
from models.contracts.transfers import Flow
from tracing.evidence.evidence import Evidence, rows_read
from tracing.posting import Row, rows
from tracing.result import Limits, Trace
from tracing.rules import Rule
from tracing.trace import trace as traced


class LedgerInFiles:
    """Both files read and posted. `refused` names the rows that were left out. Close it when done."""

    def __init__(self, transfers: Path, accounts: Path, *, currency: str) -> None:
        """Errors: FILE_BROKEN."""
        ledger = read_ledger(transfers, accounts, currency=currency)
        self.refused: list[RefusedRow] = ledger.refused
        self._currency = currency
        self._upto_seq = len(ledger.transfers)
        self._inferred = [opening for opening in ledger.openings if opening.inferred]
        self._rows: Sequence[Row] = rows(ledger.transfers, ledger.openings)
        self._offline = OfflineLedger(self._rows)

    def trace(self, thefts: Sequence[str], *, rule: Rule, limits: Limits, with_rows: bool) -> Evidence:
        """Follow these thefts by this rule, and by the others for the range. Errors: those of tracing.trace."""
        traces = {
            each: self._trace(thefts, each, limits) for each in (rule, *(r for r in Rule if r is not rule))
        }
        trace = traces[rule]
        ranges: dict[Rule, Flow] = {each: traces[each].flow for each in Rule}
        read: tuple[Row, ...] = ()
        other_rows: tuple[Row, ...] = ()
        if with_rows:
            if limits != Limits():
                # What a limit cut off was read as well: it is how much was cut off.
                traces[Rule.FIFO] = self._trace(thefts, Rule.FIFO, Limits())
            read = tuple(rows_read(traces[rule], self._rows))
            known = {(row.seq, row.part) for row in read}
            others = {
                (row.seq, row.part): row
                for each in traces.values()
                for row in rows_read(each, self._rows)
                if (row.seq, row.part) not in known
            }
            other_rows = tuple(others[key] for key in sorted(others))
        accounts = {account for row in (*read, *other_rows) for account in (row.src, row.dst)}
        return Evidence(
            trace=trace,
            rows=read,
            other_rows=other_rows,
            openings=tuple(opening for opening in self._inferred if opening.account_id in accounts),
            inferred_count=len(self._inferred),
            inferred_amount=sum(opening.inferred for opening in self._inferred),
            ranges=ranges,
            source="The postings were read from files; row order is posting order.",
        )

    def close(self) -> None:
        """Let go of the memory."""
        self._offline.close()

    def _trace(self, thefts: Sequence[str], rule: Rule, limits: Limits) -> Trace:
        return traced(
            self._offline,
            rule=rule,
            thefts=thefts,
            currency=self._currency,
            upto_seq=self._upto_seq,
            limits=limits,
        )
