"""What holds took out of an account's turn, and put back, in sentences: English and Chinese. Amounts are minor units."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from models.contracts.transfers import AccountKind
from tracing.evidence.evidence import Evidence
from tracing.outflows import HoldChange
from tracing.picture.languages import Language
from tracing.picture.pieces import spoken


@dataclass(frozen=True, kw_only=True)
class Templates:
    """Sentences with named gaps."""

    begins: str
    ends: str
    own: str
    others: str


TEMPLATES = {
    Language.ENGLISH: Templates(
        begins="after posting {seq} hold {hold} took {amount} of {account} out of its turn ({whose}): what the account paid since "
        "it paid with the rest.",
        ends="after posting {seq} hold {hold} put {amount} of {account} back into its place.",
        own="the stolen money itself",
        others="for another incident",
    ),
    Language.CHINESE: Templates(
        begins="第 {seq} 笔记账之后，冻结 {hold} 将 {account} 的 {amount} 移出付款顺序（{whose}）：此后该账户的付款均以其余资金支付。",
        ends="第 {seq} 笔记账之后，冻结 {hold} 将 {account} 的 {amount} 归还原位。",
        own="即本案被盗资金",
        others="属另一案件",
    ),
}


def holds_on_trace(evidence: Evidence) -> list[HoldChange]:
    """Those on wallet accounts that the stolen money reached, in posting order."""
    reached = {step.dst for step in evidence.trace.carried if step.dst_kind == AccountKind.WALLET}
    return [change for change in sorted(evidence.holds) if change.account_id in reached]


def hold_sentences(evidence: Evidence, language: Language) -> Iterator[str]:
    """One for each hold that began or ended on an account of the trace."""
    templates = TEMPLATES[language]
    for change in holds_on_trace(evidence):
        yield (templates.begins if change.amount > 0 else templates.ends).format(
            seq=f"{change.after_seq:,}",
            hold=spoken(change.hold_id),
            account=spoken(change.account_id),
            amount=f"{abs(change.amount):,}",
            whose=templates.own if change.stolen else templates.others,
        )
