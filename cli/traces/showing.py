"""`stanch trace show|explain|compare|extend`: of an incident, of one trace, or of an evidence pack."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final, TypeVar

from adapters.evidence.archive import is_pack
from adapters.evidence.verification import evidence_in
from adapters.wiring import Wiring
from cli.configuration import settings
from cli.traces.giving import give, said
from cli.traces.terminal import show_ranges
from models.errors import ErrorCode, StanchError
from tracing.evidence.held import hold_sentences
from tracing.evidence.sentences import sentences
from tracing.rules import Rule
from use_cases.see_traces import SeeTraces

if TYPE_CHECKING:
    from cli.output import Output
    from models.contracts.transfers import TraceSummary
    from tracing.evidence.evidence import Evidence
    from tracing.picture.languages import Language

T = TypeVar("T")

CATCHING_UP: Final = timedelta(seconds=10)
"""What a person waits for the newest transfers; the trace says how far it came."""

ROWS_TO_COMPARE: Final = 1_000_000
"""Payments that another rule may read when a person asks: some 20 s."""


@dataclass(frozen=True)
class Seen:
    """A trace, and how it is stored where it is."""

    evidence: Evidence
    stored: TraceSummary | None

    @property
    def facts(self) -> dict[str, Any]:
        """What is known of a stored trace beyond its money."""
        if self.stored is None:
            return {}
        known = ("trace_id", "incident_id", "episode", "upto_at", "feed_behind_ms")
        return {name: value for name, value in self.stored.model_dump(mode="json").items() if name in known}

    @property
    def position(self) -> str | None:
        """How fresh it is, in a line."""
        if self.stored is None:
            return None
        at = self.stored.upto_at.isoformat() if self.stored.upto_at else "no time"
        return (
            f"Trace {self.stored.trace_id}: up to posting {self.stored.upto_seq:,} at {at}, "
            f"feed {self.stored.feed_behind_ms / 1000:.1f} s behind."
        )


def show_trace(
    subject: str, *, svg: Path | None, pack: Path | None, language: Language, output: Output
) -> None:
    """The flow in the terminal, as a document, as a picture, as a pack. Errors: NOT_FOUND, INVALID, REFUSED_BY_RULE."""
    seen = _seen(subject)
    if len(seen) > 1 and (svg is not None or pack is not None):
        ids = ", ".join(each.stored.trace_id for each in seen if each.stored is not None)
        raise StanchError(
            ErrorCode.INVALID,
            f"This incident has a trace in each of several currencies ({ids}); nothing was written. Name one of them.",
        )
    if output.as_json and len(seen) > 1:
        output.document({"traces": [each.facts | said(each.evidence) for each in seen]})
        return
    for each in seen:
        if each.position is not None and not output.as_json:
            output.say(each.position)
        give(each.evidence, svg=svg, pack=pack, language=language, output=output, facts=each.facts)
        if not output.as_json:
            for sentence in hold_sentences(each.evidence, language):
                output.say(sentence)


def explain_trace(subject: str, *, language: Language, output: Output) -> None:
    """One sentence for each edge. Errors: as `show_trace`."""
    seen = _seen(subject)
    told = [
        each.facts
        | {
            "rule": each.evidence.trace.rule.value,
            "currency": each.evidence.trace.currency,
            "digest": each.evidence.trace.digest,
            "sentences": list(sentences(each.evidence, language)),
            "holds": list(hold_sentences(each.evidence, language)),
        }
        for each in seen
    ]
    output.document({"traces": told})
    if not output.as_json:
        for each in told:
            for sentence in (*each["sentences"], *each["holds"]):
                output.say(sentence)


def compare_rules(subject: str, *, language: Language, output: Output) -> None:
    """What each rule gives. Errors: as `show_trace`.

    Computed and kept with the trace where that was not done yet; a rule that would read too many rows is `missing`.
    """
    seen = _seen(subject, compared=True)
    told = []
    for each in seen:
        evidence = each.evidence
        document = said(evidence)
        told.append(
            each.facts
            | {name: document[name] for name in ("rule", "currency", "stolen", "ranges")}
            | {"missing": [rule.value for rule in Rule if rule not in evidence.ranges]}
        )
    output.document({"traces": told})
    if not output.as_json:
        for each in seen:
            if each.position is not None:
                output.say(each.position)
            show_ranges(output.console, each.evidence.ranges, each.evidence.trace.currency, language)


def extend_trace(subject: str, *, language: Language, output: Output) -> None:
    """Catch up with the wallet, follow what is new, and show it. Errors: as `show_trace`, and those of the trace."""

    async def extended(wiring: Wiring) -> list[str]:
        upto = await wiring.index.catch_up(budget=CATCHING_UP)
        named = await _use_case(wiring).named(subject)
        return [(await wiring.traces.extend(each.trace_id, upto)).trace_id for each in named]

    if is_pack(Path(subject)):
        raise StanchError(
            ErrorCode.INVALID,
            "An evidence pack is finished and is not extended; nothing was done. Name its incident.",
        )
    ids = _with_wiring(extended)
    for trace_id in ids[:-1] if output.as_json else ():
        output.warn(f"extended to trace {trace_id}")
    if output.as_json and len(ids) > 1:
        output.document(
            {"traces": [each.facts | said(each.evidence) for trace_id in ids for each in _seen(trace_id)]}
        )
        return
    for trace_id in ids:
        show_trace(trace_id, svg=None, pack=None, language=language, output=output)


def _seen(subject: str, *, compared: bool = False) -> Sequence[Seen]:
    path = Path(subject)
    if path.is_file():
        return [Seen(evidence_in(path), None)]

    async def look(wiring: Wiring) -> list[Seen]:
        see = _use_case(wiring)
        named = await see.named(subject)
        for each in named if compared else ():
            await wiring.traces.compare(each.trace_id, rows_allowed=ROWS_TO_COMPARE)
        return [Seen(await see.evidence(each.trace_id), each) for each in named]

    return _with_wiring(look)


def _use_case(wiring: Wiring) -> SeeTraces:
    return SeeTraces(traces=wiring.stored_traces, overview=wiring.overview)


def _with_wiring(work: Callable[[Wiring], Awaitable[T]]) -> T:
    async def run() -> T:
        wiring = Wiring(settings())
        try:
            return await work(wiring)
        finally:
            await wiring.close()

    return asyncio.run(run())
