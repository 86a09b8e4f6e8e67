"""Forgotten passwords in a terminal. Every verb raises StanchError with the gateway's own sentence."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from rich.markup import escape

from cli.gateway_client import GatewayClient
from cli.incidents.showing import show_decisions
from models.errors import ErrorCode, StanchError
from models.names import DecisionKind, Role

if TYPE_CHECKING:
    from collections.abc import Mapping

    from rich.console import Console

    from cli.output import Output


def start_recovery(phone: str | None, email: str | None, *, login: Role | None, output: Output) -> None:
    """Begin; the token is printed this once."""
    if (phone is None) == (email is None):
        raise StanchError(
            ErrorCode.INVALID, "Give either --phone or --email; nothing was done. One of them is enough."
        )
    said = {"phone": phone} if phone is not None else {"email": email}
    with GatewayClient.of_environment(login, usual=Role.AGENT) as gateway:
        begun = gateway.post("/v1/credential-recoveries", said)
    output.document(begun)
    if not output.as_json:
        output.console.print(f"recovery {begun['recovery_id']} until {begun['expires_at']}")
        output.console.print(
            f"token for the caller's page, shown this once: {begun['token']}", soft_wrap=True
        )


def list_recoveries(limit: int, *, login: Role | None, output: Output) -> None:
    """What was begun for an account that exists."""
    with GatewayClient.of_environment(login, usual=Role.AGENT) as gateway:
        listed = gateway.get("/v1/credential-recoveries", limit=limit)
    output.document(listed)
    if not output.as_json:
        for each in listed["recoveries"]:
            _show(output.console, each)
        if not listed["recoveries"]:
            output.console.print("Nobody has forgotten a password.")


def show_recovery(recovery: str, *, login: Role | None, output: Output) -> None:
    """One of them."""
    with GatewayClient.of_environment(login, usual=Role.AGENT) as gateway:
        view = gateway.get(f"/v1/credential-recoveries/{recovery}")
    output.document(view)
    if output.as_json:
        return
    _show(output.console, view["recovery"])
    for step in view["steps"]:
        status = (
            "" if step["status"] == "done" else f"  [red]{step['status']}: {escape(str(step['reason']))}[/]"
        )
        output.console.print(
            f"  {step['completed_at']}  {step['kind']:<16} {escape(step['step_key'])}{status}"
        )
    for decision in view["decisions"]:
        show_decisions(output.console, decision)


def decide_recovery(recovery: str, choice: str, reason: str, *, login: Role | None, output: Output) -> None:
    """Choose on the open question."""
    with GatewayClient.of_environment(login, usual=Role.AGENT) as gateway:
        view = gateway.get(f"/v1/credential-recoveries/{recovery}")
        asked = [
            each
            for each in view["decisions"]
            if each["kind"] == DecisionKind.CREDENTIAL and each["closed_at"] is None
        ]
        if not asked:
            raise StanchError(
                ErrorCode.REFUSED_BY_RULE,
                "Nobody is asked about this recovery. Nothing was changed; its owner must say that they are stuck first.",
            )
        decision = gateway.post(
            f"/v1/decisions/{asked[0]['task_id']}/request", {"choice": choice, "reason": reason}
        )
    output.document(decision)
    if not output.as_json:
        show_decisions(output.console, decision)


def approve_choice(request: str, reason: str, *, login: Role | None, output: Output) -> None:
    """Agree."""
    with GatewayClient.of_environment(login, usual=Role.SUPERVISOR) as gateway:
        decision = gateway.post(f"/v1/decisions/{request}/approve", {"reason": reason})
    output.document(decision)
    if not output.as_json:
        show_decisions(output.console, decision)


def _show(console: Console, facts: Mapping[str, Any]) -> None:
    how = facts["state"] if facts["ending"] is None else f"{facts['state']}: {facts['ending']}"
    stuck = "  [yellow]asks for help[/]" if facts["help_wanted"] and facts["ending"] is None else ""
    console.print(f"{facts['recovery_id']}  {facts['opened_at']}  {facts['account_id']}  {how}{stuck}")
