"""`python -m sandbox serve | seed | thief | owner | agent | supervisor`."""

from __future__ import annotations

import json
import os
import sys
from typing import Annotated

import httpx2
import typer

from sandbox.settings import DEFAULT_PORT, Settings

app = typer.Typer(no_args_is_help=True, add_completion=False, help="A wallet company in a box.")

Url = Annotated[str, typer.Option(envvar="SANDBOX_URL", help="Where the sandbox listens.")]
AdminKey = Annotated[str, typer.Option(envvar="SANDBOX_ADMIN_KEY", help="The sandbox's own key.")]
DEFAULT_URL = f"http://127.0.0.1:{DEFAULT_PORT}"


@app.command()
def serve() -> None:
    """Serve the wallet, its public side and the message gateway; settings come from SANDBOX_* variables."""
    from sandbox.server import serve as run  # noqa: PLC0415  the people programs need no server

    run(Settings.from_environment())


@app.command()
def seed(seed: int, url: Url = DEFAULT_URL, admin_key: AdminKey = "") -> None:
    """Replace the world of a running sandbox by the one of this seed."""
    response = httpx2.post(
        f"{url}/sandbox/seed", json={"seed": seed}, headers={"Authorization": f"Bearer {admin_key}"}, timeout=60
    )
    json.dump(response.json(), sys.stdout)
    sys.stdout.write("\n")
    if response.is_error:
        raise typer.Exit(3)


def main() -> None:
    """Run the command line."""
    os.environ.setdefault("COLUMNS", "110")
    app()
