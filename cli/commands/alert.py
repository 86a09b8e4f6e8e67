"""`stanch alert ...`: what staff were alerted to."""

from __future__ import annotations

from typing import Annotated

import typer

from cli.commands.options import Json, Login
from models.names import StaffAlertState

application = typer.Typer(
    help="What staff were alerted to (STANCH_STAFF_ALERTS says where), and how far it got.",
    no_args_is_help=True,
)


@application.command("list")
def list_(
    incident: Annotated[
        str | None, typer.Argument(metavar="[INCIDENT]", help="Only about this incident.")
    ] = None,
    *,
    state: Annotated[StaffAlertState | None, typer.Option(help="Only those in this state.")] = None,
    limit: Annotated[int, typer.Option(min=1, max=500, help="At most so many.")] = 100,
    login: Login = None,
    as_json: Json = False,
) -> None:
    """Alerts, newest first."""
    from cli.incidents.staff_alerts import list_alerts
    from cli.output import Output

    list_alerts(incident, state=state, limit=limit, login=login, output=Output(as_json=as_json))
