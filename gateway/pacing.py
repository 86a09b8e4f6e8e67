"""How fast strangers may ask: per address and per claim, counted in the database for every process of the gateway."""

from __future__ import annotations

import ipaddress
import math
from collections.abc import Collection
from dataclasses import dataclass

from starlette.requests import Request

from activities.credential_ports import Pace
from activities.ports import Clock
from models.contracts.identity import PaceRules
from models.errors import ErrorCode, TooFast

ADDRESS, CLAIM = "address", "claim"
MINUTE = 60.0
HOUSEHOLD = 64
"""Bits of an IPv6 address that one subscriber gets: the rest of it is theirs to vary."""

UNKNOWN = "unknown"


@dataclass(frozen=True)
class Pacing:
    """Counts before anything else is looked at, so that what is asked for shows neither in the limit nor in its time."""

    pace: Pace
    rules: PaceRules
    clock: Clock
    proxies: Collection[str] = ()
    """Addresses of our own reverse proxies: what they say in X-Forwarded-For is believed, from right to left."""

    async def address(self, request: Request) -> None:
        """Count a request of this address. Errors: TOO_MANY_ATTEMPTS with the seconds to wait."""
        rules = self.rules
        who = address_of(request, self.proxies)
        await self._take(ADDRESS, who, rules.address_per_minute, rules.address_at_once)

    async def claim(self, claim_id: str) -> None:
        """Count a request of this claim or recovery, from wherever it comes. Errors: TOO_MANY_ATTEMPTS."""
        await self._take(CLAIM, claim_id, self.rules.claim_per_minute, self.rules.claim_at_once)

    async def _take(self, scope: str, subject: str, per_minute: int, at_once: int) -> None:
        wait = await self.pace.take(
            scope, subject, every_seconds=MINUTE / per_minute, at_once=at_once, at=self.clock.now()
        )
        if wait is not None:
            seconds = math.ceil(wait)
            raise TooFast(
                ErrorCode.TOO_MANY_ATTEMPTS,
                f"Too many requests came from there. Nothing was changed and nothing was counted against anybody; wait "
                f"{seconds} s and try again.",
                retry_after=seconds,
            )


def address_of(request: Request, proxies: Collection[str]) -> str:
    """Whose address it is: the peer's, or what our own proxies say; an IPv6 address stands for its whole /64."""
    peer = request.client.host if request.client is not None else UNKNOWN
    said = [
        each.strip()
        for line in request.headers.getlist("x-forwarded-for")
        for each in line.split(",")
        if each.strip()
    ]
    while peer in proxies and said:
        peer = said.pop()
    try:
        address = ipaddress.ip_address(peer)
    except ValueError:
        return UNKNOWN
    if isinstance(address, ipaddress.IPv6Address):
        if address.ipv4_mapped is not None:
            return str(address.ipv4_mapped)
        return str(ipaddress.ip_network((address, HOUSEHOLD), strict=False))
    return str(address)
