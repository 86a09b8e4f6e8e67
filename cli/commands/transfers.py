"""`stanch transfers ...`: the transfer index that every trace stands on."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from cli.commands.options import AccountsFile, CurrencyCode, Json, TransfersFile

application = typer.Typer(
    help="The index of the wallet's transfers that traces stand on.", no_args_is_help=True
)


@application.command("import")
def import_(
    *,
    transfers: TransfersFile | None = None,
    accounts: AccountsFile | None = None,
    currency: CurrencyCode = "XXX",
    replica: Annotated[
        str | None,
        typer.Option(
            "--replica", help="Address of a read replica: postgresql+asyncpg://... Needs --mapping."
        ),
    ] = None,
    mapping: Annotated[
        Path | None, typer.Option("--mapping", help="TOML: which tables and columns of the replica are what.")
    ] = None,
    as_json: Json = False,
) -> None:
    """Fill the index from two files, or from a read replica.

    A faulty row of a file is left out and named on stderr; a broken file is refused whole. A replica is read up to its
    newest posting; at a gap or a row that does not fit the index stops and says which.
    """
    from cli.ledger_files import import_files, import_replica
    from cli.output import Output

    output = Output(as_json=as_json)
    if replica is not None and mapping is not None and transfers is None and accounts is None:
        import_replica(replica, mapping, output)
    elif transfers is not None and accounts is not None and replica is None and mapping is None:
        import_files(transfers, accounts, currency, output)
    else:
        raise typer.BadParameter("give --transfers with --accounts, or --replica with --mapping")


@application.command()
def status(*, as_json: Json = False) -> None:
    """How far the index has come, and whether it stands at a gap."""
    from cli.ledger_files import show_status
    from cli.output import Output

    raise typer.Exit(show_status(Output(as_json=as_json)))
