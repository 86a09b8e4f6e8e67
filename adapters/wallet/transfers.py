"""tracing.ports.TransferSource: the wallet's own feed of postings."""

from __future__ import annotations

from collections.abc import AsyncIterator, Sequence
from typing import Any, TypeVar

from pydantic import BaseModel, TypeAdapter, ValidationError

from adapters.wallet.connection import READ_DEADLINE, WalletConnection
from adapters.wallet.contract import pages
from adapters.wallet.refusals import unreachable
from models.contracts.base import Moment
from models.contracts.transfers import BankDetails, OpeningBalance, PostedTransfer
from tracing.ports import TransferPage

LARGEST_PAGE = 10_000

Row = TypeVar("Row", bound=BaseModel)

_TRANSFERS = TypeAdapter(list[PostedTransfer])
_OPENINGS = TypeAdapter(list[OpeningBalance])
_HEAD_AT: TypeAdapter[Moment | None] = TypeAdapter(Moment | None)


class WalletTransferSource:
    """Reads openings and postings from the wallet (implements tracing.ports.TransferSource)."""

    def __init__(self, connection: WalletConnection) -> None:
        self._connection = connection

    async def openings(self) -> AsyncIterator[Sequence[OpeningBalance]]:
        """See TransferSource."""
        async for page in pages(self._connection, "/v1/openings", "openings", {}, LARGEST_PAGE):
            yield _rows(_OPENINGS, OpeningBalance, page)

    async def after(self, seq: int, limit: int) -> TransferPage:
        """See TransferSource. Rows come as the wallet sent them: whether a number is missing is for the index to say."""
        query = {"after_seq": str(seq), "limit": str(min(limit, LARGEST_PAGE))}
        answer = await self._connection.read("/v1/transfers", query, deadline=READ_DEADLINE)
        rows, head = answer.get("transfers"), answer.get("head_seq")
        if not isinstance(rows, list) or not isinstance(head, int) or isinstance(head, bool):
            raise unreachable("not what the contract says: transfers")
        try:
            head_at = _HEAD_AT.validate_python(answer.get("head_at"))
        except ValidationError:
            raise unreachable("not what the contract says: head_at") from None
        # Already validated row by row: checking 10,000 rows twice would double the cost of the first import.
        return TransferPage.model_construct(
            transfers=tuple(_rows(_TRANSFERS, PostedTransfer, rows)), head_seq=head, head_at=head_at
        )


def _rows(adapter: TypeAdapter[list[Row]], shape: type[Row], rows: list[Any]) -> list[Row]:
    known = frozenset(shape.model_fields)
    try:
        return adapter.validate_python([_known(row, known) for row in rows])
    except (ValidationError, AttributeError, TypeError):
        raise unreachable(f"not what the contract says: a row of {shape.__name__}") from None


def _known(row: dict[str, Any], known: frozenset[str]) -> dict[str, Any]:
    kept = {name: value for name, value in row.items() if name in known}
    bank = kept.get("bank")
    if bank is not None:
        kept["bank"] = {name: bank.get(name) for name in BankDetails.model_fields}
    return kept
