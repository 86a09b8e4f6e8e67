"""List and show holds, ask about them, and tell where stolen money stands."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any

from rich.markup import escape

from cli.exit_codes import ExitCode
from cli.gateway_client import GatewayClient
from cli.incidents.showing import show_decisions
from models.money import sum_of_money
from models.names import Role

if TYPE_CHECKING:
    from collections.abc import Mapping

    from rich.console import Console

    from cli.output import Output

CELLS = ("returned", "on_hold", "recall_pending", "recalled", "at_large", "lost")


def list_holds(*, incident: str | None, login: Role | None, output: Output) -> None:
    """One line for each hold, newest first."""
    with GatewayClient.of_environment(login) as gateway:
        answer = gateway.get("/v1/holds", incident_id=incident)
    output.document(answer)
    if not output.as_json:
        for hold in answer["holds"]:
            show(output.console, hold)
        if not answer["holds"]:
            output.console.print("No such hold.")


def list_mules(*, incident: str | None, every: bool, login: Role | None, output: Output) -> None:
    """One line for each restricted account with its age, the oldest first."""
    with GatewayClient.of_environment(login) as gateway:
        answer = gateway.get("/v1/mule-freezes", incident_id=incident, every="true" if every else None)
    output.document(answer)
    if not output.as_json:
        for mule in answer["mule_freezes"]:
            ended = mule["ended_at"]
            state = (
                f"ended {ended[:19]}" if ended else "stands beyond its time" if mule["overdue"] else "stands"
            )
            age = timedelta(seconds=mule["age_seconds"])
            output.console.print(
                f"{escape(mule['account_id'])}  {age}  {state}  incident {mule['incident_id']}  "
                f"since {mule['placed_at'][:19]}"
            )
        if not answer["mule_freezes"]:
            output.console.print("No mule's account is restricted.")


def show_hold(hold: str, *, login: Role | None, output: Output) -> None:
    """One hold."""
    with GatewayClient.of_environment(login) as gateway:
        answer = gateway.get(f"/v1/holds/{hold}")
    output.document(answer)
    if not output.as_json:
        show(output.console, answer)
        told = answer["told"] or "not told yet"
        output.console.print(
            f"incident {answer['incident_id']}, period {answer['periods']}, holder: {told}, objections: "
            f"{answer['objections']}, given back {sum_of_money(answer['returned'], answer['currency'])}"
        )


def show(console: Console, hold: Mapping[str, Any]) -> None:
    """One line; an id is never cut."""
    ending = (
        f"ended: {hold['ended_reason']}" if hold["state"] == "ended" else f"until {hold['expires_at'][:19]}"
    )
    money = sum_of_money(hold["amount"], hold["currency"])
    console.print(f"{hold['hold_id']}  {escape(hold['account_id'])}  {money}  {hold['state']}  {ending}")


def ask(path: str, body: Mapping[str, Any], *, login: Role | None, output: Output) -> None:
    """Send a request that people decide, and show the question. Raises StanchError with the gateway's own sentence."""
    with GatewayClient.of_environment(login) as gateway:
        answer = gateway.post(path, body)
    output.document(answer)
    if not output.as_json:
        show_decisions(output.console, answer)


def show_remedy(incident: str, *, login: Role | None, output: Output) -> None:
    """Where every stolen unit stands."""
    with GatewayClient.of_environment(login) as gateway:
        answer = gateway.get(f"/v1/incidents/{incident}/remedy")
    output.document(answer)
    if not output.as_json:
        print_remedy(output.console, answer)


def show_totals(
    *,
    since: datetime | None,
    until: datetime | None,
    currency: str | None,
    login: Role | None,
    output: Output,
) -> int:
    """The sums over all incidents that add up. The exit code: 3 when some do not, and are named."""
    asked = {
        "since": None if since is None else since.astimezone(UTC).isoformat(),
        "until": None if until is None else until.astimezone(UTC).isoformat(),
        "currency": currency,
    }
    with GatewayClient.of_environment(login, usual=Role.SUPERVISOR) as gateway:
        answer = gateway.get("/v1/remedy", **asked)
    output.document(answer)
    if not output.as_json:
        print_totals(output.console, answer)
    return ExitCode.DONE if answer["complete"] else ExitCode.REFUSED


def print_totals(console: Console, answer: Mapping[str, Any]) -> None:
    """One line per currency; sums that are not all of the stolen money say so, with what is in none of them."""
    label = "" if answer["complete"] else "not all of it: "
    for code, cells in sorted(answer["currencies"].items()):
        console.print(f"{label}{in_words(code, cells)}")
    if answer["complete"]:
        console.print(f"{answer['incidents']} incidents, each adds up")
        return
    unsound = len({each["incident_id"] for each in answer["left_out"]})
    console.print(
        f"{answer['incidents']} incidents; {unsound} do not add up to what was stolen and are in no sum:"
    )
    for each in answer["left_out"]:
        console.print(f"  {each['incident_id']} {each['currency']}")


def in_words(currency: str, cells: Mapping[str, int]) -> str:
    """One line, the cells in order; they add up to what was stolen."""
    parts = ", ".join(
        f"{cell.replace('_', ' ')} {sum_of_money(cells[cell], currency)}" for cell in CELLS if cells[cell]
    )
    return f"remedy: stolen {sum_of_money(cells['stolen'], currency)} = {parts or 'nothing'}"


def print_remedy(console: Console, answer: Mapping[str, Any]) -> None:
    """One line per currency, its cells in order; they add up to what was stolen."""
    for currency, cells in sorted(answer["currencies"].items()):
        console.print(f"{in_words(currency, cells)} (up to posting {answer['upto_seq'][currency]})")
