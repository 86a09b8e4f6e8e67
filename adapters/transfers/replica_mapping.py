"""How another database's tables are read as ours: a TOML file, our name -> their column, or a constant.

timezone = "UTC"                       # of times without an offset; without this line such times are refused

[transfers]
table = "payments.posting"             # a table or a view, with its schema where it is not the default one
kinds = { customer = "wallet" }        # their words for kinds of accounts; ours need no line
[transfers.columns]
seq = "posting_number"                 # gapless, from 1, in commit order
transfer_id = "payment_id"
src = "payer"
dst = "payee"
src_kind = "payer_kind"
dst_kind = "payee_kind"
amount = "amount_cents"
currency = { constant = "EUR" }
posted_at = "booked_at"

[openings]                             # may be left out: then what is missing is inferred
table = "payments.opening"
[openings.columns]
account_id = "account"
kind = "kind"
currency = { constant = "EUR" }
amount = "cents"
"""

from __future__ import annotations

import tomllib
from pathlib import Path
from typing import Annotated
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from pydantic import AfterValidator, Field, ValidationError, model_validator

from models.contracts.base import Message
from models.contracts.transfers import BankDetails, OpeningBalance, PostedTransfer
from models.errors import ErrorCode, StanchError


class Constant(Message):
    """A value that every row has."""

    constant: str | int


class MappedTable(Message):
    """One of their tables. `columns`: our name -> their column or a constant; `kinds`, `statuses`: their word -> ours."""

    table: Annotated[str, Field(min_length=1)]
    columns: dict[str, str | Constant]
    kinds: dict[str, str] = Field(default_factory=dict)
    statuses: dict[str, str] = Field(default_factory=dict)


def _known_zone(name: str) -> str:
    try:
        ZoneInfo(name)
    except (ZoneInfoNotFoundError, ValueError):
        raise ValueError(f"{name!r} is no time zone") from None
    return name


class ReplicaMapping(Message):
    """The whole mapping."""

    transfers: MappedTable
    openings: MappedTable | None = None
    timezone: Annotated[str, AfterValidator(_known_zone)] | None = None

    @model_validator(mode="after")
    def _complete(self) -> ReplicaMapping:
        transfers = set(PostedTransfer.model_fields) - {"bank"}
        _check(self.transfers, transfers | set(BankDetails.model_fields), _required(PostedTransfer))
        for name in ("seq", "posted_at"):
            if isinstance(self.transfers.columns[name], Constant):
                raise ValueError(f"{name} must be a column")  # noqa: TRY004 - pydantic wants a ValueError
        if self.openings is not None:
            _check(self.openings, set(OpeningBalance.model_fields), _required(OpeningBalance))
        return self


def read_mapping(file: Path) -> ReplicaMapping:
    """The mapping in this file. Errors: INVALID, naming what is wrong; nothing was read from anywhere then."""
    try:
        return ReplicaMapping.model_validate(tomllib.loads(file.read_text(encoding="utf-8")))
    except OSError as error:
        why = f"it cannot be read ({error.strerror or type(error).__name__})"
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        why = str(error)
    except ValidationError as error:
        fault = error.errors()[0]
        why = ": ".join(part for part in (".".join(str(part) for part in fault["loc"]), fault["msg"]) if part)
    raise StanchError(
        ErrorCode.INVALID, f"The mapping {file.name} was refused: {why}. Nothing was read; mend the file."
    )


def _check(table: MappedTable, known: set[str], required: set[str]) -> None:
    if missing := required - table.columns.keys():
        raise ValueError(f"{table.table} gives no {', '.join(sorted(missing))}")
    if unknown := table.columns.keys() - known:
        raise ValueError(f"there is no {', '.join(sorted(unknown))} to be given by {table.table}")


def _required(shape: type[PostedTransfer | OpeningBalance]) -> set[str]:
    return {name for name, field in shape.model_fields.items() if field.is_required()}
