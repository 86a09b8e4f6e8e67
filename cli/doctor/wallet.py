"""Whether the wallet, the message gateway and our own gateway answer as their contracts say."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from email.utils import parsedate_to_datetime
from typing import Final

import httpx2

from cli.doctor.clocks import clock_finding
from cli.doctor.findings import Finding, State, good
from models.names import PLACER

SECONDS: Final = 5.0


async def examine_wallet(url: str, key: str) -> list[Finding]:
    """Findings about the wallet's contract at `url`."""
    async with _client(url, key) as client:
        asked = datetime.now(UTC)
        try:
            answer = await client.get("/v1/restrictions", params={"placer": PLACER, "limit": 1})
        except httpx2.HTTPError as error:
            advice = "Start it, or set STANCH_WALLET_URL; `stanch up` brings a sandbox. Freezes are repeated until it answers."
            return [_unreachable("wallet", f"no answer from {url} ({type(error).__name__})", advice)]
        took = datetime.now(UTC) - asked
    if answer.status_code in (401, 403):
        return [
            _unreachable("wallet", f"{url} refuses our key", "Set STANCH_WALLET_KEY to a key of this wallet.")
        ]
    if answer.status_code >= 500:
        return [
            _unreachable(
                "wallet",
                f"{url} answers {answer.status_code}",
                "Look at the wallet; freezes are repeated until it answers.",
            )
        ]
    if answer.status_code != 200 or "restrictions" not in _document(answer):
        advice = "Check STANCH_WALLET_URL: docs/wallet-contract.yaml is what must answer there."
        return [_unreachable("wallet", f"{url} does not speak the contract ({answer.status_code})", advice)]
    findings = [good("wallet", f"{url} speaks the contract ({took.total_seconds() * 1000:.0f} ms)")]
    dated = answer.headers.get("date")
    if dated:
        theirs = parsedate_to_datetime(dated).astimezone(UTC)
        findings.append(clock_finding("wallet clock", theirs, asked, took, timedelta(seconds=1)))
    return findings


async def examine_messages(url: str, key: str) -> list[Finding]:
    """Findings about the message gateway: an empty message must be refused as such, and never be sent."""
    async with _client(url, key) as client:
        try:
            answer = await client.post("/gateway/messages", json={})
        except httpx2.HTTPError as error:
            advice = "Start it, or set STANCH_MESSAGE_URL; without it no owner can prove themselves."
            return [_unreachable("message gateway", f"no answer from {url} ({type(error).__name__})", advice)]
    if answer.status_code in (401, 403):
        advice = "Set STANCH_MESSAGE_KEY to a key of this gateway."
        return [_unreachable("message gateway", f"{url} refuses our key", advice)]
    if answer.status_code not in (400, 422):
        advice = "Check STANCH_MESSAGE_URL: docs/message-gateway.yaml is what must answer there."
        return [
            _unreachable(
                "message gateway", f"{url} does not speak the contract ({answer.status_code})", advice
            )
        ]
    return [good("message gateway", f"{url} answers")]


async def examine_gateway(url: str) -> list[Finding]:
    """Findings about our own gateway; a house without one can still be worked on from here."""
    async with _client(url, "") as client:
        try:
            answer = await client.get("/ready")
        except httpx2.HTTPError as error:
            seen = f"no answer from {url} ({type(error).__name__})"
            advice = "Start it: stanch gateway. Until then no alarm comes in."
            return [Finding(name="gateway", state=State.ATTENTION, seen=seen, advice=advice, needed=False)]
    if answer.status_code == 200:
        return [good("gateway", f"{url} is ready", needed=False)]
    advice = "It says why on /ready; the lines above name what is missing."
    return [
        Finding(
            name="gateway", state=State.ATTENTION, seen=f"{url} is not ready", advice=advice, needed=False
        )
    ]


def _client(url: str, key: str) -> httpx2.AsyncClient:
    headers = {"Authorization": f"Bearer {key}"} if key else {}
    return httpx2.AsyncClient(base_url=url, headers=headers, timeout=SECONDS, trust_env=False)


def _document(answer: httpx2.Response) -> dict[str, object]:
    try:
        document = answer.json()
    except ValueError:
        return {}
    return document if isinstance(document, dict) else {}


def _unreachable(name: str, seen: str, advice: str) -> Finding:
    return Finding(name=name, state=State.UNREACHABLE, seen=seen, advice=advice)
