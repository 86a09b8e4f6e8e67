"""What staff read of an alert: one sentence for each kind, then codes and ids, and the command that shows more.

The sentence is in the house's language, or in both. Codes and commands are the same in every language.
"""

from __future__ import annotations

from typing import Final

from activities.staff_ports import StaffWords
from models.contracts.staff import StaffAlertRow
from models.names import Severity, StaffAlertKind

SENTENCES: Final[dict[StaffAlertKind, str]] = {
    StaffAlertKind.FREEZE_PENDING: "An account is not frozen yet: the wallet does not answer, and money may be leaving.",
    StaffAlertKind.NOT_FROZEN: "The wallet refused to freeze an account for good: nothing protects it.",
    StaffAlertKind.OWNER_UNPROVEN: "Nobody proved to be the owner in time: two people must decide about the freeze.",
    StaffAlertKind.IDENTITY_CONTESTED: "More than one claimant has shown factors for an account: one of them may be a thief.",
    StaffAlertKind.CODES_EXHAUSTED: "Too many wrong codes for one contact: whoever it is can only go on with an agent's help.",
    StaffAlertKind.EVIDENCE_AGAINST: "Something speaks against a claimant: another person on the document, or an old number that knows nothing of it.",
    StaffAlertKind.DECISION_ASKED: "A question waits for a person.",
    StaffAlertKind.DECISION_OVERDUE: "A question has waited beyond its time, and nobody has decided.",
    StaffAlertKind.STUCK: "A part of an incident has failed for good and waits for a person.",
    StaffAlertKind.STEP_FAILING: "A step keeps failing, and is tried again and again without an end.",
    StaffAlertKind.ANSWER_QUARANTINED: "An institution's answer to a recall cannot be used and was set aside.",
    StaffAlertKind.FEED_STOPPED: "The feed of transfers has stopped: no money is followed beyond this posting.",
    StaffAlertKind.NOTICE_UNREACHED: "A notice reached nobody: somebody must call the person.",
    StaffAlertKind.DIFFERENCE: "What stands at the wallet differs from our records.",
    StaffAlertKind.MONEY_UNACCOUNTED: "The money of an incident does not add up to what was stolen: it is in no total.",
    StaffAlertKind.BREAK_GLASS_USED: "A supervisor has acted alone: another one must judge it.",
    StaffAlertKind.BREAK_GLASS_UNREVIEWED: "A supervisor has acted alone, and nobody has judged it in time.",
    StaffAlertKind.HOLD_ENDING: "A hold runs out soon and its money goes back to the holder: nothing was decided about it yet.",
    StaffAlertKind.MULE_FREEZE_LONG: "A mule's whole account has been restricted for long: two people must say whether it stays so.",
    StaffAlertKind.LATE_MONEY: "Money came back for a recall that was closed: its recovery begins again, and holds it.",
}

CHINESE: Final[dict[StaffAlertKind, str]] = {
    StaffAlertKind.FREEZE_PENDING: "账户尚未冻结:钱包没有应答,资金可能正在流出。",
    StaffAlertKind.NOT_FROZEN: "钱包最终拒绝冻结账户:该账户没有任何保护。",
    StaffAlertKind.OWNER_UNPROVEN: "没有人在规定时间内证明自己是户主:须由两人就冻结作出决定。",
    StaffAlertKind.DECISION_ASKED: "有一个问题等待人工处理。",
    StaffAlertKind.DECISION_OVERDUE: "有一个问题已超过期限,仍无人决定。",
    StaffAlertKind.STUCK: "案件的一部分最终失败,等待人工处理。",
    StaffAlertKind.STEP_FAILING: "有一个步骤不断失败,一再重试仍未完成。",
    StaffAlertKind.ANSWER_QUARANTINED: "其他机构对追回请求的答复无法使用,已隔离。",
    StaffAlertKind.FEED_STOPPED: "转账数据流已中断:此笔之后的资金无法继续追踪。",
    StaffAlertKind.NOTICE_UNREACHED: "有一条通知未能送达任何人:须有人致电当事人。",
    StaffAlertKind.DIFFERENCE: "钱包中的实际情况与我们的记录不一致。",
    StaffAlertKind.MONEY_UNACCOUNTED: "有一案件的资金与被盗总额对不上:未计入任何合计。",
    StaffAlertKind.IDENTITY_CONTESTED: "有不止一人为同一账户出示了凭证:其中可能有窃贼。",
    StaffAlertKind.CODES_EXHAUSTED: "某一联系方式的验证码错误次数过多:对方须经客服协助才能继续。",
    StaffAlertKind.EVIDENCE_AGAINST: "有不利于申请人的情况:证件属于他人,或旧号码的机主对此毫不知情。",
    StaffAlertKind.HOLD_ENDING: "有一笔冻结资金即将到期并退回持有人:尚未就其作出任何决定。",
    StaffAlertKind.MULE_FREEZE_LONG: "有一个过渡账户已被整户限制很久:须由两人决定是否继续。",
    StaffAlertKind.LATE_MONEY: "已结案的追回请求有资金退回:其追款重新开始,并将该资金冻结。",
    StaffAlertKind.BREAK_GLASS_USED: "一名主管单独采取了行动:须由另一名主管审查。",
    StaffAlertKind.BREAK_GLASS_UNREVIEWED: "一名主管单独采取了行动,在规定时间内无人审查。",
}
"""The same in Simplified Chinese."""

IN_LANGUAGE: Final = {"en": SENTENCES, "zh-Hans": CHINESE}
"""Sentences by BCP 47 tag."""

SEVERITIES: Final[dict[StaffAlertKind, Severity]] = {
    StaffAlertKind.FREEZE_PENDING: Severity.CRITICAL,
    StaffAlertKind.NOT_FROZEN: Severity.CRITICAL,
    StaffAlertKind.OWNER_UNPROVEN: Severity.WARNING,
    StaffAlertKind.IDENTITY_CONTESTED: Severity.CRITICAL,
    StaffAlertKind.CODES_EXHAUSTED: Severity.WARNING,
    StaffAlertKind.EVIDENCE_AGAINST: Severity.CRITICAL,
    StaffAlertKind.DECISION_ASKED: Severity.INFO,
    StaffAlertKind.DECISION_OVERDUE: Severity.WARNING,
    StaffAlertKind.STUCK: Severity.CRITICAL,
    StaffAlertKind.STEP_FAILING: Severity.CRITICAL,
    StaffAlertKind.ANSWER_QUARANTINED: Severity.WARNING,
    StaffAlertKind.FEED_STOPPED: Severity.CRITICAL,
    StaffAlertKind.NOTICE_UNREACHED: Severity.WARNING,
    StaffAlertKind.DIFFERENCE: Severity.WARNING,
    StaffAlertKind.MONEY_UNACCOUNTED: Severity.WARNING,
    StaffAlertKind.BREAK_GLASS_USED: Severity.CRITICAL,
    StaffAlertKind.BREAK_GLASS_UNREVIEWED: Severity.CRITICAL,
    StaffAlertKind.LATE_MONEY: Severity.WARNING,
    StaffAlertKind.HOLD_ENDING: Severity.WARNING,
    StaffAlertKind.MULE_FREEZE_LONG: Severity.WARNING,
}

LOOK: Final[dict[StaffAlertKind, str]] = {
    StaffAlertKind.ANSWER_QUARANTINED: "stanch recall answers --verdict quarantined",
    StaffAlertKind.FEED_STOPPED: "stanch doctor",
    StaffAlertKind.DIFFERENCE: "stanch doctor",
    StaffAlertKind.MONEY_UNACCOUNTED: "stanch incident remedy {incident_id}",
    StaffAlertKind.NOTICE_UNREACHED: "stanch notice show {subject}",
    StaffAlertKind.IDENTITY_CONTESTED: "stanch incident identity show {incident_id}",
    StaffAlertKind.CODES_EXHAUSTED: "stanch incident identity show {incident_id}",
    StaffAlertKind.EVIDENCE_AGAINST: "stanch incident identity show {incident_id}",
    StaffAlertKind.LATE_MONEY: "stanch recall show {subject}",
    StaffAlertKind.HOLD_ENDING: "stanch hold show {subject}",
    StaffAlertKind.MULE_FREEZE_LONG: "stanch hold mules",
    StaffAlertKind.BREAK_GLASS_USED: "stanch incident break-glass list",
    StaffAlertKind.BREAK_GLASS_UNREVIEWED: "stanch incident break-glass list",
}
"""Where more is to be seen, when it is not in the incident."""


def sentences(kind: StaffAlertKind, language: str) -> list[str]:
    """One sentence in each language of `language` (`en`, `zh-Hans`, or both as `en+zh-Hans`).

    Of a kind that a language has no sentence for, the English one: an alert is never kept back for its words.
    """
    return [IN_LANGUAGE[tag].get(kind, SENTENCES[kind]) for tag in language.split("+")]


def words(alert: StaffAlertRow, language: str) -> StaffWords:
    """The alert in words. The same alert always reads the same, its id included: a second one is seen to be the same."""
    shown = LOOK.get(alert.kind, "stanch incident show {incident_id}")
    lines = [
        *sentences(alert.kind, language),
        f"What: {alert.kind.value} {alert.detail} {alert.subject}",
        *([f"Incident: {alert.incident_id}"] if alert.incident_id is not None else []),
        f"Since: {alert.raised_at.isoformat(timespec='seconds')}",
        f"Look: {shown.format(subject=alert.subject.partition('/')[0], incident_id=alert.incident_id)}",
        f"Alert: {alert.alert_id}",
    ]
    return StaffWords(title=f"Stanch, {alert.severity.value}: {alert.kind.value}", body="\n".join(lines))
