"""`stanch incident identity ...`: what people do about somebody who says they are the owner."""

from __future__ import annotations

from enum import StrEnum
from typing import Annotated

import typer

from cli.commands.options import Json, Login

application = typer.Typer(
    help="Claimants of an incident: open a claim, look, call an old number, accept, name an impostor, withdraw.",
    no_args_is_help=True,
)

IncidentId = Annotated[str, typer.Argument(metavar="INCIDENT", help="The incident's id.")]
ClaimId = Annotated[str, typer.Option("--claim", metavar="CLAIM", help="Which claimant.")]
Reason = Annotated[str, typer.Option(help="Why, in a sentence; it is recorded with the step.")]


class Said(StrEnum):
    """What was heard on the old number."""

    CONFIRMED = "confirmed"
    DENIED = "denied"


@application.command()
def show(incident: IncidentId, *, login: Login = None, as_json: Json = False) -> None:
    """Every claim, what counts, what is refused and why, what is missing."""
    from cli.incidents.identity import show_identity
    from cli.output import Output

    show_identity(incident, login=login, output=Output(as_json=as_json))


@application.command()
def claim(incident: IncidentId, *, login: Login = None, as_json: Json = False) -> None:
    """Open a claim; its token is shown once, and lets the claimant present factors."""
    from cli.incidents.identity import open_claim
    from cli.output import Output

    open_claim(incident, login=login, output=Output(as_json=as_json))


@application.command("call-back")
def call_back(
    incident: IncidentId,
    *,
    claim_id: ClaimId,
    contact: Annotated[str, typer.Option(help="The wallet's id of the old number you called.")],
    said: Annotated[Said, typer.Option(help="What you heard.")],
    reason: Reason,
    login: Login = None,
    as_json: Json = False,
) -> None:
    """Record what came of a call to a number of old; counted once, never enough alone."""
    from cli.incidents.identity import call_back as run
    from cli.output import Output

    body = {"claim_id": claim_id, "contact_id": contact, "said": said.value, "reason": reason}
    run(incident, body, login=login, output=Output(as_json=as_json))


@application.command()
def accept(
    incident: IncidentId, *, claim_id: ClaimId, reason: Reason, login: Login = None, as_json: Json = False
) -> None:
    """Ask that a claimant's evidence be accepted; another person approves with `incident decide --approve`."""
    from cli.incidents.identity import about_claim
    from cli.output import Output

    about_claim(incident, "reviews", claim_id, reason, login=login, output=Output(as_json=as_json))


@application.command()
def impostor(
    incident: IncidentId, *, claim_id: ClaimId, reason: Reason, login: Login = None, as_json: Json = False
) -> None:
    """Ask that a claimant be named an impostor; another person approves with `incident decide --approve`."""
    from cli.incidents.identity import about_claim
    from cli.output import Output

    about_claim(incident, "impostors", claim_id, reason, login=login, output=Output(as_json=as_json))


@application.command()
def withdraw(
    incident: IncidentId, *, claim_id: ClaimId, reason: Reason, login: Login = None, as_json: Json = False
) -> None:
    """Withdraw a claim opened by mistake; where something was shown in it, another person approves."""
    from cli.incidents.identity import withdraw as run
    from cli.output import Output

    run(incident, claim_id, reason, login=login, output=Output(as_json=as_json))
