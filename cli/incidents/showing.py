"""How an incident looks in a terminal."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from rich.markup import escape

from cli.incidents.security import counted
from models.money import sum_of_money

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    from rich.console import Console

RED: Final = "bold red"
COLOURS: Final = {"done": "green", "refused": "yellow"}


def show_alarm_answer(console: Console, status: int, answer: Mapping[str, Any]) -> None:
    """What became of an alarm."""
    where = f"incident {answer['incident_id']}, episode {answer['episode']}"
    if answer.get("freeze") == "done":
        took = answer.get("time_to_freeze_ms") or {}
        speed = f" in {took['committed']} ms" if took.get("committed") is not None else ""
        again = " (this alarm had come before)" if status == 200 else ""
        console.print(f"[green]Frozen[/green]{speed}: {where}{again}")
    elif answer.get("freeze") == "ended":
        how = answer.get("outcome") or "its episode is over"
        console.print(
            f"[{RED}]Not frozen[/]: {where} ended without a freeze by this alarm ({how}); send a new one if need be."
        )
    else:
        console.print(f"[{RED}]Not frozen yet[/]: {where}; the engine insists until the wallet has done it.")
    if answer.get("late"):
        console.print("It is about something older than 24 hours, and flagged late.")
    console.print(f"Follow it: stanch incident watch {answer['incident_id']}", style="dim")


def show_incidents(
    console: Console, incidents: Sequence[Mapping[str, Any]], unreached: Sequence[str] = ()
) -> None:
    """One line each; an id is never cut, for it is what the next command needs."""
    if not incidents:
        console.print("No incident to show.")
    widest = max((len(incident["account_id"]) for incident in incidents), default=0)
    for incident in incidents:
        status = f"{incident['status']:<9}"
        call = f"  [{RED}]somebody must call[/]" if incident["incident_id"] in unreached else ""
        console.print(
            f"{incident['incident_id']}  {escape(incident['account_id']):<{widest}}  "
            f"{f'[{RED}]{status}[/]' if incident['status'] == 'opened' else status}  "
            f"episode {incident['episode']}  {incident['opened_at'][:19]}  {incident['outcome'] or ''}{linked(incident)}".rstrip()
            + call
        )


def linked(incident: Mapping[str, Any]) -> str:
    """Which incident it goes on with, and which goes on with it."""
    former, later = incident.get("reopens"), incident.get("reopened_as")
    return (f"  reopens {former}" if former else "") + (f"  reopened as {later}" if later else "")


def show_view(console: Console, view: Mapping[str, Any], steps: Iterable[Mapping[str, Any]]) -> None:
    """Everything about one incident."""
    facts = view
    ending = f", {facts['outcome']}" if facts["outcome"] else ""
    console.print(
        f"[bold]{facts['incident_id']}[/] account {escape(facts['account_id'])}: {facts['status']}{ending}{linked(facts)}"
    )
    if facts["status"] == "opened":
        console.print("Not frozen yet: the engine insists until the wallet has done it.", style=RED)
    console.print(
        f"opened {facts['opened_at']}, episode {facts['episode']}, not to be trusted since {facts['compromised_since'] or 'not known yet'}"
    )
    took = view.get("time_to_freeze_ms")
    if took:
        console.print(f"frozen after {took['committed']} ms (wallet's word after {took['wallet_ack']} ms)")
    if rated := view.get("rating"):
        said = f": {escape(rated['comment'])}" if rated["comment"] else ""
        console.print(f"the owner rates our help {rated['rating']} of 5{said}")
    for currency, flow in sorted(view["money"].items()):
        places = ", ".join(f"{place} {sum_of_money(amount, currency)}" for place, amount in flow.items())
        console.print(f"money: {places}")
    for notice in view["unreached"]:
        console.print(
            f"Call this person: {notice['template']} reached nobody ({notice['why'] or notice['state']}), account "
            f"{escape(notice['account_id'])}; see stanch notice show {notice['notice_id']}",
            style=RED,
        )
    for currency, flow in sorted(view["claimed"].items()):
        places = ", ".join(f"{place} {sum_of_money(amount, currency)}" for place, amount in flow.items())
        console.print(f"claimed by unproven reports, not held: {places}")
    if security := counted(view.get("security") or {}):
        console.print(security)
    show_decisions(
        console, {"decisions": [task for task in view["decisions"] if not task.get("closed_at")]}, quiet=True
    )
    for step in steps:
        show_step(console, step)


def show_step(console: Console, step: Mapping[str, Any]) -> None:
    """One line for one step."""
    colour = COLOURS.get(step["status"], "white")
    reason = f"  {escape(step['reason'])}" if step.get("reason") else ""
    console.print(
        f"{step['completed_at']}  [{colour}]{step['status']:<7}[/]  {step['kind']:<15} {escape(step['step_key'])}  {step['actor']}{reason}"
    )


def show_decisions(console: Console, answer: Mapping[str, Any], *, quiet: bool = False) -> None:
    """Open questions, or the one on which something was said."""
    tasks = answer.get("decisions", [answer])
    for task in tasks:
        rule = "two people must agree" if task["four_eyes"] else "one person decides"
        over = "closed" if task["closed_at"] else "open"
        if task.get("escalated_at") and not task["closed_at"]:
            over = f"[{RED}]overdue since {task['expires_at'][:19]}: supervisors only[/]"
        console.print(
            f"question {task['task_id']}  {task['kind']}: {' | '.join(task['choices'])}  ({over}; {rule})"
        )
        for request in task["requests"]:
            console.print(
                f"  choice {request['request_id']}  {request['choice']} by {escape(request['requested_by'])}: "
                f"{request['state']}  {escape(request['reason'])}"
            )
    if not tasks and not quiet:
        console.print("No question is open.")
