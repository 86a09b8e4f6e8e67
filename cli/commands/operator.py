"""`stanch operator ...`: who may act."""

from __future__ import annotations

from typing import Annotated

import typer

from cli.commands.options import Json
from models.names import Role

application = typer.Typer(help="People and programs that may act, one credential each.", no_args_is_help=True)


@application.command()
def create(
    name: Annotated[str, typer.Argument(help="Unique; for a trigger also the source of its alarms.")],
    *,
    role: Annotated[Role, typer.Option(help="What it may do.")],
    as_json: Json = False,
) -> None:
    """Make an operator and print its credential, this once: only a digest is kept."""
    from cli.administration import create_operator
    from cli.output import Output

    create_operator(name, role, Output(as_json=as_json))


@application.callback()
def _group() -> None:
    """Keep `create` a word of its own while it is the only one."""
