"""`stanch db ...`: the database's shape."""

from __future__ import annotations

import typer

from cli.commands.options import Json

application = typer.Typer(
    help="The database's tables: bring them up to date, or look whether they are.", no_args_is_help=True
)


@application.command()
def upgrade(*, as_json: Json = False) -> None:
    """Bring the tables to this version (STANCH_OWNER_DATABASE_URL); changes nothing when they are there."""
    from cli.administration import upgrade_database
    from cli.output import Output

    upgrade_database(Output(as_json=as_json))


@application.command()
def check(*, as_json: Json = False) -> None:
    """Say whether the tables are those of this version; exit 3 if not."""
    from cli.administration import check_database
    from cli.output import Output

    raise typer.Exit(check_database(Output(as_json=as_json)))
