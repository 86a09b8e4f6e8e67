"""What every verb gives of a trace: the document, the picture in the terminal or in a file, the pack."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

from adapters.evidence.archive import packed, write_whole
from cli.traces.terminal import show_flow, show_ranges
from tracing.document import document
from tracing.evidence.parts import parts_of
from tracing.picture.drawing import flow_picture

if TYPE_CHECKING:
    from cli.output import Output
    from tracing.evidence.evidence import Evidence
    from tracing.picture.languages import Language


def give(
    evidence: Evidence,
    *,
    svg: Path | None,
    pack: Path | None,
    language: Language,
    output: Output,
    facts: Mapping[str, Any] | None = None,
) -> None:
    """`facts` go into the document with it. Files first, so that a place that cannot be written to is an error and not half an answer. Errors: INVALID."""
    trace = evidence.trace
    if svg is not None:
        picture = flow_picture(trace, ranges=evidence.ranges or None, language=language)
        write_whole(svg, picture.encode())
    if pack is not None:
        write_whole(pack, packed(parts_of(evidence)))
    if output.as_json:
        output.document({**(facts or {}), **said(evidence)})
        return
    show_flow(output.console, trace, language=language)
    if evidence.ranges:
        show_ranges(output.console, evidence.ranges, trace.currency, language)
    if svg is not None:
        output.say(f"Written: {svg}")
    if pack is not None:
        output.say(f"Written: {pack}. Whoever has it can check it: stanch trace verify {pack}")


def said(evidence: Evidence) -> dict[str, Any]:
    """The trace's document."""
    return document(
        evidence.trace,
        ranges=evidence.ranges,
        inferred_count=evidence.inferred_count,
        inferred_amount=evidence.inferred_amount,
    )
