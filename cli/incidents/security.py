"""What changed on an account, and what became of it, in a terminal."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from rich.markup import escape

from cli.gateway_client import GatewayClient
from models.money import sum_of_money

if TYPE_CHECKING:
    from collections.abc import Mapping

    from rich.console import Console

    from cli.output import Output
    from models.names import Role

WHENCE: Final = {
    "stored": "as recorded before the reset",
    "live": "as the wallet shows it now; nothing is reset yet",
    "none": "nothing was compared in this episode",
}


def show_security(incident: str, *, every: bool, login: Role | None, output: Output) -> None:
    """Look. `every`: also what was not touched. Raises StanchError with the gateway's own sentence."""
    with GatewayClient.of_environment(login) as gateway:
        view = gateway.get(f"/v1/incidents/{incident}/security")
    output.document(view)
    if not output.as_json:
        _show(output.console, view, every=every)


def counted(security: Mapping[str, int]) -> str:
    """The summary of `incident show`, in one line."""
    words = [f"{security[name]} {name}" for name in ("added", "changed", "removed") if name in security]
    said = f"settings since the compromise time: {', '.join(words)}" if words else ""
    flight = [
        f"{security[name]} {name.removeprefix('payments_')}"
        for name in ("payments_stopped", "payments_captured", "payments_found", "payments_kept")
        if security.get(name)
    ]
    return "; ".join(each for each in (said, f"in flight: {', '.join(flight)}" if flight else "") if each)


def _show(console: Console, view: Mapping[str, Any], *, every: bool) -> None:
    console.print(
        f"[bold]{view['incident_id']}[/] account {escape(view['account_id'])}, episode {view['episode']}: not to be trusted "
        f"since {view['compromised_since'] or 'not known yet'} ({WHENCE[view['compared']]})"
    )
    for item in view["items"]:
        _show_item(console, item, every=every)
    for payment in view["payments"]:
        money = sum_of_money(payment["amount"], payment["currency"])
        became = f", transfer {escape(payment['transfer_id'])}" if payment["transfer_id"] else ""
        console.print(
            f"in flight  {payment['kind']:<20} {money} to {escape(payment['to'])}, due {payment['due_at'][:19]}: "
            f"[bold]{payment['state']}[/]{became}"
        )
        console.print(f"           {payment['reason']}", style="dim")
    for what, said in view["missing"].items():
        console.print(f"[bold red]missing[/]  {escape(what)}: {escape(said)}")


def _show_item(console: Console, item: Mapping[str, Any], *, every: bool) -> None:
    touched = [row for row in item["changes"] if row["happened"] != "unchanged"]
    receipt = f"receipt {item['receipt_id']}" if item["receipt_id"] else "not reset"
    quiet = "" if touched else f", nothing touched, {item['unchanged']} as before"
    console.print(f"[bold]{item['item']}[/]  {receipt}{quiet}")
    for row in item["changes"] if every else touched:
        before = f", before: {escape(row['before'])}" if row["before"] else ""
        when = row["at"][:19] if row["at"] else "at a time not known"
        will = "" if row["done"] else "to be "
        console.print(
            f"  {row['happened']:<9} {escape(row['label'])} {when}{before}: {will}[bold]{row['treatment']}[/]"
        )
        console.print(f"            {row['reason']}", style="dim")
    if item["not_listed"]:
        console.print(f"  and {item['not_listed']} more that are not listed")
