"""Claimants in a terminal: every verb is one request to the gateway."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from rich.markup import escape

from cli.gateway_client import GatewayClient
from cli.incidents.showing import show_decisions
from models.names import Role

if TYPE_CHECKING:
    from collections.abc import Mapping

    from rich.console import Console

    from cli.output import Output


def show_identity(incident: str, *, login: Role | None, output: Output) -> None:
    """Look. Raises StanchError with the gateway's own sentence, as all of these do."""
    with GatewayClient.of_environment(login, usual=Role.AGENT) as gateway:
        view = gateway.get(f"/v1/incidents/{incident}/identity")
    output.document(view)
    if not output.as_json:
        _show(output.console, view)


def open_claim(incident: str, *, login: Role | None, output: Output) -> None:
    """Open a claim; the token is printed this once."""
    with GatewayClient.of_environment(login, usual=Role.AGENT) as gateway:
        opened = gateway.post(f"/v1/incidents/{incident}/identity/claims", {})
    output.document(opened)
    if not output.as_json:
        output.console.print(f"claim {opened['claim_id']} until {opened['expires_at']}")
        output.console.print(f"token for the claimant, shown this once: {opened['token']}", soft_wrap=True)


def call_back(incident: str, body: Mapping[str, str], *, login: Role | None, output: Output) -> None:
    """Record a call-back."""
    with GatewayClient.of_environment(login, usual=Role.AGENT) as gateway:
        taken = gateway.post(f"/v1/incidents/{incident}/identity/call-backs", dict(body))
    output.document(taken)
    if not output.as_json:
        counts = "it counts, beside another factor" if taken["counts"] else "it speaks against the claimant"
        output.console.print(f"recorded: {counts}")


def about_claim(
    incident: str, what: str, claim_id: str, reason: str, *, login: Role | None, output: Output
) -> None:
    """Ask for two people's decision about a claimant."""
    with GatewayClient.of_environment(login, usual=Role.AGENT) as gateway:
        decision = gateway.post(
            f"/v1/incidents/{incident}/identity/{what}", {"claim_id": claim_id, "reason": reason}
        )
    output.document(decision)
    if not output.as_json:
        show_decisions(output.console, decision)


def withdraw(incident: str, claim_id: str, reason: str, *, login: Role | None, output: Output) -> None:
    """Withdraw a claim that was a mistake, or ask for a second person's word."""
    with GatewayClient.of_environment(login, usual=Role.AGENT) as gateway:
        body = {"claim_id": claim_id, "reason": reason}
        withdrawal = gateway.post(f"/v1/incidents/{incident}/identity/withdrawals", body)
    output.document(withdrawal)
    if output.as_json:
        return
    if withdrawal["withdrawn"]:
        output.console.print(f"claim {claim_id} is withdrawn")
    else:
        show_decisions(output.console, withdrawal["decision"])


def _show(console: Console, view: Mapping[str, Any]) -> None:
    if view["contested"]:
        console.print("Two claimants have shown factors: codes alone prove nothing now.", style="bold red")
    for claim in view["claims"]:
        name = claim["claim_id"] or "unclaimed (codes answered without a claim)"
        state = claim["ending"] or ("proven" if claim["proven"] else "not proven")
        console.print(f"{name}: {state}")
        for factor in claim["counted"]:
            console.print(
                f"  counts   {factor['kind']} {escape(factor['reference'])}, set {factor['set_at']}"
            )
        for factor in claim["refused"]:
            console.print(f"  refused  {factor['kind']} {escape(factor['reference'])}: {factor['reason']}")
        for word in claim["against"]:
            console.print(f"  against  {word['what']} at {word['at']}", style="bold red")
        for missing in claim["missing"]:
            console.print(f"  missing  {missing['what']}: {missing['have']} of {missing['needed']}")
    if not view["claims"]:
        console.print("Nobody has claimed this account.")
    for factor in view["unusable"]:
        console.print(f"not to be used: {factor['kind']} {escape(factor['reference'])}: {factor['reason']}")
