"""A read replica of the wallet's database as a feed: any table or view with posting numbers, columns named by a mapping."""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterator, Mapping, Sequence
from contextlib import contextmanager
from datetime import datetime
from decimal import Decimal
from typing import Any, TypeVar
from zoneinfo import ZoneInfo

import sqlalchemy as sa
from pydantic import BaseModel, ValidationError
from sqlalchemy.exc import DBAPIError
from sqlalchemy.ext.asyncio import AsyncEngine, create_async_engine

from adapters.sql.engine import CONNECT_SECONDS, SESSION, is_gone
from adapters.transfers.replica_mapping import Constant, MappedTable, ReplicaMapping
from models.contracts.transfers import BankDetails, OpeningBalance, PostedTransfer
from models.errors import ErrorCode, StanchError
from tracing.ports import TransferPage

Shape = TypeVar("Shape", bound=BaseModel)

_OPENINGS_AT_ONCE = 5_000


class ReplicaTransferSource:
    """Reads openings and postings (implements tracing.ports.TransferSource). Nothing is ever written there.

    Rows come as the table has them: whether a number is missing or told twice is for the index to say. A row that does not
    fit is never left out: the page ends before it, and when nothing is left before it, it is an error that names it.
    Errors: WALLET_UNREACHABLE when the replica does not answer; INVALID when a table or column of the mapping is not there;
    FEED_CONFLICT, naming the row and the reason, for a row that does not fit.
    """

    def __init__(self, engine: AsyncEngine, mapping: ReplicaMapping) -> None:
        self._engine = engine
        self._mapping = mapping

    async def openings(self) -> AsyncIterator[Sequence[OpeningBalance]]:
        """See TransferSource; none where the mapping names no table of them."""
        mapped = self._mapping.openings
        if mapped is None:
            return
        statement, _ = _select(mapped)
        with _told(mapped.table):
            async with self._engine.connect() as connection:
                result = await connection.stream(statement)
                async for batch in result.mappings().partitions(_OPENINGS_AT_ONCE):
                    yield [_opening(mapped, row) for row in batch]

    async def after(self, seq: int, limit: int) -> TransferPage:
        """See TransferSource. Rows and head are of one moment."""
        mapped = self._mapping.transfers
        statement, columns = _select(mapped)
        number = columns["seq"]
        page = statement.where(number > seq).order_by(number).limit(limit)
        newest = sa.select(number, columns["posted_at"]).order_by(number.desc()).limit(1)
        with _told(mapped.table):
            async with self._engine.connect() as connection:
                snapshot = await connection.execution_options(isolation_level="REPEATABLE READ")
                rows = (await snapshot.execute(page)).mappings().all()
                head = (await snapshot.execute(newest)).first()
        transfers: list[PostedTransfer] = []
        for row in rows:
            try:
                transfers.append(self._transfer(mapped, row))
            except StanchError:
                if not transfers:
                    raise
                break
        return TransferPage.model_construct(
            transfers=tuple(transfers),
            head_seq=0 if head is None else int(head[0]),
            head_at=None if head is None else self._moment(head[1]),
        )

    def _transfer(self, mapped: MappedTable, row: Mapping[str, Any]) -> PostedTransfer:
        values = _values(mapped, row)
        values["posted_at"] = self._moment(values["posted_at"])
        details = {name: values.pop(name) for name in BankDetails.model_fields if name in values}
        if any(value is not None for value in details.values()):
            values["bank"] = {name: None if value is None else str(value) for name, value in details.items()}
        return _read(PostedTransfer, values, f"posting {values['seq']} of {mapped.table}")

    def _moment(self, at: Any) -> Any:
        zone = self._mapping.timezone
        if isinstance(at, datetime) and at.tzinfo is None and zone is not None:
            return at.replace(tzinfo=ZoneInfo(zone))
        return at


def replica_engine(url: str) -> AsyncEngine:
    """Connections that can only read."""
    settings = SESSION | {"default_transaction_read_only": "on"}
    return create_async_engine(
        url,
        pool_size=2,
        max_overflow=0,
        hide_parameters=True,
        connect_args={"timeout": CONNECT_SECONDS, "server_settings": settings},
    )


def _select(mapped: MappedTable) -> tuple[sa.Select[Any], dict[str, sa.ColumnElement[Any]]]:
    """Their columns under our names. Constants need no column."""
    theirs = {ours: name for ours, name in mapped.columns.items() if isinstance(name, str)}
    schema, _, name = mapped.table.rpartition(".")
    table = sa.table(name, *(sa.column(each) for each in set(theirs.values())), schema=schema or None)
    columns: dict[str, sa.ColumnElement[Any]] = {ours: table.c[name] for ours, name in theirs.items()}
    return sa.select(*(column.label(ours) for ours, column in columns.items())), columns


def _opening(mapped: MappedTable, row: Mapping[str, Any]) -> OpeningBalance:
    values = _values(mapped, row)
    return _read(OpeningBalance, values, f"account {values['account_id']} of {mapped.table}")


def _values(mapped: MappedTable, row: Mapping[str, Any]) -> dict[str, Any]:
    values: dict[str, Any] = {}
    for ours, theirs in mapped.columns.items():
        value = theirs.constant if isinstance(theirs, Constant) else row[ours]
        if ours.endswith("kind"):
            value = mapped.kinds.get(str(value), value)
        elif ours == "status":
            value = mapped.statuses.get(str(value), value)
        elif isinstance(value, Decimal) and value == value.to_integral_value():
            value = int(value)
        values[ours] = value
    return values


def _read(shape: type[Shape], values: dict[str, Any], which: str) -> Shape:
    texts = {name for name in values if name.endswith("_id") or name in {"src", "dst", "reverses"}}
    fields = {
        name: str(value) if name in texts and value is not None else value
        for name, value in values.items()
        if value is not None
    }
    try:
        return shape.model_validate(fields)
    except ValidationError as error:
        fault = error.errors()[0]
        field = ".".join(str(part) for part in fault["loc"])
        raise StanchError(
            ErrorCode.FEED_CONFLICT,
            f"{which[:1].upper()}{which[1:]} cannot be taken: {field}: {fault['msg']}. What comes before it is indexed and safe to "
            "use; mend the row, or the mapping.",
        ) from error


@contextmanager
def _told(table: str) -> Iterator[None]:
    try:
        yield
    except Exception as error:
        if is_gone(error):
            raise StanchError(
                ErrorCode.WALLET_UNREACHABLE,
                "The read replica does not answer. What is indexed stays as it is; it goes on when the replica is back.",
            ) from error
        if isinstance(error, DBAPIError):
            why = str(error.orig).partition("\n")[0].rpartition(": ")[2]
            raise StanchError(
                ErrorCode.INVALID,
                f"The mapping of {table} does not fit the replica: {why}. Nothing was read; mend the mapping.",
            ) from error
        raise
