"""One round after the money: catch up, thefts, one trace per currency, holds. TraceFunds and RecoverFunds go the same rounds."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from temporalio import workflow

with workflow.unsafe.imports_passed_through():
    from activities.holds import Hold
    from activities.money import CatchUp, FindThefts, Trace
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

    async def trace(self, position: FeedPosition) -> dict[str, TraceResult]:
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
        results: dict[str, TraceResult] = {}
        for currency, thefts in sorted(found.thefts.items()):
            results[currency] = await workflow.execute_activity_method(
                Trace.run,
                TraceInput(
                    incident_id=self.incident_id,
                    episode=self.episode,
                    step_key=self._key(f"trace/{self.number}/{currency}"),
                    currency=currency,
                    thefts=thefts,
                    position=position,
                    rule=self.policy.rule,
                ),
                summary=f"trace {currency} up to posting {position.upto_seq}",
                **FOLLOW,
            )
        return results

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
