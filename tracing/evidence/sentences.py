"""Every edge in one sentence that can be checked by hand, in English and Chinese. Amounts and units are minor units."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass

from models.contracts.transfers import AccountKind
from tracing.edges import Edge
from tracing.evidence.evidence import Evidence
from tracing.picture.languages import Language
from tracing.picture.pieces import spoken
from tracing.picture.words import WORDS
from tracing.posting import Row
from tracing.result import Carried, Trace


@dataclass(frozen=True, kw_only=True)
class Templates:
    """Sentences with named gaps."""

    theft: str
    units: str
    share: str
    reversal: str
    reversed_units: str
    awarded: str


TEMPLATES = {
    Language.ENGLISH: Templates(
        theft="transfer {transfer} (posting {seq}) is stolen whole: {amount} from {src} to {dst}, where it is {arrived}.",
        units="transfer {transfer} (posting {seq}) paid out units {out_lo} to {out_hi} of {src}; the stolen money is units {lo} "
        "to {hi}; {amount} went to {dst}, where it is {arrived}.",
        share="transfer {transfer} (posting {seq}) paid {whole} out of {src}, which held {balance}, of it {stained} stolen; by the "
        "rule {rule} {amount} of the payment is stolen and went to {dst}.",
        reversal="transfer {transfer} (posting {seq}) undid transfer {undone} and paid {whole} out of {src}, which held {balance}, "
        "of it {stained} stolen; the same money goes back first, so {amount} of it is stolen and went to {dst}.",
        reversed_units=" It undid transfer {undone}, so the same units went back first.",
        awarded=" It paid out hold {hold}, by a decision: {dst} owns it, and it is followed no further.",
    ),
    Language.CHINESE: Templates(
        theft="转账 {transfer}（第 {seq} 笔记账）全额被盗：{amount} 由 {src} 转至 {dst}，成为{arrived}。",
        units="转账 {transfer}（第 {seq} 笔记账）转出了 {src} 的第 {out_lo} 至 {out_hi} 单位；其中被盗资金为第 {lo} 至 {hi} 单位；"
        "{amount} 到达 {dst}，成为{arrived}。",
        share="转账 {transfer}（第 {seq} 笔记账）从 {src} 转出 {whole}，转出前余额为 {balance}，其中被盗 {stained}；"
        "按“{rule}”规则，其中 {amount} 为被盗资金，到达 {dst}。",
        reversal="转账 {transfer}（第 {seq} 笔记账）撤销转账 {undone}，从 {src} 转出 {whole}，转出前余额为 {balance}，其中被盗 {stained}；"
        "同一笔资金先行退回，故其中 {amount} 为被盗资金，到达 {dst}。",
        reversed_units="该笔撤销转账 {undone}，故相同单位先行退回。",
        awarded="该笔经决定由冻结 {hold} 支付：资金归 {dst} 所有，不再继续追踪。",
    ),
}
ARRIVED = {Language.ENGLISH: "units {lo} to {hi}", Language.CHINESE: "第 {lo} 至 {hi} 单位"}


def sentences(evidence: Evidence, language: Language) -> Iterator[str]:
    """One for each edge, in posting order. `evidence.rows` must have the rows that carried stolen money."""
    trace = evidence.trace
    if trace.units:
        rows = {(row.seq, row.out_pos): row for row in evidence.rows}
        starts: dict[int, list[int]] = defaultdict(list)
        for seq, out_pos in rows:
            if out_pos is not None:
                starts[seq].append(out_pos)
        for edge in trace.units:
            part = max(start for start in starts[edge.seq] if start <= edge.src_lo)
            yield _of_units(edge, rows[(edge.seq, part)], language)
    else:
        yield from _of_shares(trace, _whole(evidence.rows), language)


def _of_units(edge: Edge, row: Row, language: Language) -> str:
    templates = TEMPLATES[language]
    assert row.out_pos is not None
    arrived = ARRIVED[language].format(lo=f"{edge.dst_lo:,}", hi=f"{edge.dst_lo + edge.amount:,}")
    said = (templates.units if edge.hop else templates.theft).format(
        **_named(edge),
        amount=f"{edge.amount:,}",
        arrived=arrived,
        out_lo=f"{row.out_pos:,}",
        out_hi=f"{row.out_pos + row.amount:,}",
        lo=f"{edge.src_lo:,}",
        hi=f"{edge.src_hi:,}",
    )
    if edge.hop and row.reverses is not None:
        said += templates.reversed_units.format(undone=spoken(row.reverses))
    return said + _awarded(edge, row, language)


def _awarded(step: Edge | Carried, row: Row, language: Language) -> str:
    if step.dst_kind != AccountKind.AWARDED:
        return ""
    return TEMPLATES[language].awarded.format(hold=spoken(row.hold_id or ""), dst=spoken(step.dst))


def _of_shares(trace: Trace, whole: Mapping[int, Row], language: Language) -> Iterator[str]:
    """What lay stolen in an account before a payment is what came there less what left it."""
    templates = TEMPLATES[language]
    stained: dict[str, int] = defaultdict(int)
    for step in trace.carried:
        row = whole[step.seq]
        amount = f"{step.amount:,}"
        if step.hop == 0:
            arrived = {Language.ENGLISH: "stolen money", Language.CHINESE: "被盗资金"}[language]
            yield templates.theft.format(**_named(step), amount=amount, arrived=arrived)
        else:
            template = templates.share if row.reverses is None else templates.reversal
            said = template.format(
                **_named(step),
                amount=amount,
                whole=f"{row.amount:,}",
                balance=f"{(row.src_balance_after or 0) + row.amount:,}",
                stained=f"{stained[step.src]:,}",
                rule=WORDS[language].rules[trace.rule],
                undone=spoken(row.reverses or ""),
            )
            yield said + _awarded(step, row, language)
            stained[step.src] -= step.amount
        if step.amount > trace.limits.dust and step.dst_kind != AccountKind.AWARDED:
            stained[step.dst] += step.amount


def _named(step: Edge | Carried) -> dict[str, str]:
    return {
        "transfer": spoken(step.transfer_id),
        "seq": f"{step.seq:,}",
        "src": spoken(step.src),
        "dst": spoken(step.dst),
    }


def _whole(rows: Iterable[Row]) -> dict[int, Row]:
    """Postings by number, their parts put together."""
    whole: dict[int, Row] = {}
    for row in rows:
        before = whole.get(row.seq)
        whole[row.seq] = row if before is None else before._replace(amount=before.amount + row.amount)
    return whole
