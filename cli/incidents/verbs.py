"""Open, list and show incidents."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

from cli.gateway_client import GatewayClient
from cli.holds.verbs import print_remedy
from cli.incidents.showing import show_alarm_answer, show_incidents, show_view
from models.errors import ErrorCode, StanchError
from models.ids import new_id
from models.names import AlarmKind, Role

if TYPE_CHECKING:
    from collections.abc import Sequence

    from cli.output import Output
    from models.lifecycle import Status


def open_incident(
    *,
    account: str,
    kind: AlarmKind | None,
    source: str,
    alarm_id: str | None,
    occurred_at: datetime | None,
    compromised_since: datetime | None,
    thefts: Sequence[str],
    detail: str | None,
    login: Role | None,
    output: Output,
) -> None:
    """Raise an alarm and show what became of it. Raises StanchError with the gateway's own sentence."""
    kind = kind or (AlarmKind.TRIGGER if login is Role.TRIGGER else AlarmKind.REPORT)
    body: dict[str, Any] = {
        "source": source,
        "id": alarm_id or new_id(),
        "account_id": account,
        "occurred_at": instant(occurred_at or datetime.now(UTC)),
        "compromised_since": instant(compromised_since) if compromised_since else None,
        "stolen_transfers": list(thefts),
        "kind": kind.value,
        "detail": detail,
    }
    body = {name: value for name, value in body.items() if value is not None}
    usual = Role.TRIGGER if kind is AlarmKind.TRIGGER else Role.AGENT
    with GatewayClient.of_environment(login, usual=usual) as gateway:
        try:
            status, answer = gateway.post_with_status("/v1/alarms", body)
        except StanchError as error:
            if error.matches(ErrorCode.NOT_ACCEPTED):
                again = (
                    f"{error.message} Repeat it with --source {source} --id {body['id']} and the same times."
                )
                raise StanchError(error.code, again) from error
            raise
    output.document({"status": status, "source": source, "id": body["id"], **answer})
    if not output.as_json:
        show_alarm_answer(output.console, status, answer)


def reopen_incident(incident: str, *, reason: str, login: Role | None, output: Output) -> None:
    """Reopen, and show what became of it. Raises StanchError with the gateway's own sentence."""
    with GatewayClient.of_environment(login) as gateway:
        status, answer = gateway.post_with_status(f"/v1/incidents/{incident}/reopen", {"reason": reason})
    output.document({"status": status, "reopens": incident, **answer})
    if not output.as_json:
        show_alarm_answer(output.console, status, answer)


def list_incidents(
    *, status: Status | None, account: str | None, limit: int, login: Role | None, output: Output
) -> None:
    """One line for each incident, newest first."""
    with GatewayClient.of_environment(login) as gateway:
        answer = gateway.get(
            "/v1/incidents", status=status.value if status else None, account_id=account, limit=limit
        )
    output.document(answer)
    if not output.as_json:
        show_incidents(output.console, answer["incidents"], answer["unreached"])


def show_incident(incident: str, *, login: Role | None, output: Output) -> None:
    """All facts and all steps."""
    with GatewayClient.of_environment(login) as gateway:
        view = gateway.get(f"/v1/incidents/{incident}")
        steps = gateway.get(f"/v1/incidents/{incident}/steps")["steps"]
        try:
            remedy: dict[str, Any] | None = gateway.get(f"/v1/incidents/{incident}/remedy")
        except StanchError as error:
            if not error.matches(ErrorCode.REFUSED_BY_RULE):
                raise
            # It does not add up for the moment: everything else is shown all the same.
            remedy = None
    output.document({**view, "remedy": remedy, "recorded_steps": steps})
    if not output.as_json:
        show_view(output.console, view, steps)
        if remedy is None:
            output.console.print(
                "remedy: does not add up at this moment, so no figures are given; ask again soon."
            )
        else:
            print_remedy(output.console, remedy)


def instant(at: datetime) -> str:
    """As the gateway reads it: UTC, ISO 8601."""
    return at.astimezone(UTC).isoformat()
