"""Recalls and answers for exits that are no banks: card, cash, crypto, merchant, outside. JSON, docs/recall.schema.json."""

from __future__ import annotations

import json
from typing import Annotated, Any, Final, Literal, NoReturn

from pydantic import Field, StringConstraints, ValidationError

from adapters.recall.xml import LARGEST, malformed
from models.contracts.base import Amount, Currency, Message, Moment, OpaqueId
from models.contracts.recalls import AnswerStatus, MessageKind, ParsedAnswer, RecallMessage, RefusalReason
from models.contracts.transfers import AccountKind, BankDetails

VERSION: Final = "stanch-recall/1"

Code = Annotated[str, StringConstraints(pattern=r"^[A-Za-z0-9_.:\-]{1,64}$")]


class NeutralTransfer(Message):
    """The payment by which stolen money left. `amount` is all it moved, in minor units of `currency`."""

    transfer_id: OpaqueId
    exit_account: OpaqueId
    exit_kind: AccountKind
    currency: Currency
    amount: Amount
    posted_at: Moment
    bank: BankDetails | None = None


class NeutralRecall(Message):
    """Sent to an institution. `asked` is the stolen part: give back that much, or say why not.

    `type`: `recall`; `chase` (the same again, for the `number`th time); `withdrawal` (nothing is asked any more). The same
    `message_id` is the same message: answer it as the first time.
    """

    version: Literal["stanch-recall/1"] = VERSION
    type: MessageKind
    recall_id: OpaqueId
    message_id: OpaqueId
    number: Annotated[int, Field(ge=0)]
    made_at: Moment
    reason: Literal["account_takeover"] = "account_takeover"
    transfer: NeutralTransfer
    asked: Amount


class NeutralAnswer(Message):
    """Sent by an institution. `promised` is what it gives back in all, in minor units; needed with `in_part`.

    The same `answer_id` is the same answer. A `reason` that is not in the list is read as `other`.
    """

    version: Literal["stanch-recall/1"]
    type: Literal["answer"]
    answer_id: OpaqueId
    recall_id: OpaqueId
    status: AnswerStatus
    reason: Code | None = None
    promised: Amount | None = None
    currency: Currency | None = None


def build(message: RecallMessage) -> bytes:
    """The document. The same message gives the same bytes."""
    transfer = message.transfer
    said = NeutralRecall(
        type=message.kind,
        recall_id=message.recall_id,
        message_id=message.message_id,
        number=message.number,
        made_at=message.made_at,
        transfer=NeutralTransfer(
            transfer_id=transfer.transfer_id,
            exit_account=transfer.exit_account,
            exit_kind=transfer.exit_kind,
            currency=transfer.currency,
            amount=transfer.amount,
            posted_at=transfer.posted_at,
            bank=transfer.bank,
        ),
        asked=message.asked,
    )
    return json.dumps(said.model_dump(mode="json"), sort_keys=True, ensure_ascii=False).encode()


def read(raw: bytes) -> ParsedAnswer:
    """The answer. Errors: INVALID, naming the field and never its value."""
    if len(raw) > LARGEST:
        raise malformed(f"it is larger than {LARGEST // 1024} KiB")
    try:
        content = json.loads(raw.decode(), object_pairs_hook=_unique, parse_constant=_no_constant)
        answer = NeutralAnswer.model_validate(content)
    except ValidationError as error:
        known = NeutralAnswer.model_fields
        first = error.errors(include_input=False)[0]["loc"]
        raise malformed(f"{first[0] if first and first[0] in known else 'a field'} is not valid") from None
    except (ValueError, RecursionError):
        raise malformed("it is not JSON") from None
    if (answer.promised is None) != (answer.currency is None):
        raise malformed("an amount needs its currency, and a currency its amount")
    return ParsedAnswer(
        answer_id=answer.answer_id,
        status=answer.status,
        reason=_reason(answer) if answer.status is AnswerStatus.REFUSED else None,
        recall_id=answer.recall_id,
        promised=answer.promised,
        currency=answer.currency,
    )


def _reason(answer: NeutralAnswer) -> RefusalReason:
    try:
        return RefusalReason(answer.reason or "")
    except ValueError:
        return RefusalReason.OTHER


def _unique(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    content = dict(pairs)
    if len(content) != len(pairs):
        raise ValueError("a field is named twice")
    return content


def _no_constant(_name: str) -> NoReturn:
    raise ValueError("NaN and Infinity are no amounts")
