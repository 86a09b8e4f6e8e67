"""Rows of the transfer index: from posted transfers and their parts, and back."""

from __future__ import annotations

import json
from collections.abc import Sequence

import asyncpg

from adapters.transfers.awards import awarded_among
from models.contracts.transfers import AccountKind, BankDetails, PostedTransfer
from tracing.posting import Part, arrives_as

COLUMNS = (
    "seq",
    "part",
    "transfer_id",
    "src",
    "dst",
    "src_kind",
    "dst_kind",
    "currency",
    "amount",
    "out_pos",
    "in_pos",
    "posted_at",
    "status",
    "device_id",
    "session_id",
    "reverses",
    "hold_id",
    "bank",
    "src_balance_after",
    "dst_balance_before",
)

Posted = tuple[PostedTransfer, Sequence[Part]]
"""A transfer and the parts it was posted in."""

_WHOLE = (
    "SELECT seq, min(transfer_id) AS transfer_id, min(src) AS src, min(dst) AS dst, min(src_kind) AS src_kind,"
    " min(dst_kind) AS dst_kind, min(currency) AS currency, sum(amount)::bigint AS amount,"
    " min(posted_at) AS posted_at, min(status) AS status, min(device_id) AS device_id,"
    " min(session_id) AS session_id, min(reverses) AS reverses, min(hold_id) AS hold_id, min(bank::text) AS bank"
    " FROM transfer_index WHERE {condition} GROUP BY seq ORDER BY seq"
)


async def insert_rows(connection: asyncpg.Connection, posted: Sequence[Posted]) -> None:
    """Write them by COPY."""
    awarded = await awarded_among(connection, [transfer for transfer, _ in posted])
    records = [
        (
            transfer.seq,
            part.part,
            transfer.transfer_id,
            transfer.src,
            transfer.dst,
            transfer.src_kind.value,
            arrives_as(transfer, awarded=transfer.seq in awarded).value,
            transfer.currency,
            part.amount,
            part.out_pos,
            part.in_pos,
            transfer.posted_at,
            transfer.status.value,
            transfer.device_id,
            transfer.session_id,
            transfer.reverses,
            transfer.hold_id,
            None if transfer.bank is None else transfer.bank.model_dump_json(),
            part.src_balance_after,
            part.dst_balance_before,
        )
        for transfer, parts in posted
        for part in parts
    ]
    await connection.copy_records_to_table("transfer_index", records=records, columns=COLUMNS)


async def whole_transfers(
    connection: asyncpg.Connection, condition: str, *values: object
) -> list[PostedTransfer]:
    """The transfers whose rows meet `condition` (SQL with `$n`), parts put together, in posting order."""
    records = await connection.fetch(_WHOLE.format(condition=condition), *values)
    return [_transfer(record) for record in records]


def same_posting(ours: PostedTransfer, theirs: PostedTransfer) -> bool:
    """Whether two tellings of one posting agree in what never changes; a status does: pending becomes settled."""
    return all(
        getattr(ours, field) == getattr(theirs, field)
        for field in (
            "seq",
            "transfer_id",
            "src",
            "dst",
            "amount",
            "currency",
            "posted_at",
            "hold_id",
            "reverses",
        )
    )


def _transfer(record: asyncpg.Record) -> PostedTransfer:
    fields = dict(record)
    bank = fields.pop("bank")
    if fields["dst_kind"] == AccountKind.AWARDED:  # the wallet says what the account is
        fields["dst_kind"] = AccountKind.WALLET
    return PostedTransfer(**fields, bank=None if bank is None else BankDetails(**json.loads(bank)))
