"""One round after the money: catch up, thefts, one trace per currency, holds. TraceFunds and RecoverFunds go the same rounds."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from temporalio import workflow

with workflow.unsafe.imports_passed_through():
    from activities.holds import Hold
    from activities.money import CatchUp, Trace
    from activities.thefts import FindThefts
    from models.contracts.money import (
        CatchUpInput,
        FindTheftsInput,
        HoldInput,
        HoldResult,
        TraceInput,
        TraceResult,
    )
    from models.contracts.policy import TracePolicy
    from models.contracts.transfers import FeedPosition, TaintedLot
    from models.names import HoldSource
    from workflows.policies import FOLLOW, STEP


@dataclass(frozen=True)
class Traced:
    """The traces of one round by currency; and, still to be followed, what only unproven reports call stolen."""

    results: dict[str, TraceResult]
    claimed: dict[str, tuple[str, ...]]
    position: FeedPosition


@dataclass(frozen=True, kw_only=True)
class MoneyRound:
    """Round `number` of a run whose step keys begin with `prefix`."""

    incident_id: str
    episode: int
    account_id: str
    compromised_since: datetime
    frozen_seq: int | None
    policy: TracePolicy
    prefix: str
    number: int

    def _key(self, what: str) -> str:
        return f"{self.prefix}/{what}"

    async def catch_up(self) -> FeedPosition:
        """How far the traces of this round may see."""
        caught_up = await workflow.execute_activity_method(
            CatchUp.run,
            CatchUpInput(
                incident_id=self.incident_id,
                episode=self.episode,
                step_key=self._key(f"catch-up/{self.number}"),
                budget_seconds=self.policy.catch_up_budget_seconds,
            ),
            summary="bring the transfer index up to the wallet",
            **FOLLOW,
        )
        return caught_up.position

    async def trace(self, position: FeedPosition) -> Traced:
        """One trace per currency in which something was stolen."""
        found = await workflow.execute_activity_method(
            FindThefts.run,
            FindTheftsInput(
                incident_id=self.incident_id,
                episode=self.episode,
                step_key=self._key(f"thefts/{self.number}"),
                account_id=self.account_id,
                compromised_since=self.compromised_since,
                frozen_seq=self.frozen_seq,
                upto_seq=position.upto_seq,
            ),
            summary="which transfers are stolen",
            **STEP,
        )
        results = {
            currency: await self._trace(currency, thefts, position)
            for currency, thefts in sorted(found.thefts.items())
        }
        return Traced(results, found.claimed, position)

    async def trace_claimed(self, traced: Traced) -> None:
        """Follow what only unproven reports call stolen: after the holds, for nothing is held for it."""
        for currency, thefts in sorted(traced.claimed.items()):
            await self._trace(currency, thefts, traced.position, claimed=True)

    async def _trace(
        self, currency: str, thefts: tuple[str, ...], position: FeedPosition, *, claimed: bool = False
    ) -> TraceResult:
        return await workflow.execute_activity_method(
            Trace.run,
            TraceInput(
                incident_id=self.incident_id,
                episode=self.episode,
                step_key=self._key(f"{'claimed' if claimed else 'trace'}/{self.number}/{currency}"),
                currency=currency,
                thefts=thefts,
                position=position,
                rule=self.policy.rule,
                claimed=claimed,
            ),
            summary=f"trace {currency} up to posting {position.upto_seq}",
            **FOLLOW,
        )

    async def hold(self, trace_id: str, lot: TaintedLot, source: HoldSource = HoldSource.TRACE) -> HoldResult:
        """Hold one lot where it lies."""
        return await workflow.execute_activity_method(
            Hold.run,
            HoldInput(
                incident_id=self.incident_id,
                episode=self.episode,
                step_key=self._key(f"hold/{self.number}/{lot.currency}/{lot.account_id}/{lot.lo}"),
                trace_id=trace_id,
                lot=lot,
                hold_seconds=self.policy.hold_seconds,
                source=source,
            ),
            summary=f"hold {lot.amount} {lot.currency} on {lot.account_id}",
            **STEP,
        )
