"""A posted transfer as the wallet's feed tells it, and what is known of the accounts before the first one."""

from __future__ import annotations

from enum import StrEnum
from typing import Annotated

from pydantic import AfterValidator, Field, GetJsonSchemaHandler
from pydantic.json_schema import JsonSchemaValue
from pydantic_core import CoreSchema

from models.contracts.base import Amount, Currency, Message, Moment, Total


class AccountKind(StrEnum):
    """What an account is to a trace: `wallet` accounts hold money, `pooling` ones mix it, the others are exits."""

    WALLET = "wallet"
    POOLING = "pooling"
    BANK = "bank"
    CARD = "card"
    CASH = "cash"
    CRYPTO = "crypto"
    MERCHANT = "merchant"
    FEE = "fee"
    OUTSIDE = "outside"
    AWARDED = "awarded"
    """No account's kind but an arrival's: held money that a decision of people paid to a proven owner. It is theirs from then
    on, so to every other owner's trace it left; in their own account it lies, and is numbered, like any other. Nobody outside
    says it or is told it of an account."""

    @property
    def is_exit(self) -> bool:
        """Whether money that arrives here has left the wallet. An exit holds no balance and is never short."""
        return self not in (AccountKind.WALLET, AccountKind.POOLING)

    @classmethod
    def __get_pydantic_json_schema__(
        cls, schema: CoreSchema, handler: GetJsonSchemaHandler
    ) -> JsonSchemaValue:
        """What contracts publish: kinds of accounts."""
        described = handler.resolve_ref_schema(handler(schema))
        described["enum"] = [kind.value for kind in cls if kind is not cls.AWARDED]
        return described


def _of_an_account(kind: AccountKind) -> AccountKind:
    if kind is AccountKind.AWARDED:
        raise ValueError("no account is of kind awarded")
    return kind


KindOfAccount = Annotated[AccountKind, AfterValidator(_of_an_account)]
"""What a wallet or a file may say that an account is."""


class TransferStatus(StrEnum):
    """Whether the money of an exit can still be stopped at the wallet: `pending` yes, `settled` no."""

    PENDING = "pending"
    SETTLED = "settled"


class BankDetails(Message):
    """What a bank exit is known by at the other institution: needed to ask for the money back."""

    bic: str | None = None
    end_to_end_id: str | None = None
    uetr: str | None = None
    settlement_date: str | None = None


class PostedTransfer(Message):
    """One row of the wallet's transfers, in posting order.

    `seq` is gapless and starts at 1. `amount` is in minor units of `currency`. `device_id` and `session_id` name
    what initiated the transfer at the wallet, where the wallet knows it. `hold_id` is set when the transfer carries
    exactly the units of a hold (restitution). `reverses` names the transfer that this one undoes. `bank` is set on
    exits to a bank.
    """

    seq: int
    transfer_id: str
    src: str
    dst: str
    src_kind: KindOfAccount
    dst_kind: KindOfAccount
    amount: Amount
    currency: Currency
    posted_at: Moment
    status: TransferStatus = TransferStatus.SETTLED
    device_id: str | None = None
    session_id: str | None = None
    reverses: str | None = None
    hold_id: str | None = None
    bank: BankDetails | None = None


class OpeningBalance(Message):
    """What an account held in one currency before posting 1. `inferred` is the part nobody stated."""

    account_id: str
    kind: KindOfAccount
    currency: Currency
    amount: Total
    inferred: Total = 0


class FeedState(StrEnum):
    """Whether the transfer index can follow the wallet: `gap` means a posting number is missing and it stopped."""

    FOLLOWING = "following"
    GAP = "gap"
    CONFLICT = "conflict"


class FeedPosition(Message):
    """How far the transfer index has come: postings 1..`upto_seq` are in, all of them, in order.

    `remarks` counts postings that are odd but indexed (a reversal of a transfer nobody knows); `detail` names the newest
    of them where the index does not stand at a gap or a conflict.
    """

    upto_seq: int
    upto_at: Moment | None
    behind_ms: int
    state: FeedState = FeedState.FOLLOWING
    detail: str | None = None
    remarks: int = Field(default=0, exclude_if=lambda remarks: remarks == 0)


class Flow(Message):
    """Totals of one trace by place, minor units: stolen = held + exited + pooled + returned + pruned, exactly."""

    stolen: Total
    held: Total
    exited: Total
    pooled: Total
    returned: Total
    pruned: Total


class PrunedTotal(Message):
    """What a trace did not follow further for one reason, because it was asked not to."""

    count: int
    amount: Total


class TraceSummary(Message):
    """What a finished trace says without its edges. `digest` fixes every edge (tracing.digest).

    `pruned_by`: the pruned part of the flow by reason; absent where nothing was pruned.
    """

    trace_id: str
    incident_id: str
    episode: int
    currency: Currency
    rule: str
    thefts: tuple[str, ...]
    upto_seq: int
    upto_at: Moment | None
    feed_behind_ms: int
    flow: Flow
    edges: int
    digest: str
    pruned_by: dict[str, PrunedTotal] = Field(default={}, exclude_if=lambda pruned: not pruned)


class RuleTotals(Message):
    """What one rule makes of the thefts of a trace: the honest error bar beside its totals, minor units.

    No totals where the rule would have had to read more than `rows_allowed` payments: then there is no number to give.
    """

    rule: str
    held: Total | None
    exited: Total | None
    pooled: Total | None
    returned: Total | None
    rows_read: int
    rows_allowed: int

    @property
    def known(self) -> bool:
        """Whether the rule came to its end."""
        return self.held is not None


class TraceProgress(Message):
    """How far a trace under way has come, for people: a large one tells it after every chunk.

    `edges` transfers that carry stolen money are found, up to posting `reached_seq` at most; `following` minor units
    still have to be followed to their end.
    """

    chunk: int
    edges: int
    reached_seq: int
    upto_seq: int
    flow: Flow
    following: Total


class TaintedLot(Message):
    """Stolen units [lo, hi) on the axis of everything ever paid into `account_id`, still lying there."""

    account_id: str
    currency: Currency
    lo: int
    hi: int
    hop: int
    last_seq: int

    @property
    def amount(self) -> int:
        """Stolen minor units of this lot."""
        return self.hi - self.lo
