"""`stanch notice ...`: what people were told."""

from __future__ import annotations

from typing import Annotated

import typer

from cli.commands.options import Json, Login
from models.names import NoticeState, ReachedBy

application = typer.Typer(
    help="What people were told of their accounts, and telling them again (through the gateway, as `stanch incident`).",
    no_args_is_help=True,
)

NoticeId = Annotated[str, typer.Argument(metavar="NOTICE", help="The notice's id.")]


@application.command("list")
def list_(
    incident: Annotated[
        str | None, typer.Argument(metavar="[INCIDENT]", help="Only this incident's.")
    ] = None,
    *,
    state: Annotated[NoticeState | None, typer.Option(help="Only those in this state.")] = None,
    unreached: Annotated[
        bool, typer.Option("--unreached", help="Only those that reached nobody: somebody must call.")
    ] = False,
    limit: Annotated[int, typer.Option(min=1, max=500, help="At most so many.")] = 100,
    login: Login = None,
    as_json: Json = False,
) -> None:
    """Notices, newest first."""
    from cli.incidents.notices import list_notices
    from cli.output import Output

    list_notices(
        incident, state=state, unreached=unreached, limit=limit, login=login, output=Output(as_json=as_json)
    )


@application.command("show")
def show(notice: NoticeId, *, login: Login = None, as_json: Json = False) -> None:
    """One notice and how far it got at each contact; whom to call and how, if it reached nobody."""
    from cli.incidents.notices import show_notice
    from cli.output import Output

    show_notice(notice, login=login, output=Output(as_json=as_json))


@application.command("resend")
def resend(notice: NoticeId, *, login: Login = None, as_json: Json = False) -> None:
    """Tell it again to every contact older than the theft; the words are those of today."""
    from cli.incidents.notices import resend_notice
    from cli.output import Output

    resend_notice(notice, login=login, output=Output(as_json=as_json))


@application.command("reached")
def reached(
    notice: NoticeId,
    *,
    by: Annotated[ReachedBy, typer.Option(help="How the person was told.")],
    note: Annotated[str, typer.Option(help="Whom you spoke with and what was said; it is stored encrypted.")],
    login: Login = None,
    as_json: Json = False,
) -> None:
    """Close a notice that reached nobody: its person was told otherwise."""
    from cli.incidents.notices import person_reached
    from cli.output import Output

    person_reached(notice, by=by, note=note, login=login, output=Output(as_json=as_json))
