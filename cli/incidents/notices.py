"""List, show and repeat notices."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from rich.markup import escape

from cli.gateway_client import GatewayClient
from models.errors import ErrorCode, StanchError
from models.names import UNREACHED

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from rich.console import Console

    from cli.output import Output
    from models.names import NoticeState, ReachedBy, Role


WITHOUT_PERSON = frozenset({ErrorCode.FORBIDDEN, ErrorCode.WALLET_UNREACHABLE, ErrorCode.ERASED})


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
                and (not unreached or each["state"] in UNREACHED)
            ]
            answer = {**answer, "notices": wanted}
    output.document(answer)
    if not output.as_json:
        _show_list(output.console, answer["notices"])


def show_notice(notice: str, *, login: Role | None, output: Output) -> None:
    """Everything of one notice but its words and addresses, which are not stored; whom to call, where somebody must."""
    person: dict[str, Any] | None = None
    with GatewayClient.of_environment(login) as gateway:
        view = gateway.get(f"/v1/notices/{notice}")
        if view["state"] in UNREACHED:
            person = _person(gateway, notice)
    _show(view if person is None else {**view, "person": person}, output)
    if person is not None and not output.as_json:
        _show_person(output.console, person)


def _person(gateway: GatewayClient, notice: str) -> dict[str, Any] | None:
    """Whom to call; None for somebody who may only look, or while nobody can know: the rest is shown all the same."""
    try:
        return gateway.get(f"/v1/notices/{notice}/person")
    except StanchError as error:
        if error.code not in WITHOUT_PERSON:
            raise
        return None


def resend_notice(notice: str, *, login: Role | None, output: Output) -> None:
    """Make it due again. Raises StanchError with the gateway's own sentence."""
    with GatewayClient.of_environment(login) as gateway:
        view = gateway.post(f"/v1/notices/{notice}/resend", {})
    _show(view, output)


def person_reached(notice: str, *, by: ReachedBy, note: str, login: Role | None, output: Output) -> None:
    """Close a notice that reached nobody. Raises StanchError with the gateway's own sentence."""
    with GatewayClient.of_environment(login) as gateway:
        view = gateway.post(f"/v1/notices/{notice}/reached", {"how": by.value, "note": note})
    _show(view, output)


def _show_person(console: Console, person: Mapping[str, Any]) -> None:
    console.print(f"Call this person: account {escape(person['account_id'])}", style="bold red")
    for each in person["contacts"]:
        console.print(f"  {each['contact_id']}  {each['kind']}  {escape(each['masked'])}")
    console.print(person["how"])


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
    """One line each; an id is never cut, for it is what the next command needs."""
    for each in notices:
        red = each["state"] in UNREACHED
        state = f"[bold red]{each['state']}[/]" if red else each["state"]
        told = len({delivery["contact_id"] for delivery in each["deliveries"]})
        console.print(
            f"{each['notice_id']}  incident {each['incident_id']}  {each['promised_at'][:19]}  {each['template']}  "
            f"{state}  contacts told: {told}  {each['last_error'] or ''}".rstrip()
        )
    if not notices:
        console.print("No notice to show.")
