"""Computes an evidence pack again, in SQLite, and says what differs. No server, no network, no trust in its maker."""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Iterable, Mapping, Sequence
from contextlib import closing
from dataclasses import replace
from itertools import zip_longest
from pathlib import Path

from pydantic import ValidationError

from adapters.evidence.archive import Opened, opened
from adapters.transfers.offline import OfflineLedger
from models.contracts.base import Message
from models.contracts.transfers import Flow
from models.errors import ErrorCode, StanchError
from tracing.document import places, range_document
from tracing.evidence.evidence import Evidence, rows_read
from tracing.evidence.formats import MANIFEST, OTHER_ROWS, ROWS, TRACE
from tracing.evidence.parts import manifest_part, parts_of
from tracing.evidence.reading import PartFault, Stated, stated_in
from tracing.picture.pieces import spoken
from tracing.posting import Row
from tracing.result import Limits, Trace
from tracing.rules import Rule
from tracing.trace import trace as traced


class Finding(Message):
    """One thing that differs: in which part of the pack, and what."""

    part: str
    message: str


class Verdict(Message):
    """`digest` is what the rows give, `stated_digest` what the pack says; None where it could not be had.

    `rules_recomputed`: the rules of the range that were computed again; why others are not among them nobody can check.
    """

    findings: tuple[Finding, ...]
    stated_digest: str | None
    digest: str | None
    carried: int
    ranges_recomputed: bool
    rules_recomputed: tuple[str, ...] = ()

    @property
    def sound(self) -> bool:
        """Whether nothing differs."""
        return not self.findings


def verified(path: Path, *, expected: str | None = None) -> Verdict:
    """Check a pack part by part, then compute its trace again. Errors: FILE_BROKEN when the file is no pack at all,
    FORMAT_UNKNOWN when it is of a format that this program does not read.
    """
    pack = opened(path)
    findings = [Finding(part=part, message=why) for part, why in pack.damaged.items()]
    findings += _against_manifest(pack)
    if not pack.same_container:
        findings.append(
            Finding(part=path.name, message="bytes between its parts differ from how a pack is written")
        )
    stated, recomputed = None, None
    try:
        stated = stated_in(pack.parts, pack.written)
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
        findings.append(
            Finding(part=TRACE, message=f"its digest is {stated.digest}, expected was {expected}")
        )
    return Verdict(
        findings=tuple(dict.fromkeys(findings)),
        stated_digest=None if stated is None else stated.digest,
        digest=None if recomputed is None else recomputed.digest,
        carried=0 if recomputed is None else len(recomputed.carried),
        ranges_recomputed=stated is not None and stated.other_rows is not None,
        rules_recomputed=_rules(stated),
    )


def evidence_in(path: Path, *, rule: Rule | None = None) -> Evidence:
    """What a pack holds, computed again, by another rule where one is named; what it claims is not believed.

    Errors: FILE_BROKEN when that cannot be, FORMAT_UNKNOWN.
    """
    pack = opened(path)
    try:
        stated = stated_in(pack.parts, pack.written)
        trace = recompute(stated, rule or stated.rule)
        ranges = stated.ranges
        if stated.other_rows is not None:
            ranges = _ranges_of(stated, ranges)
        evidence = _evidence(stated, trace, ranges)
    except (KeyError, TypeError, PartFault, ArithmeticError) as error:
        raise _unusable(path, error) from error
    if rule is None or rule is stated.rule:
        return evidence
    # Together the rows are the same; which of them this rule reads is told anew.
    every = sorted((*evidence.rows, *(evidence.other_rows or ())), key=lambda row: (row.seq, row.part))
    unlimited = recompute(replace(stated, limits=Limits()), trace.rule)
    read = tuple(rows_read(unlimited, every))
    known = set(read)
    others = tuple(row for row in every if row not in known)
    return replace(evidence, rows=read, other_rows=others)


def recompute(stated: Stated, rule: Rule) -> Trace:
    """The trace of a pack's rows under a rule. Raises PartFault where the pack has not the rows for it."""
    rows: Sequence[Row] = stated.rows
    if rule is not stated.rule:
        if stated.other_rows is None:
            raise PartFault(OTHER_ROWS, "the pack has no rows for another rule")
        rows = sorted([*stated.rows, *stated.other_rows], key=lambda row: (row.seq, row.part))
    try:
        with closing(OfflineLedger(rows, stated.holds, statement=stated.written.fifo_statement)) as ledger:
            return traced(
                ledger,
                rule=rule,
                thefts=stated.thefts,
                currency=stated.currency,
                upto_seq=stated.upto_seq,
                limits=stated.limits,
                still_thefts=stated.written.still_thefts,
            )
    except (sqlite3.Error, OverflowError, ValidationError) as error:
        raise PartFault(ROWS, f"they give no trace ({type(error).__name__})") from error


def _rules(stated: Stated | None) -> tuple[str, ...]:
    if stated is None or stated.other_rows is None:
        return ()
    try:
        return tuple(rule.value for rule in stated.ranges)
    except PartFault:
        return ()


def _ranges_of(stated: Stated, rules: Iterable[Rule]) -> dict[Rule, Flow]:
    """What these rules make of the pack's rows. Raises PartFault where they make nothing of them."""
    try:
        return {rule: recompute(stated, rule).flow for rule in rules}
    except (ArithmeticError, StanchError) as error:
        raise PartFault(OTHER_ROWS, f"with them a rule gives no trace: {error}") from error


def _evidence(stated: Stated, trace: Trace, ranges: Mapping[Rule, Flow]) -> Evidence:
    inferred = stated.claimed["inferred_openings"]
    return Evidence(
        trace=trace,
        rows=stated.rows,
        other_rows=stated.other_rows,
        holds=stated.holds,
        openings=stated.openings,
        inferred_count=inferred["count"],
        inferred_amount=inferred["amount"],
        ranges=ranges,
        source=stated.claimed["source"],
    )


def _against_manifest(pack: Opened) -> list[Finding]:
    """Parts whose bytes are not those that the manifest was written for."""
    if MANIFEST not in pack.parts:
        return []
    try:
        listed = json.loads(pack.parts[MANIFEST])["parts"]
        expected = json.loads(manifest_part(pack.parts, pack.written))["parts"]
        differing = [name for name in expected if listed.get(name) != expected[name]]
    except (ValueError, KeyError, TypeError, AttributeError, RecursionError):
        return [Finding(part=MANIFEST, message="it is broken")]
    return [Finding(part=name, message="its bytes are not those of the manifest") for name in differing]


def _against_statement(stated: Stated, recomputed: Trace, parts: Mapping[str, bytes]) -> list[Finding]:
    """What the pack says beside what its rows give: totals, edges, digest, ranges, and then every text word for word."""
    findings: list[Finding] = []

    def differs(part: str, message: str) -> None:
        findings.append(Finding(part=part, message=message))

    if stated.digest != recomputed.digest:
        differs(TRACE, f"it states the digest {stated.digest}, the rows give {recomputed.digest}")
    claimed = stated.claimed
    for name, amount in places(recomputed).items():
        if claimed.get(name) != amount:
            differs(TRACE, f"it states {name} {_brief(claimed.get(name))}, the rows give {_brief(amount)}")
    ranges: dict[Rule, Flow] = {}
    try:
        ranges = stated.ranges
        if stated.other_rows is not None:
            computed = _ranges_of(stated, ranges)
            if range_document(computed) != claimed["ranges"]:
                differs(TRACE, "the range over the rules is not what the rows give")
        expected = parts_of(_evidence(stated, recomputed, ranges), stated.written)
    except PartFault as fault:
        differs(fault.part, fault.why)
        return findings
    except (KeyError, TypeError, ValidationError, ArithmeticError, StanchError) as error:
        differs(TRACE, f"a total is missing or broken ({type(error).__name__})")
        return findings
    for name, content in expected.items():
        if name in parts and parts[name] != content:
            differs(name, _first_difference(parts[name], content))
    return findings


def _first_difference(theirs: bytes, ours: bytes) -> str:
    """The first line that is not what the rows give."""
    pairs = zip_longest(theirs.splitlines(), ours.splitlines())
    for number, (their_line, our_line) in enumerate(pairs, start=1):
        if their_line != our_line:
            if their_line is None:
                return f"line {number} is missing: {_brief(our_line)}"
            if our_line is None:
                return f"line {number} is one too many: {_brief(their_line)}"
            return f"line {number} is {_brief(their_line)}, the rows give {_brief(our_line)}"
    return "its line ends are not those of a pack"


def _brief(value: object) -> str:
    said = value.decode("utf-8", errors="backslashreplace") if isinstance(value, bytes) else str(value)
    said = spoken(said)
    return said if len(said) <= 200 else said[:200] + "..."


def _unusable(path: Path, error: Exception) -> StanchError:
    return StanchError(
        ErrorCode.FILE_BROKEN,
        f"{path.name} gives no trace: {error}. Nothing of it was used; see what differs with `stanch trace verify`.",
    )
