"""`stanch credential ...`: forgotten passwords, for agents."""

from __future__ import annotations

from enum import StrEnum
from typing import Annotated

import typer

from cli.commands.options import Json, Login, Reason

application = typer.Typer(
    help="Forgotten passwords: begin for a caller, list, show, decide. Codes and passwords never pass through here.",
    no_args_is_help=True,
)

RecoveryId = Annotated[str, typer.Argument(metavar="RECOVERY", help="The recovery's id.")]


class Choice(StrEnum):
    """What two people may decide when an owner is stuck."""

    SEND_LINK = "send_link"
    CLOSE = "close"


@application.command()
def start(
    *,
    phone: Annotated[
        str | None, typer.Option(help="The number by which the wallet knows the caller.")
    ] = None,
    email: Annotated[
        str | None, typer.Option(help="The address by which the wallet knows the caller.")
    ] = None,
    login: Login = None,
    as_json: Json = False,
) -> None:
    """Begin for a caller. The answer is the same for everybody; the token is for the caller's page, shown once."""
    from cli.credentials.verbs import start_recovery
    from cli.output import Output

    start_recovery(phone, email, login=login, output=Output(as_json=as_json))


@application.command("list")
def list_all(
    *,
    limit: Annotated[int, typer.Option(min=1, max=500, help="How many, newest first.")] = 50,
    login: Login = None,
    as_json: Json = False,
) -> None:
    """Recoveries that found an account, newest first."""
    from cli.credentials.verbs import list_recoveries
    from cli.output import Output

    list_recoveries(limit, login=login, output=Output(as_json=as_json))


@application.command()
def show(recovery: RecoveryId, *, login: Login = None, as_json: Json = False) -> None:
    """One recovery: how far it is, its steps, and what people are asked."""
    from cli.credentials.verbs import show_recovery
    from cli.output import Output

    show_recovery(recovery, login=login, output=Output(as_json=as_json))


@application.command()
def decide(
    recovery: RecoveryId,
    choice: Annotated[Choice, typer.Argument(help="send_link: to a contact of old. close: no new password.")],
    *,
    reason: Reason,
    login: Login = None,
    as_json: Json = False,
) -> None:
    """Choose for an owner who is stuck; another person agrees with `credential approve`."""
    from cli.credentials.verbs import decide_recovery
    from cli.output import Output

    decide_recovery(recovery, choice.value, reason, login=login, output=Output(as_json=as_json))


@application.command()
def approve(
    request: Annotated[str, typer.Argument(metavar="REQUEST", help="The other person's choice.")],
    *,
    reason: Reason,
    login: Login = None,
    as_json: Json = False,
) -> None:
    """Agree to another person's choice."""
    from cli.credentials.verbs import approve_choice
    from cli.output import Output

    approve_choice(request, reason, login=login, output=Output(as_json=as_json))
