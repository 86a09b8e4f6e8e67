"""`stanch remedy`: where all stolen money stands."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated

import typer

from cli.commands.options import Json, Login

Day = typer.Option(
    formats=["%Y-%m-%dT%H:%M:%S%z", "%Y-%m-%dT%H:%M:%S.%f%z", "%Y-%m-%dT%H:%M%z"],
    metavar="2026-01-31T00:00:00Z",
)


def register(application: typer.Typer) -> None:
    """Add the command."""
    application.command()(remedy)


def remedy(
    *,
    since: Annotated[datetime | None, Day] = None,
    until: Annotated[datetime | None, Day] = None,
    currency: Annotated[str | None, typer.Option(help="Only this one: ISO 4217.")] = None,
    login: Login = None,
    as_json: Json = False,
) -> None:
    """All stolen money by remedy, summed over incidents (opened since, before until): for supervisors and auditors.

    Incidents that do not add up to what was stolen are in no sum and are named; the exit code is 3 then.
    """
    from cli.holds.verbs import show_totals
    from cli.output import Output

    output = Output(as_json=as_json)
    code = show_totals(since=since, until=until, currency=currency, login=login, output=output)
    raise typer.Exit(code)
