"""`stanch demo`: one stolen account from alarm to closure, on real components."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from cli.commands.options import Json


def demo(
    *,
    seed: Annotated[int, typer.Option(help="Fixes the world and everyone's plans.", min=0)] = 1,
    keep: Annotated[
        bool, typer.Option("--keep", help="Leave everything up and print URLs and logins.")
    ] = False,
    transfers: Annotated[
        Path | None,
        typer.Option(help="A ledger of your own: CSV, gzip allowed: tx_id, src, dst, amount_cents."),
    ] = None,
    accounts: Annotated[
        Path | None, typer.Option(help="Its accounts: CSV, gzip allowed: account, opening_cents[, kind].")
    ] = None,
    theft: Annotated[
        str | None,
        typer.Option(help="The stolen transfers of that ledger: tx_id[,tx_id...], all of one victim."),
    ] = None,
    currency: Annotated[str | None, typer.Option(help="ISO 4217 code of that ledger's amounts.")] = None,
    scenario: Annotated[
        str | None,
        typer.Option(
            help="Another story: restored (the default), false_alarm, impostor, silence or relapse. Only the sandbox's people differ."
        ),
    ] = None,
    wait_limit: Annotated[
        int, typer.Option(help="Give the story up after so many seconds without its end.", min=1)
    ] = 180,
    as_json: Json = False,
) -> None:
    """Run the story of one stolen account and show it; leaves nothing running.

    Starts PostgreSQL, Temporal, a wallet in a box, gateway and worker on free ports in a temporary place. With
    --transfers, --accounts and --theft the same story happens on a ledger of your own.
    """
    from cli.demo.command import run_demo
    from cli.demo.request import request_of
    from cli.output import Output

    output = Output(as_json=as_json)
    request = request_of(
        seed=seed,
        keep=keep,
        transfers=transfers,
        accounts=accounts,
        theft=theft,
        currency=currency,
        wait_limit=wait_limit,
        scenario=scenario,
    )
    raise typer.Exit(run_demo(request, output))


def register(application: typer.Typer) -> None:
    """Add the command to the tree."""
    application.command()(demo)
