"""Computes an evidence pack again, in SQLite, and says what differs. No server, no network, no trust in its maker."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping, Sequence
from contextlib import closing
from pathlib import Path

from adapters.evidence.archive import Opened, opened
from adapters.transfers.offline import OfflineLedger
from models.contracts.base import Message
from models.errors import StanchError
from tracing.document import places, range_document
from tracing.evidence.evidence import Evidence
from tracing.evidence.parts import (
    EDGES,
    MANIFEST,
    OTHER_ROWS,
    ROWS,
    STATEMENT,
    TRACE,
    manifest_part,
    parts_of,
)
from tracing.evidence.reading import PartFault, Stated, stated_in
from tracing.posting import Row
from tracing.result import Trace
from tracing.rules import Rule
from tracing.trace import trace as traced


class Finding(Message):
    """One thing that differs: in which part of the pack, and what."""

    part: str
    message: str


class Verdict(Message):
    """`digest` is what the rows give, `stated_digest` what the pack says; None where it could not be had."""

    findings: tuple[Finding, ...]
    stated_digest: str | None
    digest: str | None
    carried: int
    ranges_recomputed: bool

    @property
    def sound(self) -> bool:
        """Whether nothing differs."""
        return not self.findings


def verified(path: Path, *, expected: str | None = None) -> Verdict:
    """Check a pack part by part, then compute its trace again. Errors: FILE_BROKEN when the file is no pack at all."""
    pack = opened(path)
    findings = [Finding(part=part, message=why) for part, why in pack.damaged.items()]
    findings += _against_manifest(pack)
    if not pack.same_container:
        findings.append(Finding(part=path.name, message="bytes between its parts differ from how a pack is written"))
    stated, recomputed = None, None
    try:
        stated = stated_in(pack.parts)
        recomputed = recompute(stated, stated.rule)
    except KeyError as error:
        findings.append(Finding(part=str(error.args[0]), message="without it nothing can be computed again"))
    except PartFault as fault:
        findings.append(Finding(part=fault.part, message=fault.why))
    except (ArithmeticError, StanchError) as error:
        findings.append(Finding(part=ROWS, message=f"they give no trace: {error}"))
    if stated is not None and recomputed is not None:
        findings += _against_statement(stated, recomputed, pack.parts)
    if stated is not None and expected is not None and expected != stated.digest:
        findings.append(Finding(part=TRACE, message=f"its digest is {stated.digest}, expected was {expected}"))
    return Verdict(
        findings=tuple(dict.fromkeys(findings)),
        stated_digest=None if stated is None else stated.digest,
        digest=None if recomputed is None else recomputed.digest,
        carried=0 if recomputed is None else len(recomputed.carried),
        ranges_recomputed=stated is not None and stated.other_rows is not None,
    )


def evidence_in(path: Path) -> Evidence:
    """What a pack holds, computed again; what it claims is not believed. Errors: FILE_BROKEN when that cannot be."""
    pack = opened(path)
    try:
        stated = stated_in(pack.parts)
        return _evidence(stated, recompute(stated, stated.rule), stated.ranges)
    except (KeyError, PartFault, ArithmeticError) as error:
        raise _unusable(path, error) from error


def recompute(stated: Stated, rule: Rule) -> Trace:
    """The trace of a pack's rows under a rule. Raises PartFault where the pack has not the rows for it."""
    rows: Sequence[Row] = stated.rows
    if rule is not stated.rule:
        if stated.other_rows is None:
            raise PartFault(OTHER_ROWS, "the pack has no rows for another rule")
        rows = sorted([*stated.rows, *stated.other_rows])
    with closing(OfflineLedger(rows)) as ledger:
        return traced(
            ledger,
            rule=rule,
            thefts=stated.thefts,
            victim=stated.victim,
            currency=stated.currency,
            upto_seq=stated.upto_seq,
            limits=stated.limits,
        )
