"""List and show recalls, and take in answers, through the gateway."""

from __future__ import annotations

from typing import TYPE_CHECKING

from cli.gateway_client import GatewayClient
from cli.recalls.showing import show_answer_list, show_one, show_recalls, show_verdict
from models.errors import ErrorCode, StanchError

if TYPE_CHECKING:
    from pathlib import Path

    from cli.output import Output
    from models.names import Role


def list_recalls(
    *, incident: str | None, state: str | None, limit: int, login: Role | None, output: Output
) -> None:
    """Recalls and what is quarantined. Raises StanchError with the gateway's own sentence."""
    with GatewayClient.of_environment(login) as gateway:
        found = gateway.get("/v1/recalls", incident_id=incident, state=state, limit=limit)
    output.document(found)
    if not output.as_json:
        show_recalls(output.console, found)


def show_recall(recall: str, *, login: Role | None, output: Output) -> None:
    """One recall. Raises StanchError."""
    with GatewayClient.of_environment(login) as gateway:
        found = gateway.get(f"/v1/recalls/{recall}")
    output.document(found)
    if not output.as_json:
        show_one(output.console, found)


def list_answers(*, verdict: str | None, limit: int, login: Role | None, output: Output) -> None:
    """Answers. Raises StanchError."""
    with GatewayClient.of_environment(login) as gateway:
        found = gateway.get("/v1/recalls/answers", verdict=verdict, limit=limit)
    output.document(found)
    if not output.as_json:
        show_answer_list(output.console, found["answers"])


def show_answer(answer: str, *, login: Role | None, output: Output) -> None:
    """One answer as it came; control characters are shown as such, never sent to the terminal. Raises StanchError."""
    with GatewayClient.of_environment(login) as gateway:
        found = gateway.get(f"/v1/recalls/answers/{answer}")
    output.document(found)
    if not output.as_json:
        show_verdict(output.console, found["answer"])
        text = "".join(each if each.isprintable() or each == "\n" else "\ufffd" for each in found["content"])
        print(text)


def import_answer(file: Path, *, login: Role | None, output: Output) -> None:
    """Send a file's content as an answer. Raises StanchError when it cannot be read, or the gateway does not take it."""
    try:
        content = file.read_bytes()
    except OSError as error:
        raise StanchError(
            ErrorCode.FILE_BROKEN, f"{file} cannot be read ({error.strerror}). Nothing was sent."
        ) from error
    media_type = "application/json" if content.lstrip()[:1] == b"{" else "application/xml"
    with GatewayClient.of_environment(login) as gateway:
        found = gateway.post_content("/v1/recalls/answers", content, media_type)
    output.document(found)
    if not output.as_json:
        show_verdict(output.console, found)
