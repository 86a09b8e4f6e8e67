"""How recalls look in a terminal."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from rich.markup import escape

from models.money import sum_of_money

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from rich.console import Console

RED: Final = "bold red"
COLOURS: Final = {"matched": "green", "duplicate": "dim", "quarantined": RED, "received": "yellow"}


def show_recalls(console: Console, found: Mapping[str, Any]) -> None:
    """One line each, then what was put aside."""
    for total in found["totals"]:
        sums = {
            name: sum_of_money(total[name], total["currency"]) for name in ("pending", "recalled", "lost")
        }
        console.print(f"pending {sums['pending']}, recalled {sums['recalled']}, lost {sums['lost']}")
    if not found["recalls"]:
        console.print("No recall.")
    for recall in found["recalls"]:
        console.print(_line(recall))
    if found["quarantined"]:
        console.print(f"[{RED}]Put aside for people:[/]")
        show_answer_list(console, found["quarantined"])


def show_one(console: Console, found: Mapping[str, Any]) -> None:
    """One recall with its messages and answers."""
    recall = found["recall"]
    console.print(_line(recall))
    console.print(
        f"incident {recall['incident_id']}, transfer {escape(recall['transfer_id'])} (posting "
        f"{recall['transfer_seq']}) of {sum_of_money(recall['amount'], recall['currency'])} to "
        f"{escape(recall['exit_account'])}"
    )
    for message in found["messages"]:
        console.print(
            f"  {message['sent_at'][:19]}  sent {message['kind']} to {escape(message['institution'])} "
            f"({message['format']}, {message['channel']})"
        )
    show_answer_list(console, found["answers"])


def show_answer_list(console: Console, answers: Sequence[Mapping[str, Any]]) -> None:
    """One line each; an id is never cut, for it is what the next command needs."""
    if not answers:
        console.print("No answer.")
    for answer in answers:
        console.print(f"  {answer['received_at'][:19]}  {_verdict(answer)}  from {escape(answer['sender'])}")


def show_verdict(console: Console, answer: Mapping[str, Any]) -> None:
    """What was made of one answer."""
    console.print(_verdict(answer))


def _verdict(answer: Mapping[str, Any]) -> str:
    why = f": {answer['quarantine']}, {answer['detail']}" if answer["quarantine"] else ""
    return f"{answer['answer_id']}  [{COLOURS[answer['verdict']]}]{answer['verdict']}[/]{escape(why)}"


def _line(recall: Mapping[str, Any]) -> str:
    sums = "  ".join(
        f"{name} {sum_of_money(recall[name], recall['currency'])}"
        for name in ("asked", "promised", "received")
    )
    state = recall["ending"] or recall["state"]
    whom = recall["institution"] or f"[{RED}]nobody is set up for {escape(recall['exit_account'])}[/]"
    return f"{recall['recall_id']}  {state:<16}  {sums}  {whom}"
