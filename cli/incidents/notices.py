"""List, show and repeat notices."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from rich.table import Table

from cli.gateway_client import GatewayClient

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from rich.console import Console

    from cli.output import Output
    from models.names import NoticeState, Role


def list_notices(
    incident: str | None,
    *,
    state: NoticeState | None,
    unreached: bool,
    limit: int,
    login: Role | None,
    output: Output,
) -> None:
    """One line for each notice, newest first."""
    with GatewayClient.of_environment(login) as gateway:
        if incident is None:
            answer = gateway.get(
                "/v1/notices", state=state.value if state else None, unreached=unreached, limit=limit
            )
        else:
            answer = gateway.get(f"/v1/incidents/{incident}/notices", limit=limit)
            wanted = [
                each
                for each in answer["notices"]
                if (state is None or each["state"] == state.value)
                and (not unreached or each["state"] in {"given_up", "no_contact"})
            ]
            answer = {**answer, "notices": wanted}
    output.document(answer)
    if not output.as_json:
        _show_list(output.console, answer["notices"])


def show_notice(notice: str, *, login: Role | None, output: Output) -> None:
    """Everything of one notice but its words and addresses, which are not stored."""
    with GatewayClient.of_environment(login) as gateway:
        view = gateway.get(f"/v1/notices/{notice}")
    _show(view, output)


def resend_notice(notice: str, *, login: Role | None, output: Output) -> None:
    """Make it due again. Raises StanchError with the gateway's own sentence."""
    with GatewayClient.of_environment(login) as gateway:
        view = gateway.post(f"/v1/notices/{notice}/resend", {})
    _show(view, output)


def _show(view: Mapping[str, Any], output: Output) -> None:
    output.document(dict(view))
    if output.as_json:
        return
    _show_list(output.console, [view])
    for each in view["deliveries"]:
        output.console.print(
            f"  {each['sent_at'][:19]}  {each['contact_id']}  {each['channel']}  {each['state']}  "
            f"{each['language']}  version {each['version']}"
        )
    for contact in view["refused_contacts"]:
        output.console.print(f"  {contact}  left out: set or changed since the compromise time")


def _show_list(console: Console, notices: Sequence[Mapping[str, Any]]) -> None:
    table = Table(box=None, header_style="bold")
    for name in ("notice", "incident", "told", "promised", "state", "contacts", "why"):
        table.add_column(name, overflow="fold")
    for each in notices:
        red = each["state"] in {"given_up", "no_contact"}
        table.add_row(
            each["notice_id"],
            each["incident_id"],
            each["template"],
            each["promised_at"][:19],
            f"[red]{each['state']}[/red]" if red else each["state"],
            str(len({delivery["contact_id"] for delivery in each["deliveries"]})),
            each["last_error"] or "",
        )
    console.print(table)
