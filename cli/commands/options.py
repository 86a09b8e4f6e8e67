"""Options that several commands share."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from models.names import Role

Json = Annotated[
    bool, typer.Option("--json", help="Print one JSON document on stdout and nothing else there.")
]

Login = Annotated[
    Role | None,
    typer.Option(
        "--as", help="Which login of the running `stanch up` to use, where STANCH_CREDENTIAL is not set."
    ),
]

Reason = Annotated[str, typer.Option("--reason", help="Why, in a sentence; it is recorded with the step.")]

TransfersFile = Annotated[
    Path, typer.Option("--transfers", help="CSV (gzip allowed) or Parquet: tx_id, src, dst, amount_cents.")
]
AccountsFile = Annotated[
    Path, typer.Option("--accounts", help="CSV (gzip allowed) or Parquet: account, opening_cents[, kind].")
]
CurrencyCode = Annotated[str, typer.Option("--currency", help="ISO 4217 code of the file's amounts.")]
