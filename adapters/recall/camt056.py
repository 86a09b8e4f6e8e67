"""The recall of a bank transfer: ISO 20022 camt.056.001.12, FIToFIPaymentCancellationRequest, reason FRAD.

It names the whole original payment, as the message must; how much of it was stolen stands in the reason's text.
"""

from __future__ import annotations

import re
from datetime import UTC, date
from typing import Any, Final

from adapters.recall.xml import add, document, written
from models.contracts.recalls import MessageKind, RecalledTransfer, RecallMessage
from models.currencies import decimal_text, digits_of
from models.errors import ErrorCode, StanchError

MESSAGE: Final = "camt.056.001.12"
NOT_PROVIDED: Final = "NOTPROVIDED"
"""What the standard's users write where a reference has to stand and none is known."""

BIC: Final = re.compile(r"[A-Z0-9]{4}[A-Z]{2}[A-Z0-9]{2}([A-Z0-9]{3})?")
UETR: Final = re.compile(r"[a-f0-9]{8}-[a-f0-9]{4}-4[a-f0-9]{3}-[89ab][a-f0-9]{3}-[a-f0-9]{12}")
REFERENCE: Final = re.compile(
    r"[A-Za-z0-9/\-?:().,'+](?:[A-Za-z0-9/\-?:().,'+ ]{0,33}[A-Za-z0-9/\-?:().,'+])?"
)
"""At most 35 characters of the set that every bank's system takes."""

DAY: Final = re.compile(r"\d{4}-\d\d-\d\d", re.ASCII)
MOST_DIGITS: Final = 18


def build(message: RecallMessage, *, own_bic: str) -> bytes:
    """The document, valid by its schema. The same message gives the same bytes.

    Errors: INSTITUTION_REFUSED when the amount has more digits than the message can hold.
    """
    transfer = message.transfer
    root, body = document(MESSAGE, "FIToFIPmtCxlReq")
    assignment = add(body, "Assgnmt")
    add(assignment, "Id", message.message_id)
    _agent(add(assignment, "Assgnr"), own_bic, "STANCH")
    _agent(add(assignment, "Assgne"), transfer.bank.bic if transfer.bank else None, transfer.exit_account)
    add(
        assignment,
        "CreDtTm",
        message.made_at.astimezone(UTC).isoformat(timespec="seconds").replace("+00:00", "Z"),
    )
    case = add(body, "Case")
    add(case, "Id", message.recall_id)
    _agent(add(case, "Cretr"), own_bic, "STANCH")
    _payment(add(body, "Undrlyg/TxInf"), message, transfer)
    return written(root, MESSAGE)


def _payment(payment: Any, message: RecallMessage, transfer: RecalledTransfer) -> None:
    bank = transfer.bank
    add(payment, "CxlId", message.recall_id)
    group = add(payment, "OrgnlGrpInf")
    add(group, "OrgnlMsgId", NOT_PROVIDED)
    add(group, "OrgnlMsgNmId", "pacs.008")
    add(payment, "OrgnlEndToEndId", _reference(bank.end_to_end_id if bank else None) or NOT_PROVIDED)
    if (transaction := _reference(transfer.transfer_id)) is not None:
        add(payment, "OrgnlTxId", transaction)
    if bank is not None and bank.uetr is not None and UETR.fullmatch(bank.uetr):
        add(payment, "OrgnlUETR", bank.uetr)
    add(payment, "OrgnlIntrBkSttlmAmt", _amount(transfer), Ccy=transfer.currency)
    add(payment, "OrgnlIntrBkSttlmDt", _settled(transfer))
    reason = add(payment, "CxlRsnInf")
    add(reason, "Rsn/Cd", "FRAD")
    add(
        reason,
        "AddtlInf",
        f"Account takeover. Stolen part: {decimal_text(message.asked, transfer.currency)} {transfer.currency}",
    )
    if transfer.part:
        add(reason, "AddtlInf", f"Further request {transfer.part} for this payment, beside the earlier ones")
    if message.kind is MessageKind.CHASE:
        add(reason, "AddtlInf", f"Reminder {message.number}")


def _agent(parent: Any, bic: str | None, otherwise: str) -> None:
    if bic is not None and BIC.fullmatch(bic):
        add(parent, "Agt/FinInstnId/BICFI", bic)
    else:
        add(parent, "Agt/FinInstnId/Othr/Id", _reference(otherwise) or NOT_PROVIDED)


def _reference(value: str | None) -> str | None:
    return value if value is not None and REFERENCE.fullmatch(value) else None


def _amount(transfer: RecalledTransfer) -> str:
    text = decimal_text(transfer.amount, transfer.currency)
    if len(str(transfer.amount)) > MOST_DIGITS or digits_of(transfer.currency) > 5:
        raise StanchError(
            ErrorCode.INSTITUTION_REFUSED,
            "This amount has more digits than a camt.056 can hold. Nothing was sent; ask the institution by other means.",
        )
    return text


def _settled(transfer: RecalledTransfer) -> str:
    stated = transfer.bank.settlement_date if transfer.bank else None
    if stated is not None and DAY.fullmatch(stated):
        try:
            return date.fromisoformat(stated).isoformat()
        except ValueError:
            pass
    return transfer.posted_at.astimezone(UTC).date().isoformat()
