"""The words on a picture, in every language it speaks."""

from __future__ import annotations

from dataclasses import dataclass

from tracing.picture.languages import Language
from tracing.picture.unrolled import Cell, Look
from tracing.rules import Rule


@dataclass(frozen=True, kw_only=True)
class Words:
    """Sentences have named gaps; sums of money are put in as text."""

    language: str
    title: str
    facts: str
    identity: str
    pruned: str
    joined: str
    awarded: str
    description: str
    others: str
    later: str
    theft: str
    hop: str
    hops: str
    table: str
    arrived: str
    carried_on: str
    total: str
    least: str
    most: str
    rules: dict[Rule, str]
    looks: dict[Look, str]
    cells: dict[Cell, str]
    digest: str
    link: str
    bar: str


ENGLISH = Words(
    language="en",
    title="Flow of stolen money from account {victim}",
    facts="Rule: {rule}. Stolen transfers: {thefts}. Followed up to posting {upto}, through {carried} transfers. Amounts in {currency}.",
    identity="Stolen {stolen} = held {held} + left the wallet {exited} + pooled {pooled} + returned {returned} + not followed {pruned}",
    pruned="Not followed, because of the limits that were asked for: {reasons}",
    joined="Rejoins: money that reached an account again, over more hops, and counts with what lay there from then on.",
    awarded="Of what left, {amount} is awarded: paid out of holds, by a decision, to other owners, whose own it is.",
    description="{carried} transfers carried the stolen money over at most {hops} hops after the theft. {identity}. "
    "The table beneath the picture has the same numbers.",
    others="{count} others",
    later="{count} accounts",
    theft="theft",
    hop="hop {hop}",
    hops="hops {first} to {last}",
    table="The same numbers, by hop",
    arrived="arrived",
    carried_on="carried on",
    total="in all",
    least="least of these rules",
    most="most of these rules",
    rules={
        Rule.FIFO: "first in, first out",
        Rule.LIBR: "lowest intermediate balance",
        Rule.PRO_RATA: "pro rata",
        Rule.LIFO: "last in, first out",
        Rule.DIRTY_FIRST: "stolen money first",
    },
    looks={
        Look.VICTIM: "victim",
        Look.WALLET: "wallet account",
        Look.POOLING: "pooling account",
        Look.BANK: "bank",
        Look.CARD: "card",
        Look.CASH: "cash",
        Look.CRYPTO: "crypto",
        Look.MERCHANT: "merchant",
        Look.FEE: "fee",
        Look.OUTSIDE: "outside",
        Look.AWARDED: "awarded",
        Look.RETURNED: "back at the victim",
        Look.LATER: "later hops",
    },
    cells={
        Cell.HELD: "held",
        Cell.EXITED: "left the wallet",
        Cell.POOLED: "pooled",
        Cell.RETURNED: "returned",
        Cell.PRUNED: "not followed",
        Cell.JOINED: "rejoins",
    },
    digest="Digest of the edges (SHA-256): {digest}",
    link="{source} to {target}: {amount} in {count} transfers",
    bar="{account}, {look}: {amount}",
)

CHINESE = Words(
    language="zh",
    title="账户 {victim} 被盗资金流向",
    facts="规则：{rule}。被盗转账：{thefts}。追踪至第 {upto} 笔记账，经 {carried} 笔转账。金额单位：{currency}。",
    identity="被盗 {stolen} = 留存 {held} + 流出 {exited} + 混池 {pooled} + 退回 {returned} + 未追踪 {pruned}",
    pruned="因所设限制而未继续追踪：{reasons}",
    joined="并入前跳：经更多跳再次到达同一账户的资金，此后与账户中原有的被盗资金合并计算。",
    awarded="流出金额中有 {amount} 为裁定支付：经决定由冻结资金付给其他权利人，归其所有。",
    description="共有 {carried} 笔转账承载被盗资金，盗转之后最多 {hops} 跳。{identity}。图下的表格列出相同的数字。",
    others="其他 {count} 个",
    later="{count} 个账户",
    theft="盗转",
    hop="第 {hop} 跳",
    hops="第 {first} 至 {last} 跳",
    table="相同数字，按跳列出",
    arrived="到达",
    carried_on="继续转出",
    total="合计",
    least="五种规则中最少",
    most="五种规则中最多",
    rules={
        Rule.FIFO: "先进先出",
        Rule.LIBR: "最低中间余额",
        Rule.PRO_RATA: "按比例",
        Rule.LIFO: "后进先出",
        Rule.DIRTY_FIRST: "赃款先出",
    },
    looks={
        Look.VICTIM: "受害人",
        Look.WALLET: "钱包账户",
        Look.POOLING: "混池账户",
        Look.BANK: "银行",
        Look.CARD: "银行卡",
        Look.CASH: "现金",
        Look.CRYPTO: "加密货币",
        Look.MERCHANT: "商户",
        Look.FEE: "手续费",
        Look.OUTSIDE: "外部",
        Look.AWARDED: "裁定支付",
        Look.RETURNED: "退回受害人",
        Look.LATER: "后续各跳",
    },
    cells={
        Cell.HELD: "留存",
        Cell.EXITED: "流出",
        Cell.POOLED: "混池",
        Cell.RETURNED: "退回",
        Cell.PRUNED: "未追踪",
        Cell.JOINED: "并入前跳",
    },
    digest="追踪边摘要（SHA-256）：{digest}",
    link="{source} 至 {target}：{amount}，{count} 笔转账",
    bar="{account}，{look}：{amount}",
)

WORDS = {Language.ENGLISH: ENGLISH, Language.CHINESE: CHINESE}
