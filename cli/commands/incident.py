"""`stanch incident ...`: the gateway's verbs for a terminal."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated

import typer

from cli.commands.break_glass import application as break_glass
from cli.commands.identity import application as identity
from cli.commands.options import Json, Login, Reason
from models.lifecycle import Status
from models.names import AlarmKind, DecisionKind, Role

application = typer.Typer(
    help="Open, look at and decide incidents, through the gateway (STANCH_GATEWAY_URL and STANCH_CREDENTIAL, or a running `stanch up`).",
    no_args_is_help=True,
)

theft = typer.Typer(
    help="Which transfers count as stolen: add some, or withdraw what was the owner's own.",
    no_args_is_help=True,
)
mule = typer.Typer(
    help="The whole account of a mule: frozen and released only by two people.", no_args_is_help=True
)
application.add_typer(theft, name="theft")
application.add_typer(mule, name="mule")
application.add_typer(identity, name="identity")
application.add_typer(break_glass, name="break-glass")

IncidentId = Annotated[str, typer.Argument(metavar="INCIDENT", help="The incident's id.")]
Instant = typer.Option(
    formats=["%Y-%m-%dT%H:%M:%S%z", "%Y-%m-%dT%H:%M:%S.%f%z", "%Y-%m-%dT%H:%M%z"],
    metavar="2026-01-31T10:05:00Z",
)


@application.command("open")
def open_(
    account: Annotated[str, typer.Argument(metavar="ACCOUNT", help="The wallet's id of the account.")],
    *,
    kind: Annotated[
        AlarmKind | None,
        typer.Option(
            help="trigger: a machine's message, freezes fully. report: a person's account. Default: as the login."
        ),
    ] = None,
    source: Annotated[str, typer.Option(help="Who says it.")] = "cli",
    alarm_id: Annotated[
        str | None,
        typer.Option(
            "--id", help="Names the alarm once and for all: repeat with the same id after an error."
        ),
    ] = None,
    occurred_at: Annotated[datetime | None, Instant] = None,
    compromised_since: Annotated[datetime | None, Instant] = None,
    theft: Annotated[str, typer.Option(help="Stolen transfers: id[,id...].")] = "",
    detail: Annotated[str | None, typer.Option(help="Free text; stored encrypted.")] = None,
    login: Login = None,
    as_json: Json = False,
) -> None:
    """Raise an alarm: the account is frozen first, everything else follows."""
    from cli.incidents.verbs import open_incident
    from cli.output import Output

    open_incident(
        account=account,
        kind=kind,
        source=source,
        alarm_id=alarm_id,
        occurred_at=occurred_at,
        compromised_since=compromised_since,
        thefts=[name for name in theft.split(",") if name],
        detail=detail,
        login=login,
        output=Output(as_json=as_json),
    )


@application.command("list")
def list_(
    *,
    status: Annotated[Status | None, typer.Option(help="Only incidents that stand there.")] = None,
    account: Annotated[str | None, typer.Option(help="Only incidents of this account.")] = None,
    limit: Annotated[int, typer.Option(min=1, max=200)] = 50,
    login: Login = None,
    as_json: Json = False,
) -> None:
    """Incidents, newest first."""
    from cli.incidents.verbs import list_incidents
    from cli.output import Output

    list_incidents(status=status, account=account, limit=limit, login=login, output=Output(as_json=as_json))


@application.command()
def show(incident: IncidentId, *, login: Login = None, as_json: Json = False) -> None:
    """Everything known of one incident, its steps included."""
    from cli.incidents.verbs import show_incident
    from cli.output import Output

    show_incident(incident, login=login, output=Output(as_json=as_json))


@application.command()
def security(
    incident: IncidentId,
    *,
    every: Annotated[bool, typer.Option("--all", help="Also what was not touched.")] = False,
    login: Login = None,
    as_json: Json = False,
) -> None:
    """What was added, changed and removed since the compromise time, what the reset did or would do, what was in flight."""
    from cli.incidents.security import show_security
    from cli.output import Output

    show_security(incident, every=every, login=login, output=Output(as_json=as_json))


@application.command()
def watch(
    incident: IncidentId,
    *,
    wait_limit: Annotated[int, typer.Option(help="Seconds to watch at most; 0: until it closes.", min=0)] = 0,
    login: Login = None,
    as_json: Json = False,
) -> None:
    """Follow an incident's steps until it closes; with --json, print it once it has."""
    from cli.incidents.watching import watch_incident
    from cli.output import Output

    watch_incident(incident, wait_limit=wait_limit, login=login, output=Output(as_json=as_json))


@application.command()
def decide(
    incident: IncidentId,
    *,
    choice: Annotated[
        str | None, typer.Option(help="What you choose; without it, open questions are listed.")
    ] = None,
    reason: Annotated[str, typer.Option(help="Why, in a sentence; it is recorded with the step.")] = "",
    kind: Annotated[DecisionKind | None, typer.Option(help="Which question, if several are open.")] = None,
    task: Annotated[str | None, typer.Option(help="Which question, by its id.")] = None,
    approve: Annotated[
        str | None, typer.Option(metavar="REQUEST", help="Agree to another person's choice.")
    ] = None,
    decline: Annotated[
        str | None, typer.Option(metavar="REQUEST", help="Disagree with another person's choice.")
    ] = None,
    withdraw: Annotated[
        str | None, typer.Option(metavar="REQUEST", help="Take your own choice back.")
    ] = None,
    login: Annotated[
        Role | None, typer.Option("--as", help="Which login of the running `stanch up` to use.")
    ] = None,
    as_json: Json = False,
) -> None:
    """Decide where a person must; where four eyes are needed, another person approves."""
    from cli.incidents.deciding import decide as run_decide
    from cli.output import Output

    run_decide(
        incident,
        choice=choice,
        reason=reason,
        kind=kind,
        task=task,
        approve=approve,
        decline=decline,
        withdraw=withdraw,
        login=login,
        output=Output(as_json=as_json),
    )


@application.command("compromised-since")
def compromised_since(
    incident: IncidentId,
    *,
    at: Annotated[datetime, Instant],
    reason: Reason,
    login: Login = None,
    as_json: Json = False,
) -> None:
    """Move the time since when the account is not trusted; later takes another person's approval."""
    from cli.holds.verbs import ask
    from cli.incidents.verbs import instant
    from cli.output import Output

    body = {"compromised_since": instant(at), "reason": reason}
    ask(f"/v1/incidents/{incident}/compromise-time", body, login=login, output=Output(as_json=as_json))


@application.command()
def reopen(incident: IncidentId, *, reason: Reason, login: Login = None, as_json: Json = False) -> None:
    """Go on with a closed incident as a new one: its account is frozen again, what was known is carried over."""
    from cli.incidents.verbs import reopen_incident
    from cli.output import Output

    reopen_incident(incident, reason=reason, login=login, output=Output(as_json=as_json))


@application.command("close-account")
def close_account(
    incident: IncidentId,
    *,
    how_proven: Annotated[
        str, typer.Option(help="How it was found that the destination is the owner's; stored encrypted.")
    ],
    reason: Reason,
    to_account: Annotated[str | None, typer.Option(help="Another account of the wallet.")] = None,
    to_bank: Annotated[
        tuple[str, str, str] | None,
        typer.Option(metavar="BIC ACCOUNT HOLDER", help="An account at a bank, and whose it is."),
    ] = None,
    login: Login = None,
    as_json: Json = False,
) -> None:
    """Ask to pay the account out and close it: its proven owner does not want it back. Another person approves."""
    from cli.incidents.closing import close_account as run_close
    from cli.output import Output

    run_close(
        incident,
        to_account=to_account,
        to_bank=to_bank,
        how_proven=how_proven,
        reason=reason,
        login=login,
        output=Output(as_json=as_json),
    )


@application.command()
def destination(
    incident: IncidentId,
    destination_id: Annotated[
        str, typer.Argument(metavar="DESTINATION", help="The id that the question names.")
    ],
    *,
    login: Login = None,
    as_json: Json = False,
) -> None:
    """Where the money of a closed account would go, and how that was proven: look before you approve."""
    from cli.incidents.closing import show_destination
    from cli.output import Output

    show_destination(incident, destination_id, login=login, output=Output(as_json=as_json))


@application.command()
def remedy(incident: IncidentId, *, login: Login = None, as_json: Json = False) -> None:
    """Where every stolen unit stands: returned, on hold, recalled, at large or lost."""
    from cli.holds.verbs import show_remedy
    from cli.output import Output

    show_remedy(incident, login=login, output=Output(as_json=as_json))


Transfers = Annotated[str, typer.Argument(metavar="TX[,TX...]", help="Ids of transfers of the account.")]
Account = Annotated[str, typer.Argument(metavar="ACCOUNT", help="The wallet's id of the mule's account.")]


@theft.command()
def add(
    incident: IncidentId, transfers: Transfers, *, reason: Reason, login: Login = None, as_json: Json = False
) -> None:
    """Count these transfers as stolen, too; the money is traced anew."""
    from cli.holds.verbs import ask
    from cli.output import Output

    body = {"action": "add", "transfer_ids": transfers.split(","), "reason": reason}
    ask(f"/v1/incidents/{incident}/thefts", body, login=login, output=Output(as_json=as_json))


@theft.command()
def withdraw(
    incident: IncidentId, transfers: Transfers, *, reason: Reason, login: Login = None, as_json: Json = False
) -> None:
    """These were the owner's own; another person approves, and their holds are let go."""
    from cli.holds.verbs import ask
    from cli.output import Output

    body = {"action": "withdraw", "transfer_ids": transfers.split(","), "reason": reason}
    ask(f"/v1/incidents/{incident}/thefts", body, login=login, output=Output(as_json=as_json))


@theft.command()
def confirm(
    incident: IncidentId, transfers: Transfers, *, reason: Reason, login: Login = None, as_json: Json = False
) -> None:
    """These an unproven report named; another person approves, then their money is held."""
    from cli.holds.verbs import ask
    from cli.output import Output

    body = {"action": "confirm", "transfer_ids": transfers.split(","), "reason": reason}
    ask(f"/v1/incidents/{incident}/thefts", body, login=login, output=Output(as_json=as_json))


@mule.command()
def freeze(
    incident: IncidentId, account: Account, *, reason: Reason, login: Login = None, as_json: Json = False
) -> None:
    """Ask to freeze the account; another person approves."""
    from cli.holds.verbs import ask
    from cli.output import Output

    body = {"action": "freeze", "account_id": account, "reason": reason}
    ask(f"/v1/incidents/{incident}/mules", body, login=login, output=Output(as_json=as_json))


@mule.command()
def release(
    incident: IncidentId, account: Account, *, reason: Reason, login: Login = None, as_json: Json = False
) -> None:
    """Ask to release the account; another person approves."""
    from cli.holds.verbs import ask
    from cli.output import Output

    body = {"action": "release", "account_id": account, "reason": reason}
    ask(f"/v1/incidents/{incident}/mules", body, login=login, output=Output(as_json=as_json))
