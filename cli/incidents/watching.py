"""Follow one incident by asking the gateway again and again."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, Any, Final

from cli.exit_codes import UNREACHABLE
from cli.gateway_client import GatewayClient
from cli.incidents.showing import show_step, show_view
from models.errors import ErrorCode, StanchError

if TYPE_CHECKING:
    from collections.abc import Iterator

    from cli.output import Output
    from models.names import Role

SECONDS_BETWEEN_LOOKS: Final = 0.5
SECONDS_AWAY: Final = 60.0


def watch_incident(incident: str, *, wait_limit: int, login: Role | None, output: Output) -> None:
    """Print each step as it is recorded, and the whole incident once it has closed.

    Raises StanchError(REFUSED_BY_RULE) when it is still open after `wait_limit` seconds (0: no limit).
    """
    deadline = time.monotonic() + wait_limit if wait_limit else None
    with GatewayClient.of_environment(login) as gateway:
        steps: list[dict[str, Any]] = []
        for step in follow_steps(gateway, incident, deadline=deadline):
            steps.append(step)
            if not output.as_json:
                show_step(output.console, step)
        view = gateway.get(f"/v1/incidents/{incident}")
    if view["closed_at"] is None:
        raise StanchError(
            ErrorCode.REFUSED_BY_RULE,
            f"Incident {incident} is still open after {wait_limit} s; it goes on by itself. Watch it again, or see what it waits for: "
            f"stanch incident show {incident}",
        )
    output.document({**view, "recorded_steps": steps})
    if not output.as_json:
        show_view(output.console, view, [])


def follow_steps(
    gateway: GatewayClient, incident: str, *, deadline: float | None
) -> Iterator[dict[str, Any]]:
    """Each recorded step once, in order, until the incident is closed or `deadline` (monotonic seconds) has passed.

    A gateway that is away for a moment is waited for; after a minute its error is raised.
    """
    seen = 0
    answered_at = time.monotonic()
    while True:
        try:
            # The status first: a step recorded after it will be seen in this round or the next.
            closed = gateway.get(f"/v1/incidents/{incident}")["closed_at"] is not None
            steps = gateway.get(f"/v1/incidents/{incident}/steps")["steps"]
        except StanchError as error:
            if error.code not in UNREACHABLE or time.monotonic() - answered_at > SECONDS_AWAY:
                raise
        else:
            answered_at = time.monotonic()
            yield from steps[seen:]
            seen = len(steps)
            if closed:
                return
        if deadline is not None and time.monotonic() > deadline:
            return
        time.sleep(SECONDS_BETWEEN_LOOKS)
