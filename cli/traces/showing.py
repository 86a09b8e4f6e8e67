"""`stanch trace show|explain|compare|extend`: of an incident, of one trace, or of an evidence pack."""

from __future__ import annotations

import asyncio
import re
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

from adapters.evidence.archive import is_pack
from adapters.evidence.verification import evidence_in
from adapters.wiring import Wiring
from cli.configuration import settings
from cli.gateway_client import GatewayClient
from cli.traces.giving import give, said
from cli.traces.terminal import show_ranges
from models.errors import ErrorCode, StanchError
from models.ids import is_ulid
from tracing.evidence.held import hold_sentences
from tracing.evidence.sentences import sentences
from tracing.picture.pieces import spoken
from tracing.rules import Rule
from use_cases.see_traces import SeeTraces

if TYPE_CHECKING:
    from cli.output import Output
    from models.contracts.transfers import TraceSummary
    from models.names import Role
    from tracing.evidence.evidence import Evidence
    from tracing.picture.languages import Language

T = TypeVar("T")

_TRACE_ID = re.compile(r"[0-9a-f]{32}")


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
    seen = _seen(subject, with_ranges=pack is not None)
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


def compare_rules(
    subject: str, *, reason: str | None, login: Role | None, language: Language, output: Output
) -> None:
    """What each rule gives. Errors: as `show_trace`.

    With a `reason` it is computed at the gateway, and kept with the trace, where that was not done yet: a step in the name of
    the login. A rule that is not known, or would read too many rows, is `missing`.
    """
    seen = _seen(subject)
    wanted = [each.stored.trace_id for each in seen if each.stored and len(each.evidence.ranges) < len(Rule)]
    if wanted and reason is not None:
        ask_again(wanted, "comparisons", reason, login=login)
        seen = _seen(subject)
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
    if output.as_json:
        return
    for each, one in zip(seen, told, strict=True):
        if each.position is not None:
            output.say(each.position)
        if each.evidence.ranges:
            show_ranges(output.console, each.evidence.ranges, each.evidence.trace.currency, language)
        if one["missing"] and reason is None:
            output.say(
                f"Not computed: {', '.join(one['missing'])}. Have it done, and recorded in your name: "
                f'stanch trace compare {subject} --reason "..."'
            )
        elif one["missing"]:
            output.say(
                f"Would read too much of the ledger, so there is no number: {', '.join(one['missing'])}."
            )


def extend_trace(
    subject: str, *, reason: str, login: Role | None, language: Language, output: Output
) -> None:
    """Have the gateway catch up with the wallet and follow what is new, and show it. Errors: as `show_trace`, and the gateway's.

    A step in the name of the login, with the reason.
    """
    if is_pack(Path(subject)):
        raise StanchError(
            ErrorCode.INVALID,
            "An evidence pack is finished and is not extended; nothing was done. Name its incident.",
        )

    async def named(wiring: Wiring) -> list[str]:
        return [each.trace_id for each in await _use_case(wiring).named(subject)]

    ids = ask_again(_with_wiring(named), "extensions", reason, login=login)
    if output.as_json and len(ids) > 1:
        output.document(
            {"traces": [each.facts | said(each.evidence) for trace_id in ids for each in _seen(trace_id)]}
        )
        return
    for trace_id in ids:
        show_trace(trace_id, svg=None, pack=None, language=language, output=output)


def ask_again(trace_ids: Sequence[str], what: str, reason: str, *, login: Role | None) -> list[str]:
    """Ask the gateway for this of each trace; the ids of the traces it gave."""
    with GatewayClient.of_environment(login) as gateway:
        answers = [
            gateway.post(f"/v1/traces/{trace_id}/{what}", {"reason": reason}) for trace_id in trace_ids
        ]
    return [answer["trace_id"] for answer in answers]


def _seen(subject: str, *, with_ranges: bool = False) -> Sequence[Seen]:
    path = Path(subject)
    if path.is_file():
        return [Seen(evidence_in(path), None)]
    if not is_ulid(subject) and not _TRACE_ID.fullmatch(subject):
        raise StanchError(
            ErrorCode.NOT_FOUND,
            f"There is no file {spoken(subject)}, and no incident or trace is called that. Check the name.",
        )

    async def look(wiring: Wiring) -> list[Seen]:
        see = _use_case(wiring)
        named = await see.named(subject)
        return [Seen(await see.evidence(each.trace_id, with_ranges=with_ranges), each) for each in named]

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
