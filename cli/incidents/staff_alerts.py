"""List alerts to staff."""

from __future__ import annotations

from typing import TYPE_CHECKING

from rich.markup import escape

from cli.gateway_client import GatewayClient

if TYPE_CHECKING:
    from cli.output import Output
    from models.names import Role, StaffAlertState

RED = {"critical": "bold red", "warning": "yellow"}


def list_alerts(
    incident: str | None,
    *,
    state: StaffAlertState | None,
    limit: int,
    login: Role | None,
    output: Output,
) -> None:
    """Two lines for each alert: what it says, and how far it got."""
    with GatewayClient.of_environment(login) as gateway:
        answer = gateway.get(
            "/v1/staff-alerts", state=state.value if state else None, incident_id=incident, limit=limit
        )
    output.document(answer)
    if output.as_json:
        return
    for each in answer["alerts"]:
        colour = RED.get(each["severity"], "white")
        output.console.print(
            f"{each['raised_at'][:19]}  [{colour}]{each['severity']:<8}[/]  {each['sentence']}"
        )
        told = ", ".join(each["reached"]) or "nobody yet"
        given_up = each["state"] == "given_up"
        far = f"[bold red]{each['state']}[/]" if given_up else each["state"]
        output.console.print(
            f"    {each['kind']} {escape(each['detail'])}  {escape(each['subject'])}  "
            f"incident {each['incident_id'] or 'none'}  {far}, told: {escape(told)}"
        )
    if not answer["alerts"]:
        output.console.print("No alert to show.")
