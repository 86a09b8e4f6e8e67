"""`stanch doctor`: what is reachable, and what to do about what is not."""

from __future__ import annotations

import typer

from cli.commands.options import Json


def doctor(*, as_json: Json = False) -> None:
    """Look at everything the product needs and say what to do about each; exit 4 if something needed is unreachable."""
    from cli.doctor.command import run_doctor
    from cli.output import Output

    raise typer.Exit(run_doctor(Output(as_json=as_json)))


def register(application: typer.Typer) -> None:
    """Add the command to the tree."""
    application.command()(doctor)
