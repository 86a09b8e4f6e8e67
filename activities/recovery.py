"""Looks of the recovery: what the database says, where the money is now. They record nothing and change only our own index."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta

from temporalio import activity

from activities.money_ports import Traces, TransferIndex
from activities.recall_ports import Recalls
from activities.recovery_ports import CameBack, Claims, Recoveries, TracedMoney
from models.contracts.recalls import RecalledTransfer
from models.contracts.recovery import MoneyLook, RecoveryInput, RecoveryLook, WithdrawRecallInput
from models.contracts.transfers import FeedPosition, TaintedLot
from models.errors import ErrorCode, StanchError
from models.registered import Activity
from tracing.intervals import subtract, union

FEED_BUDGET = timedelta(seconds=5)
LOTS_AT_ONCE = 200
"""Lots that one look hands to the workflow; the next look has the others."""


@dataclass
class LookAtRecovery:
    """Status, decisions that stand, holds and their clocks."""

    recoveries: Recoveries

    @activity.defn(name=Activity.LOOK_AT_RECOVERY)
    async def run(self, request: RecoveryInput) -> RecoveryLook:
        """Errors: NOT_FOUND."""
        look = await self.recoveries.look(request.incident_id)
        if look is None:
            raise StanchError(ErrorCode.NOT_FOUND, "There is no incident with this id. Nothing was done.")
        return look


@dataclass
class LookAtMoney:
    """Asks the feed, and compares it with the last traces."""

    recoveries: Recoveries
    traces: Traces
    claims: Claims
    index: TransferIndex
    recalls: Recalls

    @activity.defn(name=Activity.LOOK_AT_MONEY)
    async def run(self, request: RecoveryInput) -> MoneyLook:
        """The index is brought up to the feed's head as far as the budget goes; nothing is traced. Errors: WALLET_UNREACHABLE."""
        incident_id = request.incident_id
        position = await self.index.catch_up(budget=FEED_BUDGET)
        await self.index.locate_returns()
        free: list[TaintedLot] = []
        back: list[TaintedLot] = []
        strays: list[str] = []
        exits: list[RecalledTransfer] = []
        strays_outside: list[int] = []
        moved = await self.recoveries.stale(incident_id)
        at_large = outside = 0
        traced = await self.recoveries.traced(incident_id)
        for each in traced:
            lots = [] if each.trace_id is None else await self.traces.lots(each.trace_id)
            unheld = await self.claims.unclaimed(lots, incident_id=incident_id)
            # Also what we may not hold again moves on, to somebody with whom it may be held.
            loose = await self.claims.unclaimed(lots)
            at_large += sum(lot.amount for lot in loose)
            for lot in loose:
                left = await self.index.remaining(
                    lot.account_id, lot.currency, lot.lo, lot.hi, position.upto_seq
                )
                moved = moved or left != [(lot.lo, lot.hi)]
            free += unheld
            returning = await self.recoveries.came_back(each)
            fresh = [came for came in returning if came.seq > each.upto_seq]
            outside += each.flow.exited - each.awarded - sum(came.hi - came.lo for came in fresh)
            moved = moved or bool(fresh)
            back += await self._lying(each, returning, position)
            exits += await self.recoveries.exits(each)
            strays_outside += await self.recoveries.stray_recalls(each)
            strays += await self._strays(each, lots)
        free.sort(key=lambda lot: (-lot.last_seq, lot.account_id, lot.lo))
        return MoneyLook(
            free=tuple(free[:LOTS_AT_ONCE]),
            at_large=at_large,
            moved=moved,
            strays=tuple(strays),
            came_back=tuple(back[:LOTS_AT_ONCE]),
            exits=tuple(exits[:LOTS_AT_ONCE]),
            stray_recalls=tuple(strays_outside),
            outside=max(0, outside),
            possible_returns=tuple(await self.recoveries.possible_returns(incident_id)),
            awaited=sum(each.pending for each in await self.recalls.totals(incident_id)),
        )

    async def _lying(
        self, traced: TracedMoney, returning: list[CameBack], position: FeedPosition
    ) -> list[TaintedLot]:
        """What no hold keeps of it and still lies there; at the victim's own account it is where it belongs."""
        lots = [_lot(back) for back in returning if back.account_id != traced.victim]
        return [
            lot.model_copy(update={"lo": lo, "hi": hi})
            for lot in await self.claims.unclaimed(lots, incident_id=traced.incident_id)
            for lo, hi in await self.index.remaining(
                lot.account_id, lot.currency, lot.lo, lot.hi, position.upto_seq
            )
        ]

    async def _strays(self, traced: TracedMoney, lots: list[TaintedLot]) -> list[str]:
        """Standing holds of ours that are not wholly on units the trace calls stolen."""
        stolen: dict[str, list[tuple[int, int]]] = {}
        for lot in lots:
            stolen.setdefault(lot.account_id, []).append((lot.lo, lot.hi))
        return [
            hold_id
            for hold_id in await self.claims.standing(traced.incident_id)
            if (claim := await self.claims.find(hold_id)) is not None
            and (claim.currency, claim.state) == (traced.currency, "placed")
            and subtract([claim.kept], union(stolen.get(claim.account_id, [])))
        ]


def _lot(back: CameBack) -> TaintedLot:
    return TaintedLot(
        account_id=back.account_id,
        currency=back.currency,
        lo=back.lo,
        hi=back.hi,
        hop=0,
        last_seq=back.seq,
    )


@dataclass
class WithdrawRecall:
    """Has a recall withdrawn whose transfer was not stolen after all. The recall's own workflow records what it does."""

    recalls: Recalls

    @activity.defn(name=Activity.WITHDRAW_RECALL)
    async def run(self, request: WithdrawRecallInput) -> bool:
        """False when the recall is closed already. Repeating changes nothing."""
        return await self.recalls.ask_withdrawal(request.incident_id, request.transfer_seq)
