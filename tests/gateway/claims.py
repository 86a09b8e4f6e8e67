"""One incident at the front door, and what claimants and people of the house do about it."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any

from tests.running_gateway import RunningGateway
from tests.running_sandbox import RunningSandbox

OLD = "2026-01-01T00:00:00Z"
"""When things of the owner's were set that are older than any theft."""


def now() -> str:
    return datetime.now(UTC).isoformat()


@dataclass
class Case:
    """One incident, and what people do about it."""

    gateway: RunningGateway
    sandbox: RunningSandbox
    account: str
    incident: str = field(init=False)

    def __post_init__(self) -> None:
        self.incident = self.gateway.alarm(self.account).json()["incident_id"]
        # What the workflow does first, and here none runs.
        self.gateway.rows("UPDATE incident SET compromised_since = now() WHERE id = :id", id=self.incident)

    def claim(self) -> dict[str, str]:
        path = f"/v1/incidents/{self.incident}/identity/claims"
        opened: dict[str, str] = self.gateway.ask("POST", path).raise_for_status().json()
        return opened

    def enrol(self, kind: str, set_at: str = OLD, **more: Any) -> dict[str, Any]:
        return self.sandbox.control(
            "POST", f"/people/{self.account}/factors", {"kind": kind, "set_at": set_at, **more}
        )

    def contact(self, kind: str = "phone") -> str:
        """The wallet's id of the contact of old."""
        points = self.sandbox.state(self.account)["contact_points"]
        return str(next(each["id"] for each in points if each["kind"] == kind))

    def as_claimant(
        self, claim: dict[str, str], path: str = "", body: Any = None, method: str = "POST"
    ) -> tuple[int, Any]:
        headers = {"authorization": f"Bearer {claim['token']}"}
        answer = self.gateway.ask(method, f"/v1/identity/claim{path}", body, as_=None, headers=headers)
        return answer.status_code, answer.json()

    def code(self, claim: dict[str, str], factor: str, code: str) -> tuple[int, str]:
        status, said = self.as_claimant(claim, "/codes", {"factor": factor, "code": code})
        return status, said.get("code", "accepted")

    def view(self, claim: dict[str, str] | None = None) -> dict[str, Any]:
        """All of it, or one claim."""
        found: dict[str, Any] = self.gateway.ask("GET", f"/v1/incidents/{self.incident}/identity").json()
        if claim is None:
            return found
        return next(each for each in found["claims"] if each["claim_id"] == claim["claim_id"])

    def refusals(self) -> dict[str, str]:
        return {each["reference"]: each["reason"] for each in self.view()["unusable"]}

    def challenge(self, claim: dict[str, str]) -> str:
        status, said = self.as_claimant(claim, "/passkey/challenge")
        assert status == 201
        return str(said["challenge"])

    def visit(self, claim: dict[str, str], **mood: str) -> dict[str, Any]:
        status, session = self.as_claimant(claim, "/document")
        assert status == 201, session
        return self.visit_again(session["url"], **mood)

    def visit_again(self, url: str, **mood: str) -> dict[str, Any]:
        told: dict[str, Any] = self.sandbox.client.post(url, json=mood).raise_for_status().json()
        return told

    def call_back(self, claim: dict[str, str], contact: str, said: str = "confirmed") -> tuple[int, Any]:
        body = {"claim_id": claim["claim_id"], "contact_id": contact, "said": said, "reason": "I called."}
        answer = self.gateway.ask("POST", f"/v1/incidents/{self.incident}/identity/call-backs", body)
        return answer.status_code, answer.json()
