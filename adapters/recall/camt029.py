"""A bank's answer: ISO 20022 camt.029.001.14, ResolutionOfInvestigation, about one payment."""

from __future__ import annotations

from typing import Any, Final

from adapters.recall.camt056 import NOT_PROVIDED
from adapters.recall.xml import every, malformed, one, parse, text_at
from models.contracts.recalls import AnswerStatus, ParsedAnswer, RefusalReason
from models.currencies import minor_units

MESSAGE: Final = "camt.029.001.14"

CONFIRMATIONS: Final = {
    "CNCL": AnswerStatus.ACCEPTED,
    "PECR": AnswerStatus.IN_PART,
    "PDCR": AnswerStatus.PENDING,
    "CWFW": AnswerStatus.PENDING,
    "FTNA": AnswerStatus.PENDING,
    "INFO": AnswerStatus.PENDING,
    "RJCR": AnswerStatus.REFUSED,
}
"""ExternalInvestigationExecutionConfirmation1Code. CWFW and FTNA: it went to the next institution; INFO: more will follow."""

STATUSES: Final = {
    "ACCR": AnswerStatus.ACCEPTED,
    "PDCR": AnswerStatus.PENDING,
    "RJCR": AnswerStatus.REFUSED,
}
"""CancellationIndividualStatus1Code."""

REASONS: Final = {
    "CUST": RefusalReason.CUSTOMER,
    "AM04": RefusalReason.NO_MONEY,
    "AC04": RefusalReason.ACCOUNT_CLOSED,
    "ARDT": RefusalReason.ALREADY_RETURNED,
    "LEGL": RefusalReason.LEGAL,
    "AGNT": RefusalReason.AGENT,
    "NOAS": RefusalReason.NO_ANSWER_OF_CUSTOMER,
    "NOOR": RefusalReason.NEVER_RECEIVED,
}
"""ExternalPaymentCancellationRejection1Code; the others, and proprietary ones, are `other`."""


def read(raw: bytes) -> ParsedAnswer:
    """The answer. Errors: INVALID, when it is no valid camt.029 about one payment, or contradicts itself."""
    body = one(parse(raw, MESSAGE), "RsltnOfInvstgtn")
    payments = every(body, "CxlDtls/TxInfAndSts")
    if len(payments) > 1:
        raise malformed("it answers several payments at once")
    payment = payments[0] if payments else None
    status = _status(text_at(body, "Sts/Conf"), None if payment is None else text_at(payment, "TxCxlSts"))
    promised, currency = _amount(_returned(body, payment))
    original, theirs = None, None
    case = text_at(body, "RslvdCase/Id")
    end_to_end, uetr, reason = None, None, None
    if payment is not None:
        original, theirs = _original(payment)
        case = case or text_at(payment, "RslvdCase/Id")
        end_to_end, uetr = text_at(payment, "OrgnlEndToEndId"), text_at(payment, "OrgnlUETR")
        reason = _reason(payment)
    if currency is not None and theirs is not None and currency != theirs:
        raise malformed("it names two currencies")
    return ParsedAnswer(
        answer_id=text_at(body, "Assgnmt/Id") or "",
        status=status,
        reason=(reason or RefusalReason.OTHER) if status is AnswerStatus.REFUSED else None,
        recall_id=case,
        uetr=uetr,
        end_to_end_id=None if end_to_end == NOT_PROVIDED else end_to_end,
        original_amount=original,
        promised=promised,
        currency=currency or theirs,
        whole=True,
    )


def _status(confirmation: str | None, individual: str | None) -> AnswerStatus:
    """What both say together; the payment's own status is the more exact one, unless only a part comes back."""
    of_case = CONFIRMATIONS.get(confirmation or "")
    of_payment = STATUSES.get(individual or "")
    if confirmation is not None and of_case is None:
        raise malformed("its confirmation code is not one we know")
    if of_case is None and of_payment is None:
        raise malformed("it says nothing about the recall")
    if of_case is None or of_payment is None or of_case is of_payment:
        found = of_payment or of_case
        assert found is not None
        return found
    if (of_case, of_payment) == (AnswerStatus.IN_PART, AnswerStatus.ACCEPTED):
        return of_case
    raise malformed("it contradicts itself")


def _returned(body: Any, payment: Any | None) -> Any | None:
    """Where it says what is given back: at the payment, or once for the whole answer."""
    of_payment = None if payment is None else one(payment, "RsltnRltdInf/IntrBkSttlmAmt")
    return of_payment if of_payment is not None else one(body, "RsltnRltdInf/IntrBkSttlmAmt")


def _reason(payment: Any) -> RefusalReason | None:
    codes = [text_at(each, "Rsn/Cd") for each in every(payment, "CxlStsRsnInf")]
    return next((REASONS[code] for code in codes if code in REASONS), None)


def _original(payment: Any) -> tuple[int | None, str | None]:
    for path in ("OrgnlIntrBkSttlmAmt", "OrgnlTxRef/IntrBkSttlmAmt"):
        amount, currency = _amount(one(payment, path))
        if currency is not None:
            return amount, currency
    return None, None


def _amount(element: Any | None) -> tuple[int | None, str | None]:
    if element is None:
        return None, None
    currency = element.get("Ccy")
    amount = minor_units(element.text or "", currency)
    if amount is None:
        raise malformed("an amount does not fit its currency")
    return amount, currency
