"""The flow picture: one SVG, the same bytes for the same trace every time.

No script, no style element or attribute, no link to anything: presentation attributes only, so the strictest content
security policy shows it and a printer prints it (A4, landscape). Every text that comes from a ledger is escaped. The
colours are Paul Tol's "muted" set, which colour-blind people tell apart; what a colour says is always said in words too.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

from models.contracts.transfers import Flow
from models.money import plain_sum
from tracing.picture.folding import Folded, fold, is_folded
from tracing.picture.languages import Language
from tracing.picture.layout import BAR_WIDTH, LINE_HEIGHT, Area, Layout, Placed, Ribbon, label_lines, lay_out
from tracing.picture.marks import MARKS, Mark
from tracing.picture.pieces import element, escaped, named, shortened, spoken, text, tooltip
from tracing.picture.table import by_hop
from tracing.picture.tabulated import tabulated
from tracing.picture.unrolled import Bar, Cell, Look, Unrolled, unroll
from tracing.picture.words import WORDS, Words
from tracing.result import Trace
from tracing.rules import Rule

WIDTH, HEIGHT = 1122, 793
MARGIN = 34.0
COLUMNS = 9
MOST_BARS, FEWEST_BARS = 12, 3
TALLEST = 0.4
"""Share of the picture's height that all of the stolen money has at least, where folding can reach that."""

HOP_LINES = 9
PICTURE_TOP, PICTURE_HEIGHT = 130.0, 400.0
FONT: Final = "Noto Sans, DejaVu Sans, Noto Sans CJK SC, Microsoft YaHei, PingFang SC, sans-serif"
STUB = 24.0


def flow_picture(
    trace: Trace,
    *,
    ranges: Mapping[Rule, Flow] | None = None,
    language: Language = Language.ENGLISH,
) -> str:
    """The SVG of a trace, as text. `ranges`: what each rule gives, shown beside the totals.

    Raises ArithmeticError where a unit would be missing or drawn twice: such a picture is never shown.
    """
    return _Picture(trace, ranges, WORDS[language]).svg()


class _Picture:
    def __init__(self, trace: Trace, ranges: Mapping[Rule, Flow] | None, words: Words) -> None:
        self.trace = trace
        self.ranges = ranges
        self.words = words
        self.unrolled: Unrolled = unroll(trace)
        self.folded, self.layout = _fitted(self.unrolled, trace.flow.stolen)

    def money(self, amount: int) -> str:
        return plain_sum(amount, self.trace.currency)

    def svg(self) -> str:
        words, trace = self.words, self.trace
        title = words.title.format(victim=spoken(trace.victim))
        table = tabulated(
            trace,
            by_hop(self.unrolled, lines=HOP_LINES),
            self.ranges,
            words,
            left=MARGIN,
            top=PICTURE_TOP + PICTURE_HEIGHT + 48,
            width=WIDTH - 2 * MARGIN,
        )
        described = words.description.format(
            carried=len(trace.carried), hops=self.unrolled.last_hop, identity=self._identity()
        )
        picture = [*self._ribbons(), *self._bars()]
        parts = [
            element("title", {"id": "title"}, [escaped(title)]),
            element("desc", {"id": "description"}, [escaped(described)]),
            element("rect", {"width": WIDTH, "height": HEIGHT, "fill": "#ffffff"}),
            *self._head(title),
            *self._column_names(),
            element("g", {"role": "img", "aria-labelledby": "title description"}, picture),
            *table,
            text(MARGIN, HEIGHT - 16, words.digest.format(digest=trace.digest), size=8, fill="#444444"),
        ]
        return element(
            "svg",
            {
                "xmlns": "http://www.w3.org/2000/svg",
                "width": "297mm",
                "height": "210mm",
                "viewBox": f"0 0 {WIDTH} {HEIGHT}",
                "lang": words.language,
                "xml:lang": words.language,
                "font-family": FONT,
                "font-size": 9,
                "fill": "#1a1a1a",
                "aria-labelledby": "title description",
            },
            ["\n", *(f"{part}\n" for part in parts)],
        )

    def _identity(self) -> str:
        flow = self.trace.flow
        places = {place: self.money(getattr(flow, place)) for place in type(flow).model_fields}
        return self.words.identity.format(**places)

    def _head(self, title: str) -> list[str]:
        words, trace = self.words, self.trace
        facts = words.facts.format(
            rule=words.rules[trace.rule],
            thefts=named(trace.thefts, 70),
            upto=f"{trace.upto_seq:,}",
            currency=trace.currency,
            carried=f"{len(trace.carried):,}",
        )
        head = [
            text(MARGIN, 40, shortened(title, 110), size=17, weight="bold"),
            text(MARGIN, 58, facts, size=10, fill="#444444"),
            text(MARGIN, 76, self._identity(), size=10.5, weight="bold"),
        ]
        said = []
        if trace.pruned:
            reasons = ", ".join(
                f"{reason.value} {self.money(cut.amount)} ({cut.count:,})"
                for reason, cut in sorted(trace.pruned.items())
            )
            said.append(words.pruned.format(reasons=reasons))
        if any(Cell.JOINED in bar.rests for bar in self.unrolled.bars.values()):
            said.append(words.joined)
        if trace.awarded:
            said.append(words.awarded.format(amount=self.money(trace.awarded)))
        pitch = 12 if len(said) < 3 else 9
        return head + [
            text(MARGIN, 91 + pitch * line, each, size=9, fill="#444444") for line, each in enumerate(said)
        ]

    def _column_names(self) -> list[str]:
        names = []
        for number in range(len(self.folded.columns)):
            if number == 0:
                continue
            name = self.words.theft if number == 1 else self.words.hop.format(hop=number - 1)
            if self.folded.first_later is not None and number >= self.folded.first_later:
                if number > self.folded.first_later:
                    continue
                name = self.words.hops.format(first=number - 1, last=self.unrolled.last_hop)
            x = MARGIN + number * self.layout.step
            names.append(text(x, PICTURE_TOP - 12, name, size=9, fill="#555555", weight="bold"))
        return names

    def _ribbons(self) -> list[str]:
        return [self._ribbon(ribbon) for ribbon in self.layout.ribbons]

    def _ribbon(self, ribbon: Ribbon) -> str:
        bend = (ribbon.x0 + ribbon.x1) / 2
        below0, below1 = ribbon.y0 + ribbon.width, ribbon.y1 + ribbon.width
        path = (
            f"M{ribbon.x0:.1f} {ribbon.y0:.1f}C{bend:.1f} {ribbon.y0:.1f} {bend:.1f} {ribbon.y1:.1f} {ribbon.x1:.1f} {ribbon.y1:.1f}"
            f"V{below1:.1f}C{bend:.1f} {below1:.1f} {bend:.1f} {below0:.1f} {ribbon.x0:.1f} {below0:.1f}Z"
        )
        said = self.words.link.format(
            source=self._name(self.layout.placed[ribbon.source].bar),
            target=self._name(self.layout.placed[ribbon.target].bar),
            amount=self.money(ribbon.amount),
            count=f"{ribbon.transfers:,}",
        )
        fill = MARKS[ribbon.target.look].fill
        return element("path", {"d": path, "fill": fill, "fill-opacity": "0.28"}, [tooltip(said)])

    def _bars(self) -> list[str]:
        return [
            part
            for column in self.folded.columns
            for bar in column
            for part in self._bar(self.layout.placed[bar.key])
        ]

    def _name(self, bar: Bar) -> str:
        if bar.key.look is Look.LATER:
            return self.words.later.format(count=f"{bar.accounts:,}")
        if is_folded(bar):
            return self.words.others.format(count=f"{bar.accounts:,}")
        return spoken(bar.key.account_id)

    def _bar(self, placed: Placed) -> list[str]:
        bar, words = placed.bar, self.words
        said = words.bar.format(
            account=self._name(bar), look=words.looks[bar.key.look], amount=self.money(bar.amount)
        )
        rests = [f"{words.cells[cell]} {self.money(amount)}" for cell, amount in sorted(bar.rests.items())]
        parts = [_box((placed.x, placed.y), BAR_WIDTH, placed.height, _mark(bar), "; ".join([said, *rests]))]
        split = label_lines(bar) > 2
        if split:
            parts += self._stubs(placed)
        x = placed.x + BAR_WIDTH + (STUB + 5 if split else 5)
        y = placed.y + LINE_HEIGHT - 2
        room = int((self.layout.step - (x - placed.x) - 6) / 4.9)
        amount = f"{self.money(bar.amount)} {self._state(bar)}".rstrip()
        lines = [shortened(self._name(bar), room), amount, *(rests if split else [])]
        for number, line in enumerate(lines):
            weight = "bold" if number == 0 else "normal"
            parts.append(text(x, y + number * LINE_HEIGHT, line, size=8.5, weight=weight, halo=True))
        return parts

    def _state(self, bar: Bar) -> str:
        """In a word what the bar's money did: it passed through a wallet account, rests there, or left through an exit."""
        look, words = bar.key.look, self.words
        if look in {Look.LATER, Look.WALLET, Look.POOLING, Look.RETURNED}:
            whole = label_lines(bar) == 2 and bar.rests
            return words.cells[next(iter(bar.rests))] if whole else ""
        cut = [words.cells[cell] for cell in bar.rests if cell is not Cell.EXITED and look is not Look.VICTIM]
        return ", ".join([words.looks[look], *cut])

    def _stubs(self, placed: Placed) -> list[str]:
        """What rests of a bar that passed the other part on: beside its lower end."""
        stubs = []
        y = placed.y + placed.bar.sent * self.layout.scale
        for cell, amount in sorted(placed.bar.rests.items()):
            height = max(amount * self.layout.scale, 1.2)
            said = f"{self._name(placed.bar)}: {self.words.cells[cell]} {self.money(amount)}"
            stubs.append(_box((placed.x + BAR_WIDTH, y), STUB, height, MARKS[cell], said))
            y += height
        return stubs


def _fitted(unrolled: Unrolled, stolen: int) -> tuple[Folded, Layout]:
    """As many bars as leave room for heights that can be compared: labels need some of it, whatever their bar stands for."""
    area = Area(MARGIN, PICTURE_TOP, WIDTH - 2 * MARGIN, PICTURE_HEIGHT)
    tried: list[tuple[Folded, Layout]] = []
    for bars in range(MOST_BARS, FEWEST_BARS - 1, -1):
        folded = fold(unrolled, columns=COLUMNS, bars=bars)
        tried.append((folded, lay_out(folded, area)))
        if tried[-1][1].scale * stolen >= TALLEST * PICTURE_HEIGHT:
            return tried[-1]
    return max(tried, key=lambda each: each[1].scale)


def _mark(bar: Bar) -> Mark:
    """Its kind's, or that of the one place where all of it rests."""
    if bar.key.look is Look.WALLET and not bar.sent and len(bar.rests) == 1:
        return MARKS[next(iter(bar.rests))]
    return MARKS[bar.key.look]


def _box(place: tuple[float, float], width: float, height: float, mark: Mark, said: str) -> str:
    x, y = place
    attributes = {
        "x": f"{x:.1f}",
        "y": f"{y:.1f}",
        "width": f"{width:.1f}",
        "height": f"{height:.1f}",
        "fill": mark.fill,
    }
    if mark.stroke is not None:
        attributes |= {"stroke": mark.stroke, "stroke-width": "1"}
    if mark.dashes is not None:
        attributes["stroke-dasharray"] = mark.dashes
    return element("rect", attributes, [tooltip(said)])
