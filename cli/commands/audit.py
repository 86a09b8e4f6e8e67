"""`stanch audit ...`: what an auditor asks."""

from __future__ import annotations

from typing import Annotated

import typer

from cli.commands.options import Json

application = typer.Typer(
    help="Proof: replay an incident and compare it with its recorded steps.", no_args_is_help=True
)


@application.command()
def replay(
    incident: Annotated[str, typer.Argument(help="The incident's id.")],
    *,
    as_json: Json = False,
) -> None:
    """Replay the incident's histories with today's code and compare steps and history one to one; exit 3 if they differ."""
    from cli.auditing import replay as run_replay
    from cli.output import Output

    raise typer.Exit(run_replay(incident, Output(as_json=as_json)))


@application.callback()
def _group() -> None:
    """Keep `replay` a word of its own while it is the only one."""
