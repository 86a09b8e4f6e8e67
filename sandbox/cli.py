"""`python -m sandbox [serve | seed | thief | owner | ...]`; alone it serves, `--help` names all its people."""

from __future__ import annotations

import asyncio
import json
import sys
from typing import Annotated, Any

import httpx2
import typer

from sandbox.people.telling import NOT_REACHABLE, Stage, perform
from sandbox.settings import DEFAULT_PORT, Settings

app = typer.Typer(add_completion=False, pretty_exceptions_enable=False, help="A wallet company in a box.")

DEFAULT_URL = f"http://127.0.0.1:{DEFAULT_PORT}"
DEFAULT_GATEWAY_URL = "http://127.0.0.1:8080"
BAD_INPUT = 2
REFUSED = 3

Url = Annotated[str, typer.Option(envvar="SANDBOX_URL", help="Where the sandbox listens.")]
GatewayUrl = Annotated[
    str, typer.Option(envvar="SANDBOX_GATEWAY_URL", help="Where Stanch's gateway listens.")
]
AdminKey = Annotated[str, typer.Option(envvar="SANDBOX_ADMIN_KEY", help="The sandbox's own key.")]
Account = Annotated[str, typer.Option(help="Whose account; default: the victim this world was made for.")]
SeedNumber = Annotated[int, typer.Option("--seed", help="Fixes the plan and every delay.")]
Pace = Annotated[float, typer.Option(help="Multiplies every pause; 0 is as fast as can be.")]
Incident = Annotated[str, typer.Option(help="Stop when this incident is closed; default: when told to.")]
Choose = Annotated[
    list[str] | None, typer.Option(help="KIND=CHOICE: what to choose on a question of a kind.")
]
Credential = Annotated[str, typer.Option(envvar="SANDBOX_CREDENTIAL", help="The operator's credential.")]


@app.callback(invoke_without_command=True)
def alone(context: typer.Context) -> None:
    """Serve, when nothing else is asked for."""
    if context.invoked_subcommand is None:
        serve()


@app.command()
def serve() -> None:
    """Serve the wallet, its public side and the message gateway; settings come from SANDBOX_* variables."""
    from sandbox.server import serve as run  # noqa: PLC0415  the people's programs need no server

    try:
        settings = Settings.from_environment()
    except ValueError as error:
        sys.stderr.write(f"The sandbox did not start: {error}. Nothing was changed.\n")
        raise typer.Exit(BAD_INPUT) from None
    raise typer.Exit(run(settings))


@app.command()
def seed(seed: int, url: Url = DEFAULT_URL, admin_key: AdminKey = "") -> None:
    """Replace the world of a running sandbox by the one of this seed."""
    answer = _control("POST", url, "/sandbox/seed", admin_key, {"seed": seed})
    json.dump(answer, sys.stdout)
    sys.stdout.write("\n")


@app.command()
def thief(
    *,
    account: Account = "",
    seed: SeedNumber = 1,
    url: Url = DEFAULT_URL,
    admin_key: AdminKey = "",
    password: Annotated[str, typer.Option(help="The stolen password; default: what the world tells.")] = "",
    currency: Annotated[
        list[str] | None, typer.Option(help="What to steal, in order; default: the world's.")
    ] = None,
    afterwards: Annotated[float, typer.Option(help="Seconds the mules go on after the refusal.")] = 6.0,
    pace: Pace = 1.0,
) -> None:
    """Take over an account and move its money out through fresh mules until refused."""
    from sandbox.people.thief import run_thief  # noqa: PLC0415  one program per process

    known = _person(url, admin_key, account)
    stage = Stage("thief", pace=pace)
    act = run_thief(
        url,
        account_id=known["account_id"],
        password=password or known["password"],
        seed=seed,
        currencies=currency or [_control("GET", url, "/sandbox/world", admin_key)["currency"]],
        afterwards=afterwards,
        stage=stage,
    )
    raise typer.Exit(perform(stage, act))


@app.command()
def owner(
    *,
    account: Account = "",
    seed: SeedNumber = 1,
    url: Url = DEFAULT_URL,
    gateway_url: GatewayUrl = DEFAULT_GATEWAY_URL,
    admin_key: AdminKey = "",
    stays: Annotated[
        bool, typer.Option("--stays", help="Go on answering after the account is entered again.")
    ] = False,
    asked_nothing: Annotated[
        bool,
        typer.Option("--asked-nothing", help="Leave codes and links alone: somebody else asked for them."),
    ] = False,
    pace: Pace = 1.0,
) -> None:
    """Answer one-time codes on the contacts of before the theft, renew the password, log in again."""
    from sandbox.people.owner import run_owner  # noqa: PLC0415  one program per process

    known = _person(url, admin_key, account)
    stage = Stage("owner", pace=pace)
    act = run_owner(
        url,
        gateway_url,
        known=known,
        admin_key=admin_key,
        seed=seed,
        stays=stays,
        asked_nothing=asked_nothing,
        stage=stage,
    )
    raise typer.Exit(perform(stage, act))


@app.command()
def forgetful(
    *,
    account: Account = "",
    seed: SeedNumber = 1,
    url: Url = DEFAULT_URL,
    gateway_url: GatewayUrl = DEFAULT_GATEWAY_URL,
    admin_key: AdminKey = "",
    pace: Pace = 1.0,
) -> None:
    """Be an owner who has forgotten the password: codes, link, a new one, and a look at what changed."""
    from sandbox.people.forgetful import run_forgetful  # noqa: PLC0415  one program per process

    known = _person(url, admin_key, account)
    stage = Stage("forgetful", pace=pace)
    act = run_forgetful(url, gateway_url, known=known, admin_key=admin_key, seed=seed, stage=stage)
    raise typer.Exit(perform(stage, act))


@app.command()
def traveller(
    *,
    account: Account = "",
    seed: SeedNumber = 1,
    url: Url = DEFAULT_URL,
    admin_key: AdminKey = "",
    currency: Annotated[str, typer.Option(help="What to pay in; default: the world's.")] = "",
    pace: Pace = 1.0,
) -> None:
    """Be the owner on a new phone with a new number, and pay new acquaintances: a false alarm in the making."""
    from sandbox.people.traveller import run_traveller  # noqa: PLC0415  one program per process

    known = _person(url, admin_key, account)
    stage = Stage("traveller", pace=pace)
    spent = currency or _control("GET", url, "/sandbox/world", admin_key)["currency"]
    act = run_traveller(url, known=known, seed=seed, currency=spent, stage=stage)
    raise typer.Exit(perform(stage, act))


@app.command(name="returning-thief")
def returning_thief(
    *,
    account: Account = "",
    seed: SeedNumber = 1,
    url: Url = DEFAULT_URL,
    admin_key: AdminKey = "",
    currency: Annotated[str, typer.Option(help="What to steal; default: the world's.")] = "",
    pace: Pace = 1.0,
) -> None:
    """Come back once the owner has a new password, which was phished too, and take what the cool-down lets out."""
    from sandbox.people.returning_thief import run_returning_thief  # noqa: PLC0415  one program per process

    account_id = _person(url, admin_key, account)["account_id"]
    stage = Stage("thief", pace=pace)

    async def phish() -> str:
        return str((await asyncio.to_thread(_person, url, admin_key, account_id))["password"])

    act = run_returning_thief(
        url,
        account_id=account_id,
        seed=seed,
        currency=currency or _control("GET", url, "/sandbox/world", admin_key)["currency"],
        phish=phish,
        stage=stage,
    )
    raise typer.Exit(perform(stage, act))


@app.command()
def hotline(
    *,
    credential: Credential,
    account: Account = "",
    seed: SeedNumber = 1,
    url: Url = DEFAULT_URL,
    gateway_url: GatewayUrl = DEFAULT_GATEWAY_URL,
    admin_key: AdminKey = "",
    pace: Pace = 1.0,
) -> None:
    """Report on the phone's word that an account was stolen; nobody ever proves it."""
    from sandbox.people.hotline import run_hotline  # noqa: PLC0415  one program per process

    del seed  # there is nothing to decide
    stage = Stage("hotline", pace=pace)
    account_id = _person(url, admin_key, account)["account_id"]
    raise typer.Exit(
        perform(stage, run_hotline(gateway_url, credential=credential, account_id=account_id, stage=stage))
    )


@app.command()
def pretender(
    *,
    credential: Credential,
    account: Account = "",
    seed: SeedNumber = 1,
    url: Url = DEFAULT_URL,
    gateway_url: GatewayUrl = DEFAULT_GATEWAY_URL,
    admin_key: AdminKey = "",
    pace: Pace = 1.0,
) -> None:
    """Ask on the phone for an account that is somebody else's; the agent does what the procedure says."""
    from sandbox.people.pretender import run_pretender  # noqa: PLC0415  one program per process

    stage = Stage("pretender", pace=pace)
    account_id = _person(url, admin_key, account)["account_id"]
    act = run_pretender(gateway_url, credential=credential, account_id=account_id, seed=seed, stage=stage)
    raise typer.Exit(perform(stage, act))


@app.command()
def agent(
    *,
    credential: Credential,
    seed: SeedNumber = 1,
    incident: Incident = "",
    gateway_url: GatewayUrl = DEFAULT_GATEWAY_URL,
    pace: Pace = 1.0,
    choose: Choose = None,
) -> None:
    """Choose where a person must: what --choose says, otherwise the first choice offered."""
    _staff(
        "agent", credential, seed=seed, incident=incident, gateway_url=gateway_url, pace=pace, choose=choose
    )


@app.command()
def supervisor(
    *,
    credential: Credential,
    seed: SeedNumber = 1,
    incident: Incident = "",
    gateway_url: GatewayUrl = DEFAULT_GATEWAY_URL,
    pace: Pace = 1.0,
) -> None:
    """Approve what an agent asked for."""
    _staff(
        "supervisor",
        credential,
        seed=seed,
        incident=incident,
        gateway_url=gateway_url,
        pace=pace,
        choose=None,
    )


def _staff(
    role: str,
    credential: str,
    *,
    seed: int,
    incident: str,
    gateway_url: str,
    pace: float,
    choose: list[str] | None,
) -> None:
    from sandbox.people.staff import run_staff  # noqa: PLC0415  one program per process

    pairs = [each.partition("=") for each in choose or []]
    if not all(kind and choice for kind, _, choice in pairs):
        raise typer.BadParameter("--choose takes KIND=CHOICE")
    stage = Stage(role, pace=pace)
    act = run_staff(
        gateway_url,
        credential=credential,
        role=role,
        seed=seed,
        incident=incident or None,
        choices={kind: choice for kind, _, choice in pairs},
        stage=stage,
    )
    raise typer.Exit(perform(stage, act))


def _person(url: str, admin_key: str, account: str) -> dict[str, Any]:
    if not account:
        victim = _control("GET", url, "/sandbox/world", admin_key)["victim"]
        if victim is None:
            raise typer.BadParameter("this world names no victim; give --account")
        account = victim["account_id"]
    return _control("GET", url, f"/sandbox/people/{account}", admin_key)


def _control(
    method: str, url: str, path: str, admin_key: str, body: dict[str, Any] | None = None
) -> dict[str, Any]:
    headers = {"Authorization": f"Bearer {admin_key}"}
    try:
        response = httpx2.request(
            method, f"{url}{path}", json=body, headers=headers, timeout=60, trust_env=False
        )
    except httpx2.TransportError:
        sys.stderr.write(
            f"No sandbox answers at {url}. Nothing was done; start it with `python -m sandbox`.\n"
        )
        raise typer.Exit(NOT_REACHABLE) from None
    answer: dict[str, Any] = response.json()
    if response.is_error:
        sys.stderr.write(f"The sandbox refused: {answer['detail']}\n")
        raise typer.Exit(REFUSED)
    return answer


def main() -> None:
    """Run the command line."""
    # Whatever these programs say on stdout is JSON anyway; asking for it is no mistake.
    app([word for word in sys.argv[1:] if word != "--json"])
