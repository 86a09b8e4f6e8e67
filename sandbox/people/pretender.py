"""Somebody who is not the owner asks for the account on the phone, and the agent who takes the call.

Two voices in one program. The caller has what a thief can have: a new number, a new device with a passkey of its own,
what is known about the owner, a forged document. The agent types what the house's procedure says, with an agent's
credential: a claim for the caller, a call to the owner's old number, and what both showed.
"""

from __future__ import annotations

import base64
import hashlib
import json
import secrets
import uuid
from datetime import UTC, datetime
from random import Random
from typing import Any

import httpx2
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec

from sandbox.people.telling import Stage

LOOK_SECONDS = 0.3
REFUSED = 3
NOT_YET = frozenset({409, 425, 429})
"""The alarm has not taken effect yet, or somebody was faster: asked again."""
ORIGIN = "https://wallet.example"
USER_VERIFIED = bytes([0x05])
BECAUSE = "The owner answered the old number and knows nothing of it; the provider saw another person."


class NewDevice:
    """A phone that the owner never had: its passkey signs well, and nobody knows it."""

    def __init__(self) -> None:
        self._key = ec.generate_private_key(ec.SECP256R1())
        self._id = _base64url(secrets.token_bytes(16))

    def assertion(self, challenge: str, rp_id: str) -> dict[str, Any]:
        """What navigator.credentials.get() would give."""
        told = {"type": "webauthn.get", "challenge": challenge, "origin": ORIGIN, "crossOrigin": False}
        client = json.dumps(told).encode()
        data = hashlib.sha256(rp_id.encode()).digest() + USER_VERIFIED + bytes(4)
        signed = self._key.sign(data + hashlib.sha256(client).digest(), ec.ECDSA(hashes.SHA256()))
        return {
            "id": self._id,
            "rawId": self._id,
            "type": "public-key",
            "response": {
                "clientDataJSON": _base64url(client),
                "authenticatorData": _base64url(data),
                "signature": _base64url(signed),
            },
        }


class Call:
    """One call about one account, until the house has decided about the caller."""

    def __init__(
        self, gateway: httpx2.AsyncClient, stage: Stage, *, credential: str, account_id: str, seed: int
    ) -> None:
        self._gateway = gateway
        self._stage = stage
        self._agent = {"Authorization": f"Bearer {credential}"}
        self._account_id = account_id
        self._random = Random(f"pretender/{seed}/{account_id}")
        self._device = NewDevice()

    async def last(self) -> int:
        """From the report to the supervisor's question; gives 0, or 3 when the report was refused."""
        reported = await self._as_agent("POST", "/v1/alarms", self._report())
        if reported is None or not reported.is_success:
            return REFUSED
        incident = f"/v1/incidents/{reported.json()['incident_id']}"
        self._stage.tell("asked_for_account", account_id=self._account_id)
        opened = await self._insist("POST", f"{incident}/identity/claims")
        # The freeze that the call asked for would end by its clock while the house still looks into it.
        await self._insist("POST", f"{incident}/decisions", _choice("renew_freeze", "renew"))
        await self._try_everything({"Authorization": f"Bearer {opened['token']}"})
        await self._call_back(incident, opened["claim_id"])
        about = {"claim_id": opened["claim_id"], "reason": BECAUSE}
        await self._insist("POST", f"{incident}/identity/impostors", about)
        self._stage.tell("named_impostor")
        await self._until_owner_is_told(incident)
        await self._insist("POST", f"{incident}/decisions", _choice("end_as_impostor", "impostor"))
        self._stage.tell("asked_to_end")
        return 0

    async def _try_everything(self, caller: dict[str, str]) -> None:
        """All that somebody with a new device and a forged document can show. Nothing is expected to count."""
        for factor, code in (
            ("totp", f"{self._random.randrange(10**6):06d}"),
            ("recovery_code", f"{self._random.randrange(2**80):020X}"),
        ):
            tried = await self._as_caller(caller, "/codes", {"factor": factor, "code": code})
            self._stage.tell("tried", way=factor, status=tried.status_code)
        asked = (await self._as_caller(caller, "/passkey/challenge")).json()
        signed = self._device.assertion(asked["challenge"], asked["rp_id"])
        tried = await self._as_caller(caller, "/passkey", signed)
        self._stage.tell("tried", way="passkey", status=tried.status_code)
        page = (await self._as_caller(caller, "/document")).json()["url"]
        seen = await self._gateway.post(page, json={"verdict": "other_person"})
        self._stage.tell("tried", way="document", status=seen.json()["status"])

    async def _call_back(self, incident: str, claim_id: str) -> None:
        """The caller would like to be called on the new number; the agent calls the one the wallet has had for long."""
        said = {"claim_id": claim_id, "reason": "Called back as the procedure says."}
        new = {**said, "contact_id": f"{self._account_id}-phone-new", "said": "confirmed"}
        refused = await self._as_agent("POST", f"{incident}/identity/call-backs", new)
        if refused is not None:
            self._stage.tell("tried", way="new_number", status=refused.status_code)
        shown = await self._insist("GET", f"{incident}/identity")
        old = next(each["reference"] for each in shown["usable"] if each["kind"] == "phone_code")
        # Whoever has the old number is the owner, who called nobody.
        denied = {**said, "contact_id": old, "said": "denied"}
        await self._insist("POST", f"{incident}/identity/call-backs", denied)
        self._stage.tell("owner_denied")

    async def _until_owner_is_told(self, incident: str) -> None:
        while not self._stage.over.is_set():
            notices = (await self._insist("GET", f"{incident}/notices"))["notices"]
            if any(each["template"] == "impostor_attempt" and each["deliveries"] for each in notices):
                return
            await self._stage.pause(LOOK_SECONDS)

    def _report(self) -> dict[str, Any]:
        return {
            "source": "hotline",
            "id": f"call-{uuid.uuid4().hex[:16]}",
            "account_id": self._account_id,
            "occurred_at": datetime.now(UTC).isoformat(),
            "kind": "report",
            "detail": "A caller knows name, birthday and last payments, calls from a new number and wants the account back.",
        }

    async def _as_caller(
        self, headers: dict[str, str], path: str, body: dict[str, Any] | None = None
    ) -> httpx2.Response:
        """By the claim's token alone; what was refused because something is not ready yet is tried again."""
        while True:
            response = await self._gateway.post(f"/v1/identity/claim{path}", json=body, headers=headers)
            if response.status_code not in NOT_YET and response.status_code < 500:
                return response
            await self._stage.pause(LOOK_SECONDS)

    async def _as_agent(
        self, method: str, path: str, body: dict[str, Any] | None = None
    ) -> httpx2.Response | None:
        """One answered request; None when it is over before anybody answered."""
        while not self._stage.over.is_set():
            try:
                response = await self._gateway.request(method, path, json=body, headers=self._agent)
            except httpx2.TransportError:
                await self._stage.pause(LOOK_SECONDS)
                continue
            if response.status_code < 500:
                return response
            await self._stage.pause(LOOK_SECONDS)
        return None

    async def _insist(self, method: str, path: str, body: dict[str, Any] | None = None) -> dict[str, Any]:
        """The same, until it is taken."""
        while (response := await self._as_agent(method, path, body)) is not None:
            if response.is_success:
                answer: dict[str, Any] = response.json()
                return answer
            if response.status_code not in NOT_YET:
                message = f"the gateway refused {method} {path}: {response.status_code}"
                raise RuntimeError(message)
            await self._stage.pause(LOOK_SECONDS)
        return {}


async def run_pretender(
    gateway_url: str, *, credential: str, account_id: str, seed: int, stage: Stage
) -> int:
    """Play the call once."""
    async with httpx2.AsyncClient(base_url=gateway_url, timeout=10, trust_env=False) as gateway:
        call = Call(gateway, stage, credential=credential, account_id=account_id, seed=seed)
        return await call.last()


def _choice(kind: str, choice: str) -> dict[str, str]:
    return {"kind": kind, "choice": choice, "reason": BECAUSE}


def _base64url(value: bytes) -> str:
    return base64.urlsafe_b64encode(value).rstrip(b"=").decode()
