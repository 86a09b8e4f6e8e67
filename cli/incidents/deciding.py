"""Choose, approve or decline where a person must."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from cli.gateway_client import GatewayClient
from cli.incidents.showing import show_decisions
from models.errors import ErrorCode, StanchError
from models.names import DecisionKind, Role

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from cli.output import Output


def decide(
    incident: str,
    *,
    choice: str | None,
    reason: str,
    kind: DecisionKind | None,
    task: str | None,
    approve: str | None,
    decline: str | None,
    withdraw: str | None,
    login: Role | None,
    output: Output,
) -> None:
    """Do exactly one of: list the open questions, choose, approve, decline, withdraw.

    Raises StanchError: INVALID when it is not clear what is meant, else what the gateway says.
    """
    words = (choice, approve, decline, withdraw)
    if sum(word is not None for word in words) > 1:
        raise StanchError(
            ErrorCode.INVALID,
            "Give one of --choice, --approve, --decline and --withdraw; nothing was decided. Ask for one thing at a time.",
        )
    needs_reason = any(word is not None for word in (choice, approve, decline))
    if needs_reason and not reason.strip():
        raise StanchError(
            ErrorCode.INVALID,
            "A decision needs its reason; nothing was decided. Add --reason with a sentence.",
        )
    usual = Role.SUPERVISOR if approve or decline else Role.AGENT
    with GatewayClient.of_environment(login, usual=usual) as gateway:
        if approve is not None:
            answer = gateway.post(f"/v1/decisions/{approve}/approve", {"reason": reason})
        elif decline is not None:
            answer = gateway.post(f"/v1/decisions/{decline}/decline", {"reason": reason})
        elif withdraw is not None:
            answer = gateway.post(f"/v1/decisions/{withdraw}/withdraw", {})
        elif choice is not None and kind is not None and task is None:
            body = {"kind": kind.value, "choice": choice, "reason": reason}
            answer = gateway.post(f"/v1/incidents/{incident}/decisions", body)
        elif choice is not None:
            named = task or _only_task(_open_tasks(gateway, incident), choice)
            answer = gateway.post(f"/v1/decisions/{named}/request", {"choice": choice, "reason": reason})
        else:
            answer = {"decisions": _open_tasks(gateway, incident)}
    output.document(answer)
    if not output.as_json:
        show_decisions(output.console, answer)


def _open_tasks(gateway: GatewayClient, incident: str) -> list[dict[str, Any]]:
    decisions = gateway.get("/v1/decisions", state="open")["decisions"]
    return [decision for decision in decisions if decision["incident_id"] == incident]


def _only_task(tasks: Sequence[Mapping[str, Any]], choice: str) -> str:
    """The one open question that offers this choice."""
    fitting = [str(task["task_id"]) for task in tasks if choice in task["choices"]]
    if len(fitting) == 1:
        return fitting[0]
    found = "Several open questions offer" if fitting else "No open question offers"
    raise StanchError(
        ErrorCode.INVALID,
        f"{found} the choice {choice}; nothing was decided. List them by leaving --choice out, then name one with --task, "
        "or raise the question yourself with --kind.",
    )
