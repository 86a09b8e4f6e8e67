"""`stanch transfers ...`: the transfer index that every trace stands on."""

from __future__ import annotations

import typer

from cli.commands.options import AccountsFile, CurrencyCode, Json, TransfersFile

application = typer.Typer(
    help="The index of the wallet's transfers that traces stand on.", no_args_is_help=True
)


@application.command("import")
def import_(
    *,
    transfers: TransfersFile,
    accounts: AccountsFile,
    currency: CurrencyCode = "XXX",
    as_json: Json = False,
) -> None:
    """Fill the index from two files. A faulty row is left out and named on stderr; a broken file is refused whole."""
    from cli.ledger_files import import_files
    from cli.output import Output

    import_files(transfers, accounts, currency, Output(as_json=as_json))


@application.command()
def status(*, as_json: Json = False) -> None:
    """How far the index has come, and whether it stands at a gap."""
    from cli.ledger_files import show_status
    from cli.output import Output

    raise typer.Exit(show_status(Output(as_json=as_json)))
