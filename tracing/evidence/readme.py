"""The page on top of an evidence pack, for people who know neither us nor programming."""

from __future__ import annotations

from collections.abc import Mapping
from textwrap import dedent, fill
from typing import Final

from models.contracts.transfers import Flow
from models.money import sum_of_money
from tracing.evidence.evidence import Evidence
from tracing.evidence.formats import OTHER_ROWS, ROWS
from tracing.picture.pieces import spoken
from tracing.picture.words import ENGLISH
from tracing.rules import Rule

DEFINITIONS: Final = {
    Rule.FIFO: "First in, first out: the money that came in first is the money that is paid out first. Every unit that ever "
    "came into an account has a number, in the order of arrival, the opening balance first; every payment spends the "
    "lowest numbers that are still there. A payment is stolen so far as the numbers it spent are those of stolen money.",
    Rule.LIBR: "Lowest intermediate balance: an account pays with its own money first. Of a payment that leaves the balance B "
    "in an account where T is stolen, the stolen part is T - B, or nothing where B is at least T. Later deposits of "
    "clean money do not restore stolen money that was spent.",
    Rule.PRO_RATA: "Pro rata: of a payment of x from an account with balance B of which T is stolen, the stolen part is "
    "T * x / B, rounded to the nearest unit, half up, and never more than T or x nor less than T minus what stays.",
    Rule.LIFO: "Last in, first out: the money that came in last is paid out first.",
    Rule.DIRTY_FIRST: "Stolen money first: of a payment of x from an account where T is stolen, the stolen part is the lesser of "
    "T and x.",
}

_TEXT = """\
    EVIDENCE OF WHERE STOLEN MONEY WENT

    {subject}

    {totals}

    {awarded}

    The rule. {rule} One rule is applied to every account and every payment alike.

    {limits}

    What this pack proves, and what it does not. From the rows in {rows} anybody can compute again where the stolen
    money went; no other data and no trust in whoever made the pack are needed. The pack cannot prove that these rows
    are what the wallet posted, nor that it posted nothing else: compare them with the wallet's own books, by posting
    number. Nor can it prove its own age: compare the digest below with the one that was noted elsewhere at the time.

    Digest of the edges (SHA-256): {digest}

    {ranges}

    THE FILES

    {files}

    HOW TO CHECK IT BY HAND

    Take any sentence of explanations.en.txt. It names a transfer and its numbers; find the transfer's row in the file of
    rows and do the subtraction. Opening balances that nobody stated were taken to be the least that explains the
    payments: {inferred}.

    HOW TO CHECK IT BY MACHINE

    With this program, on a computer without a network, type `stanch trace verify PACK`. It answers "nothing
    differs", or names the file and the line that does. The pack is of format {format}; later releases read it, too. {statement}
"""

_FILES = {
    "trace.json": "the parameters, the totals, and the digest",
    "statement.sql": "the text of the query that follows the money, for SQLite and PostgreSQL alike",
    "rows.jsonl": "the rows that were read, one to a line, amounts in minor units (cents)",
    "other-rules-rows.jsonl": "further rows that only the other rules read",
    "holds.jsonl": "money that a hold took out of an account's turn, and from which posting to which",
    "openings.jsonl": "opening balances of these accounts of which a part had to be inferred",
    "edges.jsonl": "the result: every step of the stolen money",
    "explanations.en.txt, explanations.zh.txt": "the same in sentences, in English and Chinese",
    "flow.en.svg, flow.zh.svg": "the same as a picture; any web browser shows and prints it",
    "manifest.json": "the format of the pack, and the size and SHA-256 of every other file",
}


def readme(evidence: Evidence, number: int) -> str:
    """Plain text, 100 columns, for a pack of format `number`."""
    trace = evidence.trace
    currency = trace.currency

    def money(amount: int) -> str:
        return sum_of_money(amount, currency)

    flow = trace.flow
    sums = {place: money(getattr(flow, place)) for place in type(flow).model_fields}
    thefts = ", ".join(spoken(theft) for theft in trace.thefts)
    said = {
        "subject": f"Account {spoken(trace.victim)} was robbed by these transfers: {thefts}. They were followed through the "
        f"wallet's postings 1 to {trace.upto_seq:,}. {evidence.source}".strip(),
        "totals": ENGLISH.identity.format(**sums) + ".",
        "awarded": ENGLISH.awarded.format(amount=money(trace.awarded)) if trace.awarded else "",
        "rule": DEFINITIONS[trace.rule],
        "limits": _limits(evidence),
        "rows": ROWS,
        "digest": trace.digest,
        "format": number,
        "ranges": _ranges(evidence),
        "inferred": f"{money(evidence.inferred_amount)} in all, over {evidence.inferred_count:,} of the ledger's accounts",
        "statement": "The statement in statement.sql runs in any SQLite on a table transfer_index filled from rows.jsonl."
        if trace.rule is Rule.FIFO
        else "",
    }
    files = "\n".join(fill(f"{name}: {what}", 100, subsequent_indent="    ") for name, what in _FILES.items())
    paragraphs = [_filled(paragraph, said, files) for paragraph in dedent(_TEXT).strip().split("\n\n")]
    return "\n\n".join(paragraph for paragraph in paragraphs if paragraph) + "\n"


def _filled(paragraph: str, said: Mapping[str, object], files: str) -> str:
    if paragraph.strip() == "{files}":
        return files
    return fill(" ".join(paragraph.format_map(said).split()), 100, break_long_words=False)


def _limits(evidence: Evidence) -> str:
    pruned = evidence.trace.pruned
    if not pruned:
        return "Nothing was left unfollowed."
    reasons = ", ".join(
        f"{reason.value}: {sum_of_money(cut.amount, evidence.trace.currency)} in {cut.count:,} parts"
        for reason, cut in sorted(pruned.items())
    )
    return f"Not everything was followed, because these limits were asked for. {reasons}."


def _ranges(evidence: Evidence) -> str:
    if not evidence.ranges:
        return ""
    held = [flow.held for flow in evidence.ranges.values()]
    exited = [flow.exited for flow in evidence.ranges.values()]
    currency = evidence.trace.currency
    said = (
        f"Had another of {_which(evidence.ranges)} been chosen, between {sum_of_money(min(held), currency)} and "
        f"{sum_of_money(max(held), currency)} would be held, and between {sum_of_money(min(exited), currency)} and "
        f"{sum_of_money(max(exited), currency)} would have left the wallet."
    )
    if evidence.other_rows is None:
        return f"{said} This pack does not prove that: it has not the rows that the other rules read."
    return f"{said} This can be computed again from {ROWS} and {OTHER_ROWS}."


def _which(ranges: Mapping[Rule, Flow]) -> str:
    if len(ranges) == len(Rule):
        return "the five accepted rules"
    return (
        f"these rules ({', '.join(ranges)}; the others would have read too much of the ledger to be packed)"
    )
