"""What the sandbox's people tell of themselves: their programs print JSON lines."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from datetime import datetime
from typing import Any, Final

from cli.child import Child
from cli.demo.events import Event, Who

WAYS: Final = {
    "totp": "a made-up app code",
    "recovery_code": "a made-up saved code",
    "passkey": "a passkey of a new device",
    "document": "a forged document",
    "new_number": "a call back on a new number",
}
WHO: Final = {
    "owner": Who.OWNER,
    "thief": Who.THIEF,
    "agent": Who.PEOPLE,
    "supervisor": Who.PEOPLE,
    "pretender": Who.CALLER,
}


class Tale:
    """One person's tale, read as it grows."""

    def __init__(self, child: Child) -> None:
        self._child = child
        self._read = 0

    def look(self) -> Iterator[Event]:
        """What was told since the last look, whole lines only."""
        said = self._child.said()
        whole = said.rfind("\n") + 1
        for line in said[self._read : whole].splitlines():
            told = _parsed(line)
            text = _sentence(told)
            if text:
                yield Event(
                    at=datetime.fromisoformat(told["at"]), who=WHO.get(told["who"], Who.PEOPLE), text=text
                )
        self._read = max(self._read, whole)


def _parsed(line: str) -> dict[str, Any]:
    try:
        told = json.loads(line)
    except ValueError:
        # A program that broke down says so in its own words; its log has them.
        return {}
    return told if isinstance(told, dict) and {"at", "who", "did"} <= told.keys() else {}


def _sentence(told: Mapping[str, Any]) -> str | None:
    """None for what is not worth a line."""
    match told.get("did"):
        case "answered_code":
            return "answers a one-time code" + (
                "" if told.get("status") == 200 else f", refused ({told.get('status')})"
            )
        case "renewed_password":
            return "sets a new password through the wallet's one-use link"
        case "logged_in":
            return "is back in the account" + (", with the new password" if told["who"] == "thief" else "")
        case "was_warned":
            return "is told on an old contact that somebody else claimed to be the owner"
        case "left_alone":
            return "got a code that the owner did not ask for, and leaves it alone"
        case "asked_for_account":
            return "calls as if they were the owner; an agent writes it down and opens a claim"
        case "tried":
            return f"shows {WAYS.get(told.get('way', ''), 'something else')}"
        case "owner_denied":
            return "is not who answers the old number: the owner there knows nothing of it"
        case "left_behind":
            return f"leaves a {str(told.get('kind')).replace('_', ' ')} behind that comes by itself"
        case "decided" if told.get("choice"):
            return f"{told['who']} chooses {told['choice']}"
        case "decided":
            return f"{told['who']} approves"
        case _:
            return None
