"""Supervisors who act alone, in a terminal."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from rich.markup import escape

from cli.gateway_client import GatewayClient
from cli.incidents.showing import RED
from models.names import Role

if TYPE_CHECKING:
    from collections.abc import Mapping

    from rich.console import Console

    from cli.output import Output


def act_alone(request: str, *, reason: str, login: Role | None, output: Output) -> None:
    """Use it. Raises StanchError with the gateway's own sentence."""
    _say(output, _post(f"/v1/decisions/{request}/break-glass", {"reason": reason}, login))


def judge(request: str, *, verdict: str, reason: str, login: Role | None, output: Output) -> None:
    """Judge another's use. Raises StanchError with the gateway's own sentence."""
    _say(output, _post(f"/v1/break-glass/{request}/review", {"verdict": verdict, "reason": reason}, login))


def list_uses(*, login: Role | None, output: Output) -> None:
    """One line each."""
    with GatewayClient.of_environment(login) as gateway:
        answer = gateway.get("/v1/break-glass")
    output.document(answer)
    if not output.as_json:
        for each in answer["uses"]:
            _show(output.console, each)
        if not answer["uses"]:
            output.console.print("Nobody acted alone.")


def _post(path: str, body: dict[str, str], login: Role | None) -> dict[str, Any]:
    with GatewayClient.of_environment(login, usual=Role.SUPERVISOR) as gateway:
        answer: dict[str, Any] = gateway.post(path, body)
    return answer


def _say(output: Output, answer: Mapping[str, Any]) -> None:
    output.document(answer)
    if not output.as_json:
        _show(output.console, answer)


def _show(console: Console, use: Mapping[str, Any]) -> None:
    judged = use["verdict"] or f"[{RED}]to be judged by {use['review_due_at'][:19]}[/]"
    console.print(
        f"{use['request_id']}  incident {use['incident_id']}  by {use['used_by']} at {use['used_at'][:19]}: "
        f"{escape(use['reason'])}  {judged}"
    )
