"""The flow picture in a terminal: columns are hops. Into a pipe or a file it goes as plain lines."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from models.money import plain_sum, sum_of_money
from tracing.picture.folding import Folded, fold, is_folded
from tracing.picture.languages import Language
from tracing.picture.pieces import named, shortened, spoken, width
from tracing.picture.unrolled import Bar, Cell, Look, unroll
from tracing.picture.words import WORDS, Words

if TYPE_CHECKING:
    from collections.abc import Mapping

    from rich.console import Console
    from rich.text import Text

    from models.contracts.transfers import Flow
    from tracing.result import Trace
    from tracing.rules import Rule

COLUMN_WIDTH: Final = 24
BARS: Final = 12
BLOCKS: Final = 10
"""Cells of a bar that is all of the stolen money."""

COLOURS: Final = {
    Look.VICTIM: "bold",
    Look.WALLET: "",
    Look.POOLING: "cyan",
    Look.RETURNED: "green",
    Look.LATER: "dim",
}
EXIT_COLOUR: Final = "red"
HELD_COLOUR: Final = "green"


def show_flow(console: Console, trace: Trace, *, language: Language = Language.ENGLISH) -> None:
    """Draw it as wide as the terminal is; deep hops and small bars are folded, and no money is left out."""
    words = WORDS[language]
    _say_facts(console, trace, words)
    unrolled = unroll(trace)
    if console.is_terminal:
        columns = max(console.width // COLUMN_WIDTH, 4)
        _draw(console, trace, fold(unrolled, columns=columns, bars=BARS), words, unrolled.last_hop)
    else:
        _list(console, trace, fold(unrolled, columns=unrolled.last_hop + 3, bars=10**9), words)
    if trace.pruned:
        reasons = ", ".join(
            f"{reason.value} {plain_sum(cut.amount, trace.currency)} ({cut.count})"
            for reason, cut in sorted(trace.pruned.items())
        )
        console.print(words.pruned.format(reasons=reasons), markup=False)
    console.print(words.digest.format(digest=trace.digest), markup=False, style="dim")


def show_ranges(console: Console, ranges: Mapping[Rule, Flow], currency: str, language: Language) -> None:
    """What each rule gives, and between which bounds each place lies."""
    words = WORDS[language]
    cells = (Cell.HELD, Cell.EXITED, Cell.POOLED, Cell.RETURNED, Cell.PRUNED)
    rows = {words.rules[rule]: [getattr(flow, cell.value) for cell in cells] for rule, flow in ranges.items()}
    bounds = list(zip(*rows.values(), strict=True))
    rows |= {words.least: [min(bound) for bound in bounds], words.most: [max(bound) for bound in bounds]}
    lines = [["", *(words.cells[cell] for cell in cells)]]
    lines += [[name, *(plain_sum(amount, currency) for amount in amounts)] for name, amounts in rows.items()]
    rooms = [max(width(line[number]) for line in lines) for number in range(len(cells) + 1)]
    for name, *amounts in lines:
        beside = (_right(amount, room) for amount, room in zip(amounts, rooms[1:], strict=True))
        console.print("  ".join([_left(name, rooms[0]), *beside]), markup=False)


def _say_facts(console: Console, trace: Trace, words: Words) -> None:
    console.print(words.title.format(victim=spoken(trace.victim)), markup=False, style="bold")
    console.print(
        words.facts.format(
            rule=words.rules[trace.rule],
            thefts=named(trace.thefts, 70),
            upto=f"{trace.upto_seq:,}",
            currency=trace.currency,
            carried=f"{len(trace.carried):,}",
        ),
        markup=False,
    )
    flow = trace.flow
    sums = {place: sum_of_money(getattr(flow, place), trace.currency) for place in type(flow).model_fields}
    console.print(words.identity.format(**sums), markup=False, style="bold")
    if trace.awarded:
        amount = sum_of_money(trace.awarded, trace.currency)
        console.print(words.awarded.format(amount=amount), markup=False)


def _draw(console: Console, trace: Trace, folded: Folded, words: Words, last_hop: int) -> None:
    from rich.table import Table

    table = Table(box=None, padding=(0, 2, 0, 0), expand=False)
    for number, _ in enumerate(folded.columns):
        table.add_column(_column_name(number, folded, words, last_hop), no_wrap=True, vertical="top")
    most = max(len(column) for column in folded.columns)
    for line in range(most):
        table.add_row(
            *(_cell(column[line], trace, words) if line < len(column) else "" for column in folded.columns)
        )
    console.print(table)


def _cell(bar: Bar, trace: Trace, words: Words) -> Text:
    from rich.text import Text

    drawn = Text()
    blocks = max(round(BLOCKS * bar.amount / trace.flow.stolen), 1)
    rests = sum(bar.rests.values())
    kept = 0 if not rests else max(round(blocks * rests / bar.amount), 1)
    if bar.sent and kept == blocks and blocks > 1:
        kept -= 1
    drawn.append("█" * (blocks - kept), COLOURS.get(bar.key.look, EXIT_COLOUR))
    drawn.append("▒" * kept, _rest_colour(bar))
    drawn.append(f" {plain_sum(bar.amount, trace.currency)}\n")
    drawn.append(shortened(_name(bar, words), COLUMN_WIDTH - 2), "bold" if not is_folded(bar) else "dim")
    looks = words.looks[bar.key.look]
    if bar.key.look not in {Look.WALLET, Look.VICTIM, Look.LATER}:
        drawn.append(f"\n{looks}", COLOURS.get(bar.key.look, EXIT_COLOUR))
    for cell, amount in sorted(bar.rests.items()):
        if cell in {Cell.HELD, Cell.PRUNED, Cell.JOINED}:
            colour = HELD_COLOUR if cell is Cell.HELD else "yellow"
            drawn.append(f"\n{words.cells[cell]} {plain_sum(amount, trace.currency)}", colour)
    drawn.append("\n")
    return drawn


def _rest_colour(bar: Bar) -> str:
    if bar.rests[Cell.HELD]:
        return HELD_COLOUR
    return "yellow" if bar.key.look is Look.WALLET else COLOURS.get(bar.key.look, EXIT_COLOUR)


def _list(console: Console, trace: Trace, folded: Folded, words: Words) -> None:
    """One line for each account at each hop, nothing folded: what a program or an editor can search."""
    widest = max(width(_name(bar, words)) for column in folded.columns for bar in column)
    for number, column in enumerate(folded.columns):
        name = words.looks[Look.VICTIM] if number == 0 else _hop_name(number, words)
        for bar in column:
            rests = ", ".join(
                f"{words.cells[cell]} {plain_sum(amount, trace.currency)}"
                for cell, amount in sorted(bar.rests.items())
            )
            line = (
                f"{_left(name, 8)}  {_left(_name(bar, words), widest)}  {_left(words.looks[bar.key.look], 18)}  "
                f"{plain_sum(bar.amount, trace.currency):>16}  {rests}"
            )
            console.print(line.rstrip(), markup=False)


def _name(bar: Bar, words: Words) -> str:
    if bar.key.look is Look.LATER:
        return words.later.format(count=bar.accounts)
    return words.others.format(count=bar.accounts) if is_folded(bar) else spoken(bar.key.account_id)


def _column_name(number: int, folded: Folded, words: Words, last_hop: int) -> str:
    if number == 0:
        return words.looks[Look.VICTIM]
    if folded.first_later is not None and number >= folded.first_later:
        return words.hops.format(first=number - 1, last=last_hop) if number == folded.first_later else ""
    return _hop_name(number, words)


def _hop_name(number: int, words: Words) -> str:
    return words.theft if number == 1 else words.hop.format(hop=number - 1)


def _left(line: str, room: int) -> str:
    return line + " " * (room - width(line))


def _right(line: str, room: int) -> str:
    return " " * (room - width(line)) + line
