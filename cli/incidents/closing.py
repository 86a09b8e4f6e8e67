"""Ask to close an account for its owner, and show where its money would go."""

from __future__ import annotations

from typing import TYPE_CHECKING

from rich.markup import escape

from cli.gateway_client import GatewayClient
from cli.holds.verbs import ask
from models.errors import ErrorCode, StanchError

if TYPE_CHECKING:
    from cli.output import Output
    from models.names import Role


def close_account(
    incident: str,
    *,
    to_account: str | None,
    to_bank: tuple[str, str, str] | None,
    how_proven: str,
    reason: str,
    login: Role | None,
    output: Output,
) -> None:
    """Put the question. Errors: INVALID without exactly one destination; the gateway's own sentences."""
    if (to_account is None) == (to_bank is None):
        raise StanchError(
            ErrorCode.INVALID,
            "Name exactly one destination, --to-account or --to-bank. Nothing was asked.",
        )
    if to_bank is None:
        destination = {"kind": "wallet", "account_id": to_account}
    else:
        bic, account, holder = to_bank
        destination = {"kind": "bank", "bic": bic, "account": account, "holder": holder}
    body = {"destination": destination, "how_proven": how_proven, "reason": reason}
    ask(f"/v1/incidents/{incident}/closure", body, login=login, output=output)


def show_destination(incident: str, destination_id: str, *, login: Role | None, output: Output) -> None:
    """One destination as it was entered."""
    with GatewayClient.of_environment(login) as gateway:
        answer = gateway.get(f"/v1/incidents/{incident}/destinations/{destination_id}")
    output.document(answer)
    if not output.as_json:
        where = ", ".join(f"{name} {escape(str(value))}" for name, value in answer["destination"].items())
        output.console.print(f"{where}\nproven: {escape(answer['how_proven'])}")
