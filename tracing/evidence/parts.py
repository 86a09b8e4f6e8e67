"""The parts of an evidence pack as bytes, the same for the same evidence every time; and the evidence back from them.

Rows are JSON, one to a line: exact, readable, and, unlike a table that a spreadsheet opens, never run as a formula.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping, Sequence
from hashlib import sha256
from typing import Any

from tracing.document import parameters, places, range_document
from tracing.evidence.evidence import Evidence
from tracing.evidence.formats import (
    CURRENT,
    EDGES,
    EXPLANATIONS,
    HOLDS,
    MANIFEST,
    OPENINGS,
    OTHER_ROWS,
    PICTURES,
    README,
    ROWS,
    STATEMENT,
    TRACE,
    Format,
)
from tracing.evidence.readme import readme
from tracing.evidence.sentences import sentences
from tracing.picture.drawing import flow_picture
from tracing.picture.languages import Language
from tracing.result import Trace
from tracing.rules import Rule


def parts_of(evidence: Evidence, written: Format = CURRENT) -> dict[str, bytes]:
    """Everything, by name, in the order of the format."""
    trace = evidence.trace
    parts = {
        README: readme(evidence, written.number).encode(),
        TRACE: _json(trace_part(evidence)),
        STATEMENT: statement_part(trace, written).encode(),
        ROWS: _lines(_fields(row, written.rows) for row in evidence.rows),
        OTHER_ROWS: _lines(_fields(row, written.rows) for row in evidence.other_rows or ()),
        HOLDS: _lines(_fields(hold, written.holds) for hold in evidence.holds),
        OPENINGS: _lines(opening.model_dump(mode="json") for opening in evidence.openings),
        EDGES: _lines(edges_part(trace, written)),
    }
    for language in Language:
        parts[EXPLANATIONS[language]] = "".join(
            f"{line}\n" for line in sentences(evidence, language)
        ).encode()
    for language in Language:
        picture = flow_picture(trace, ranges=evidence.ranges or None, language=language)
        parts[PICTURES[language]] = picture.encode()
    parts[MANIFEST] = manifest_part(parts, written)
    return parts


def trace_part(evidence: Evidence) -> dict[str, Any]:
    """The parameters and the totals."""
    trace = evidence.trace
    return (
        parameters(trace)
        | places(trace)
        | {
            "edges": len(trace.carried),
            "digest": trace.digest,
            "inferred_openings": {"count": evidence.inferred_count, "amount": evidence.inferred_amount},
            "ranges": range_document(evidence.ranges),
            "ranges_can_be_recomputed": evidence.other_rows is not None,
            "source": evidence.source,
        }
    )


def edges_part(trace: Trace, written: Format) -> Iterable[dict[str, Any]]:
    """FIFO's edges with their units, as the digest has them; under the other rules the carried transfers."""
    if trace.units:
        return (_fields(edge, written.edges) for edge in trace.units)
    return (_fields(carried, written.carried) for carried in trace.carried)


def statement_part(trace: Trace, written: Format) -> str:
    """The text that PostgreSQL and SQLite run, or what the rule says where it is no single statement."""
    if trace.rule is Rule.FIFO:
        return written.fifo_statement(trace.thefts)
    return (
        f"-- Rule {trace.rule.value} is no single statement: it goes through the rows in posting order.\n"
        "-- README.txt says how much of each payment it counts as stolen.\n"
    )


def manifest_part(parts: Mapping[str, bytes], written: Format = CURRENT) -> bytes:
    """The format, and the digest and the size of every other part."""
    listed = {
        name: {"bytes": len(content), "sha256": sha256(content).hexdigest()}
        for name, content in parts.items()
        if name != MANIFEST
    }
    return _json({"format": written.number, "parts": listed})


def _fields(record: object, names: Sequence[str]) -> dict[str, Any]:
    return {name: getattr(record, name) for name in names}


def _json(content: Mapping[str, Any]) -> bytes:
    return json.dumps(content, indent=1, ensure_ascii=True).encode() + b"\n"


def _lines(records: Iterable[Mapping[str, Any]]) -> bytes:
    return b"".join(
        json.dumps(record, ensure_ascii=True, separators=(",", ":")).encode() + b"\n" for record in records
    )


def records_from(content: bytes) -> list[dict[str, Any]]:
    """The records of a part of lines. Raises ValueError with the line where it is broken."""
    records = []
    for number, line in enumerate(content.splitlines(), start=1):
        try:
            record = json.loads(line)
        except (ValueError, RecursionError) as error:
            raise ValueError(f"line {number} is not JSON") from error
        if not isinstance(record, dict):
            raise ValueError(f"line {number} is not a record")  # noqa: TRY004 - the content is wrong, not the call
        records.append(record)
    return records
