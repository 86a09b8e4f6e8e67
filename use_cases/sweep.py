"""Sweep: compare what stands at the wallet under our name with our records, both ways, and raise what differs."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum
from typing import Protocol

from activities.holds import UNCHECKED_ENDS
from activities.ports import Clock
from activities.wallet_ports import Wallet
from models.contracts.base import Message, Moment

GRACE = timedelta(seconds=60)
"""How long after its end the recovery may take to record that a hold has ended."""


class DiscrepancyKind(StrEnum):
    """What differs. `missing`: we say it stands and the wallet does not; `unknown`: the other way round.

    `unchecked`: a claim whose check against its receipt is long over time; `overdue`: a hold past its end that our records
    still call standing. Both mean that nobody keeps the clocks of that incident.
    """

    RESTRICTION_MISSING = "restriction_missing"
    RESTRICTION_UNKNOWN = "restriction_unknown"
    HOLD_MISSING = "hold_missing"
    HOLD_UNKNOWN = "hold_unknown"
    HOLD_AMOUNT = "hold_amount"
    HOLD_UNCHECKED = "hold_unchecked"
    HOLD_OVERDUE = "hold_overdue"


class Finding(Message):
    """One difference. `subject` is the restriction or hold id."""

    kind: DiscrepancyKind
    subject: str
    account_id: str


class ClaimClocks(Message):
    """The clocks of a claim that has not ended; `checked`: against its receipt."""

    account_id: str
    checked: bool
    created_at: Moment
    expires_at: Moment


class Expectations(Protocol):
    """What our records say should stand at the wallet now."""

    async def restrictions(self) -> Mapping[str, str]:
        """Restriction id -> account id, for every freeze that is done and not lifted."""
        ...

    async def superseded(self) -> frozenset[str]:
        """Restriction ids of earlier episodes of open incidents: ours, whether they stand or not; the next release names them."""
        ...

    async def holds(self) -> Mapping[str, tuple[str, int]]:
        """Hold id -> (account id, amount in minor units), for every claim that is placed."""
        ...

    async def claims(self) -> Mapping[str, ClaimClocks]:
        """Hold id -> its clocks, for every claim that has not ended."""
        ...

    async def raise_findings(self, findings: Sequence[Finding], at: datetime) -> None:
        """Record new findings, renew standing ones, resolve those that are gone: one transaction."""
        ...


@dataclass(frozen=True)
class Sweep:
    """Compares. Our records are read before and after the wallet's list, so that a step under way is no finding."""

    wallet: Wallet
    expectations: Expectations
    clock: Clock

    async def run(self) -> tuple[Finding, ...]:
        """All differences there are now; recorded as discrepancies for agents. Errors: WALLET_UNREACHABLE."""
        findings = (*await self._restrictions(), *await self._holds())
        await self.expectations.raise_findings(findings, self.clock.now())
        return findings

    async def _restrictions(self) -> list[Finding]:
        before = await self.expectations.restrictions()
        standing = {each.restriction_id: each.account_id or "" for each in await self.wallet.restrictions()}
        after = await self.expectations.restrictions()
        superseded = await self.expectations.superseded()
        missing = [
            Finding(kind=DiscrepancyKind.RESTRICTION_MISSING, subject=name, account_id=account)
            for name, account in sorted(before.items())
            if name in after and name not in standing
        ]
        unknown = [
            Finding(kind=DiscrepancyKind.RESTRICTION_UNKNOWN, subject=name, account_id=account)
            for name, account in sorted(standing.items())
            if name not in before and name not in after and name not in superseded
        ]
        return missing + unknown

    async def _holds(self) -> list[Finding]:
        before = await self.expectations.holds()
        standing = {each.hold_id: (each.account_id, each.amount) for each in await self.wallet.holds()}
        after = await self.expectations.holds()
        clocks = await self.expectations.claims()
        findings = self._overdue(clocks)
        late = {finding.subject for finding in findings}
        for name in sorted({*before, *after, *standing} - late):
            ours, theirs = before.get(name), standing.get(name)
            if ours is not None and after.get(name) == ours and theirs is None:
                findings.append(Finding(kind=DiscrepancyKind.HOLD_MISSING, subject=name, account_id=ours[0]))
            elif name in clocks and not clocks[name].checked:
                # Claimed, and under way to its check: the wallet may have it already.
                continue
            elif theirs is not None and ours is None and name not in after:
                findings.append(
                    Finding(kind=DiscrepancyKind.HOLD_UNKNOWN, subject=name, account_id=theirs[0])
                )
            elif ours is not None and after.get(name) == ours and theirs is not None and theirs != ours:
                findings.append(Finding(kind=DiscrepancyKind.HOLD_AMOUNT, subject=name, account_id=ours[0]))
        return findings

    def _overdue(self, clocks: Mapping[str, ClaimClocks]) -> list[Finding]:
        now = self.clock.now()
        late = [
            (name, claim)
            for name, claim in sorted(clocks.items())
            if now > (claim.expires_at if claim.checked else claim.created_at + UNCHECKED_ENDS) + GRACE
        ]
        return [
            Finding(
                kind=DiscrepancyKind.HOLD_OVERDUE if claim.checked else DiscrepancyKind.HOLD_UNCHECKED,
                subject=name,
                account_id=claim.account_id,
            )
            for name, claim in late
        ]
