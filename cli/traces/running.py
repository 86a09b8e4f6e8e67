"""`stanch trace run`: on two files, or again on an evidence pack."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from adapters.evidence.archive import is_pack
from adapters.evidence.gathering import LedgerInFiles
from adapters.evidence.verification import evidence_in
from cli.currencies import checked_currency
from cli.traces.giving import give
from models.errors import ErrorCode, StanchError
from tracing.result import Limits
from tracing.rules import Rule

if TYPE_CHECKING:
    from adapters.transfers.refusals import RefusedRow
    from cli.output import Output
    from tracing.evidence.evidence import Evidence
    from tracing.picture.languages import Language


@dataclass(frozen=True, kw_only=True)
class Asked:
    """What was typed."""

    pack: str | None
    transfers: Path | None
    accounts: Path | None
    thefts: tuple[str, ...]
    rule: Rule | None
    currency: str
    horizon: int | None
    dust: int
    max_edges: int | None


def run_trace(
    asked: Asked, *, svg: Path | None, pack: Path | None, language: Language, output: Output
) -> None:
    """Trace and show. Errors: INVALID, FILE_BROKEN, THEFT_UNKNOWN, THEFT_NOT_VICTIMS; nothing is written then."""
    refused: list[RefusedRow] = []
    if asked.pack is not None:
        evidence = _of_pack(asked, Path(asked.pack))
    else:
        evidence, refused = _of_files(asked, output, with_pack=pack is not None)
    facts = {"refused_rows": [row.model_dump(mode="json") for row in refused]} if refused else {}
    give(evidence, svg=svg, pack=pack, language=language, output=output, facts=facts)


def _of_pack(asked: Asked, path: Path) -> Evidence:
    if asked.transfers or asked.accounts or asked.thefts or asked.horizon or asked.dust or asked.max_edges:
        raise _wrong("an evidence pack has its own rows, thefts and limits", "Leave those options out")
    if not is_pack(path):
        raise _wrong(f"{path} is no evidence pack", "Name one, or give --transfers, --accounts and --theft")
    return evidence_in(path, rule=asked.rule)


def _of_files(asked: Asked, output: Output, *, with_pack: bool) -> tuple[Evidence, list[RefusedRow]]:
    if asked.transfers is None or asked.accounts is None or not asked.thefts:
        raise _wrong("two files and a theft are needed", "Give --transfers, --accounts and --theft")
    ledger = LedgerInFiles(asked.transfers, asked.accounts, currency=checked_currency(asked.currency))
    for row in ledger.refused:
        output.warn(f"row refused: {row}")
    evidence = ledger.trace(
        asked.thefts,
        rule=asked.rule or Rule.FIFO,
        limits=Limits(horizon_seq=asked.horizon, dust=asked.dust, max_edges=asked.max_edges),
        with_rows=with_pack,
    )
    return evidence, ledger.refused


def _wrong(what: str, instead: str) -> StanchError:
    return StanchError(ErrorCode.INVALID, f"Nothing was traced: {what}. {instead}.")
