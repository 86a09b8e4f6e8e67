"""`stanch hold ...`: money kept in place on somebody else's account."""

from __future__ import annotations

from typing import Annotated

import typer

from cli.commands.options import Json, Login, Reason

application = typer.Typer(
    help="Holds on stolen money: see them, object, renew, release. Two people decide.", no_args_is_help=True
)

HoldId = Annotated[str, typer.Argument(metavar="HOLD", help="The hold's id.")]


@application.command("list")
def list_(
    *,
    incident: Annotated[str | None, typer.Option(help="Of this incident only.")] = None,
    login: Login = None,
    as_json: Json = False,
) -> None:
    """Holds, newest first."""
    from cli.holds.verbs import list_holds
    from cli.output import Output

    list_holds(incident=incident, login=login, output=Output(as_json=as_json))


@application.command()
def mules(
    *,
    incident: Annotated[str | None, typer.Option(help="Of this incident only.")] = None,
    every: Annotated[bool, typer.Option("--all", help="Ended ones, too.")] = False,
    login: Login = None,
    as_json: Json = False,
) -> None:
    """Mules' whole accounts that two people had restricted, the longest first: they have no expiry."""
    from cli.holds.verbs import list_mules
    from cli.output import Output

    list_mules(incident=incident, every=every, login=login, output=Output(as_json=as_json))


@application.command()
def show(hold: HoldId, *, login: Login = None, as_json: Json = False) -> None:
    """One hold: its amount, its clocks, what its holder was told."""
    from cli.holds.verbs import show_hold
    from cli.output import Output

    show_hold(hold, login=login, output=Output(as_json=as_json))


@application.command("object")
def object_(
    hold: HoldId,
    *,
    statement: Annotated[str, typer.Option(help="What the holder says against it; stored encrypted.")],
    login: Login = None,
    as_json: Json = False,
) -> None:
    """Take down an objection: opens the question whether the hold is kept."""
    from cli.holds.verbs import ask
    from cli.output import Output

    ask(f"/v1/holds/{hold}/objections", {"statement": statement}, login=login, output=Output(as_json=as_json))


@application.command()
def renew(
    hold: HoldId,
    *,
    legal_basis: Annotated[str, typer.Option(help="Which order or law; stored encrypted.")],
    login: Login = None,
    as_json: Json = False,
) -> None:
    """Ask for one more period; another person approves."""
    from cli.holds.verbs import ask
    from cli.output import Output

    body = {"action": "renew", "reason": legal_basis}
    ask(f"/v1/holds/{hold}/requests", body, login=login, output=Output(as_json=as_json))


@application.command()
def release(hold: HoldId, *, reason: Reason, login: Login = None, as_json: Json = False) -> None:
    """Ask to let the hold go; another person approves."""
    from cli.holds.verbs import ask
    from cli.output import Output

    body = {"action": "release", "reason": reason}
    ask(f"/v1/holds/{hold}/requests", body, login=login, output=Output(as_json=as_json))
