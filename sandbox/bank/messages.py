"""What institutions read and write: ISO 20022 where they are banks, the neutral form elsewhere. Checked by eyes of their own."""

from __future__ import annotations

import json
import re
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal, InvalidOperation
from typing import Any
from xml.sax.saxutils import escape

from lxml import etree

from sandbox.problems import Refusal

RECALL = "urn:iso:std:iso:20022:tech:xsd:camt.056.001.12"
ANSWER = "urn:iso:std:iso:20022:tech:xsd:camt.029.001.14"
LARGEST = 256 * 1024
DIGITS = {"JPY": 0, "KRW": 0, "VND": 0, "CLP": 0, "ISK": 0, "BHD": 3, "KWD": 3, "JOD": 3, "OMR": 3, "TND": 3}
CONFIRMATION = {"accepted": "CNCL", "in_part": "PECR", "pending": "PDCR", "refused": "RJCR"}
INDIVIDUAL = {"accepted": "ACCR", "in_part": "ACCR", "pending": "PDCR", "refused": "RJCR"}
REASON = {
    "CUST": "customer",
    "AM04": "no_money",
    "AC04": "account_closed",
    "LEGL": "legal",
    "ARDT": "already_returned",
}


@dataclass(frozen=True)
class Asked:
    """A recall as it was read. `amount` is what is asked for; the form's `whole` amount is the original payment's."""

    kind: str
    message_id: str
    case_id: str
    transfer_id: str | None
    uetr: str | None
    end_to_end_id: str | None
    whole: int
    amount: int
    currency: str


def read(content: bytes, media_type: str) -> Asked:
    """Refusals: invalid, when it is not what the form wants."""
    if len(content) > LARGEST:
        raise _invalid("too large")
    return _read_xml(content) if media_type.endswith("/xml") else _read_json(content)


def _read_xml(content: bytes) -> Asked:
    parser = etree.XMLParser(resolve_entities=False, no_network=True, load_dtd=False, huge_tree=False)
    try:
        root = etree.fromstring(content, parser)
    except etree.XMLSyntaxError as error:
        raise _invalid("not XML") from error
    if root.tag != f"{{{RECALL}}}Document":
        raise _invalid("not a camt.056.001.12")

    def at(path: str) -> str | None:
        steps = "/".join(f"{{{RECALL}}}{step}" for step in path.split("/"))
        found = root.find(f"{{{RECALL}}}FIToFIPmtCxlReq/{steps}")
        return None if found is None else (found.text or "")

    payment = "Undrlyg/TxInf"
    if at(f"{payment}/CxlRsnInf/Rsn/Cd") != "FRAD":
        raise _invalid("a reason other than FRAD")
    amount = root.find(f".//{{{RECALL}}}OrgnlIntrBkSttlmAmt")
    message_id, case_id = at("Assgnmt/Id"), at("Case/Id")
    if amount is None or not message_id or not case_id:
        raise _invalid("no amount, no assignment or no case")
    currency = amount.get("Ccy", "")
    whole = _minor(amount.text or "", currency)
    reminded = re.search(rb"Reminder \d+", content) is not None
    return Asked(
        kind="chase" if reminded else "recall",
        message_id=message_id,
        case_id=case_id,
        transfer_id=at(f"{payment}/OrgnlTxId"),
        uetr=at(f"{payment}/OrgnlUETR"),
        end_to_end_id=at(f"{payment}/OrgnlEndToEndId"),
        whole=whole,
        amount=whole,
        currency=currency,
    )


def _read_json(content: bytes) -> Asked:
    try:
        body: dict[str, Any] = json.loads(content)
        transfer = body["transfer"]
        if body["version"] != "stanch-recall/1" or body["type"] not in ("recall", "chase", "withdrawal"):
            raise _invalid("not a recall")
        return Asked(
            kind=body["type"],
            message_id=str(body["message_id"]),
            case_id=str(body["recall_id"]),
            transfer_id=str(transfer["transfer_id"]),
            uetr=None,
            end_to_end_id=None,
            whole=int(transfer["amount"]),
            amount=int(body["asked"]),
            currency=str(transfer["currency"]),
        )
    except (ValueError, KeyError, TypeError) as error:
        raise _invalid("not a recall") from error


@dataclass(frozen=True)
class Case:
    """What an answer has to name."""

    case_id: str
    form: str
    currency: str
    end_to_end_id: str | None
    uetr: str | None


def answer(case: Case, action: dict[str, Any], answer_id: str, moment: datetime) -> str:
    """An answer in the form of the recall."""
    if case.form == "xml":
        return _xml(case, action, answer_id, moment)
    body: dict[str, Any] = {
        "version": "stanch-recall/1",
        "type": "answer",
        "answer_id": answer_id,
        "recall_id": case.case_id,
        "status": action["status"],
    }
    if "amount" in action:
        body |= {"promised": action["amount"], "currency": case.currency}
    if "reason" in action:
        body["reason"] = REASON.get(action["reason"], "other")
    return json.dumps(body)


def _xml(case: Case, action: dict[str, Any], answer_id: str, moment: datetime) -> str:
    status = action["status"]
    payment = "".join(
        (
            f"<CxlStsId>{escape(answer_id)}</CxlStsId>",
            f"<OrgnlEndToEndId>{escape(case.end_to_end_id)}</OrgnlEndToEndId>" if case.end_to_end_id else "",
            f"<OrgnlUETR>{escape(case.uetr)}</OrgnlUETR>" if case.uetr else "",
            f"<TxCxlSts>{INDIVIDUAL[status]}</TxCxlSts>",
            f"<CxlStsRsnInf><Rsn><Cd>{action['reason']}</Cd></Rsn></CxlStsRsnInf>"
            if "reason" in action
            else "",
        )
    )
    returned = ""
    if "amount" in action:
        text = _major(action["amount"], case.currency)
        returned = (
            f'<RsltnRltdInf><IntrBkSttlmAmt Ccy="{case.currency}">{text}</IntrBkSttlmAmt></RsltnRltdInf>'
        )
    them = "<Agt><FinInstnId><Othr><Id>SANDBOX-BANK</Id></Othr></FinInstnId></Agt>"
    us = "<Agt><FinInstnId><Othr><Id>STANCH</Id></Othr></FinInstnId></Agt>"
    at = moment.isoformat(timespec="seconds")
    return (
        f'<?xml version="1.0" encoding="UTF-8"?><Document xmlns="{ANSWER}"><RsltnOfInvstgtn>'
        f"<Assgnmt><Id>{escape(answer_id)}</Id><Assgnr>{them}</Assgnr><Assgne>{us}</Assgne>"
        f"<CreDtTm>{at}</CreDtTm></Assgnmt>"
        f"<RslvdCase><Id>{escape(case.case_id)}</Id><Cretr>{us}</Cretr></RslvdCase>"
        f"<Sts><Conf>{CONFIRMATION[status]}</Conf></Sts>"
        f"<CxlDtls><TxInfAndSts>{payment}</TxInfAndSts></CxlDtls>{returned}</RsltnOfInvstgtn></Document>"
    )


def _minor(text: str, currency: str) -> int:
    try:
        amount = Decimal(text) * 10 ** DIGITS.get(currency, 2)
    except InvalidOperation as error:
        raise _invalid("not an amount") from error
    if amount != amount.to_integral_value() or amount <= 0:
        raise _invalid("not an amount of this currency")
    return int(amount)


def _major(amount: int, currency: str) -> str:
    digits = DIGITS.get(currency, 2)
    return f"{Decimal(amount).scaleb(-digits):.{digits}f}"


def _invalid(why: str) -> Refusal:
    return Refusal(422, "invalid", f"This is no recall that we can read: {why}. Nothing was done.")
