"""`stanch up`, `stanch worker`, `stanch gateway`: the product's processes."""

from __future__ import annotations

import typer

from cli.commands.options import Json


def up(*, as_json: Json = False) -> None:
    """Start everything with durable data in .stanch/ and run until Ctrl-C.

    PostgreSQL, Temporal and the sandbox wallet are embedded unless STANCH_DATABASE_URL, TEMPORAL_ADDRESS or
    STANCH_WALLET_URL name others. Started again, it continues open incidents.
    """
    from cli.output import Output
    from cli.running.up import run_up

    raise typer.Exit(run_up(Output(as_json=as_json)))


def worker(*, as_json: Json = False) -> None:
    """Run one worker until Ctrl-C; settings come from the environment or a TOML file (STANCH_CONFIG)."""
    from cli.output import Output
    from cli.running.become import become

    become("worker", Output(as_json=as_json))


def gateway(*, as_json: Json = False) -> None:
    """Run one gateway until Ctrl-C; settings come from the environment or a TOML file (STANCH_CONFIG)."""
    from cli.output import Output
    from cli.running.become import become

    become("gateway", Output(as_json=as_json))


def register(application: typer.Typer) -> None:
    """Add the commands to the tree."""
    for command in (up, worker, gateway):
        application.command()(command)
