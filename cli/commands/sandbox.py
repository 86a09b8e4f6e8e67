"""`stanch sandbox ...`: the wallet company in a box, and the people in it."""

from __future__ import annotations

import typer

# Whatever follows belongs to the sandbox, its --help too.
THROUGH = {"ignore_unknown_options": True, "allow_extra_args": True, "help_option_names": []}


def sandbox(context: typer.Context) -> None:
    """The wallet in a box: passed on to `python -m sandbox` (seed, thief, owner, agent, supervisor ...)."""
    from cli.output import Output
    from cli.running.become import become

    become("sandbox", Output(as_json="--json" in context.args), context.args)


def register(application: typer.Typer) -> None:
    """Add the command to the tree."""
    application.command(context_settings=THROUGH)(sandbox)
