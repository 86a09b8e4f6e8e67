"""`stanch incident break-glass ...`: a supervisor alone, and what another says of it."""

from __future__ import annotations

from enum import StrEnum
from typing import Annotated

import typer

from cli.commands.options import Json, Login, Reason

application = typer.Typer(
    help="One supervisor alone, where nobody else can be reached: loud, and judged by another afterwards.",
    no_args_is_help=True,
)

Request = Annotated[str, typer.Argument(metavar="REQUEST", help="The choice that waits for a second person.")]


class Verdict(StrEnum):
    """What another supervisor says of it."""

    JUSTIFIED = "justified"
    NOT_JUSTIFIED = "not_justified"


@application.command()
def use(request: Request, *, reason: Reason, login: Login = None, as_json: Json = False) -> None:
    """Act alone on this choice; only what the policy names, never what lifts protection or moves money."""
    from cli.incidents.alone import act_alone
    from cli.output import Output

    act_alone(request, reason=reason, login=login, output=Output(as_json=as_json))


@application.command()
def review(
    request: Request,
    *,
    verdict: Annotated[Verdict, typer.Option(help="Whether it was right to act alone.")],
    reason: Reason,
    login: Login = None,
    as_json: Json = False,
) -> None:
    """Judge what another supervisor did alone."""
    from cli.incidents.alone import judge
    from cli.output import Output

    judge(request, verdict=verdict.value, reason=reason, login=login, output=Output(as_json=as_json))


@application.command("list")
def list_(*, login: Login = None, as_json: Json = False) -> None:
    """Who acted alone, newest first; what nobody has judged yet is red."""
    from cli.incidents.alone import list_uses
    from cli.output import Output

    list_uses(login=login, output=Output(as_json=as_json))
