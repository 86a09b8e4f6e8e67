"""The Protocols that only the recovery needs; those shared with other steps are in activities/ports.py."""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import AbstractAsyncContextManager
from datetime import datetime, timedelta
from typing import Protocol

from models.contracts.base import Message
from models.contracts.money import ClaimedHold
from models.contracts.mules import MuleFreezeView
from models.contracts.recalls import RecalledTransfer
from models.contracts.recovery import HoldView, PossibleReturn, RecoveryDecision, RecoveryLook
from models.contracts.transfers import Flow, TaintedLot
from models.names import HoldSource


class TracedMoney(Message):
    """The trace that stands for one currency of an incident. `theft_seq`: the posting of the first theft. `awarded`: the part of
    `flow.exited` that decisions paid to other owners.

    `trace_id` is None, and the flow zero, where something was stolen once and no theft counts any more.
    """

    trace_id: str | None
    incident_id: str
    victim: str
    currency: str
    upto_seq: int
    flow: Flow
    theft_seq: int
    awarded: int = 0


class PaidOn(Message):
    """Held units that the wallet paid on. `to_owner`: to the incident's own victim."""

    currency: str
    amount: int
    transfer_seq: int
    to_owner: bool
    source: str


class CameBack(Message):
    """Stolen units that a reversal brought back out of an exit: [lo, hi) of the account where they arrived."""

    account_id: str
    currency: str
    lo: int
    hi: int
    seq: int


class Restituted(Message):
    """What one decision has brought one owner: all payments of it to one account, minor units."""

    for_incident_id: str
    to_account_id: str
    currency: str
    amount: int


class Claims(Protocol):
    """Claims on stolen units (DESIGN 8). A claim's id is the wallet's hold id."""

    async def claim(
        self,
        *,
        hold_id: str,
        incident_id: str,
        episode: int,
        trace_id: str,
        lot: TaintedLot,
        expires_at: datetime,
        at: datetime,
        source: HoldSource = HoldSource.TRACE,
    ) -> bool:
        """Commit a claim on exactly this lot, under an advisory lock on the account.

        False when an active claim, anybody's, covers a part of it (nothing is written: whoever claims first keeps the units in
        place for all who lost them, and people decide who gets them), or one of this incident's that has ended for good.
        True also when this very claim already stands.
        """
        ...

    async def unclaimed(
        self, lots: Sequence[TaintedLot], *, incident_id: str | None = None
    ) -> list[TaintedLot]:
        """The parts of these lots that no active claim covers, whoever's it is; units that a hold has paid out are no longer its.

        With `incident_id` what this incident may hold: also without paid units, which are gone, and without what it may not hold
        again (names.FOR_GOOD).
        """
        ...

    async def others(self, lots: Sequence[TaintedLot], *, incident_id: str) -> tuple[str, ...]:
        """Active claims of other incidents that cover a part of these lots: the same units are claimed twice."""
        ...

    async def standing(self, incident_id: str) -> tuple[str, ...]:
        """Hold ids of this incident that have not ended."""
        ...

    async def find(self, hold_id: str) -> ClaimedHold | None:
        """One claim as it stands."""
        ...


class Recoveries(Protocol):
    """What the database says about the recovery of one incident's money."""

    async def look(self, incident_id: str) -> RecoveryLook | None:
        """As it stands now; None when there is no such incident."""
        ...

    async def decision(self, request_id: str) -> RecoveryDecision | None:
        """One choice with the action it is about, whether it stands or not."""
        ...

    async def traced(self, incident_id: str) -> list[TracedMoney]:
        """The trace that stands for each currency in which something was ever stolen."""
        ...

    def at_once(self) -> AbstractAsyncContextManager[None]:
        """What is read inside, one after the other and by whatever port, is as of one moment; nothing can be written."""
        ...

    async def robbed(self, *, since: datetime | None, until: datetime | None) -> list[str]:
        """Incidents opened in [since, until) in which something was stolen, oldest first."""
        ...

    async def stale(self, incident_id: str) -> bool:
        """Whether those traces follow other thefts than count now, or were found by another compromise time."""
        ...

    async def claimed(self, incident_id: str) -> set[str]:
        """Transfers that only unproven reports call stolen: traced, shown, and not held."""
        ...

    async def came_back(self, traced: TracedMoney) -> list[CameBack]:
        """What reversals of this trace's exits brought back, in posting order."""
        ...

    async def exits(self, traced: TracedMoney) -> list[RecalledTransfer]:
        """Transfers by which stolen money of this trace left, each with what is not recalled of it yet; no fees.

        In posting order. Where a part was recalled before, the rest is a further request.
        """
        ...

    async def stray_recalls(self, traced: TracedMoney) -> list[int]:
        """Postings of transfers of which open recalls ask for more than the trace calls stolen (now)."""
        ...

    async def possible_returns(self, incident_id: str) -> list[PossibleReturn]:
        """Payments that may be recalled money by amount, payer and payee, and about which no question is open or answered."""
        ...

    async def placed(self, incident_id: str) -> list[ClaimedHold]:
        """Holds of this incident that stand, checked."""
        ...

    async def contests(self, hold_id: str) -> tuple[str, ...]:
        """Other incidents that claim units of this hold and have not ended without a theft."""
        ...

    async def paid(self, incident_id: str) -> list[PaidOn]:
        """Everything paid on from holds of this incident."""
        ...

    async def restituted(self, incident_id: str, request_id: str) -> list[Restituted]:
        """What was paid back by this decision, one for each owner and currency; nothing for a decision about other things."""
        ...

    async def proven_owner(self, incident_id: str) -> str | None:
        """The account of an incident whose owner is proven (in its last episode, or it ended as restored); None else.

        What is paid to an account that was closed for its owner the wallet sends on to the destination of its closing.
        """
        ...

    async def holds(
        self, *, incident_id: str | None = None, hold_id: str | None = None, limit: int = 200
    ) -> Sequence[HoldView]:
        """Holds as people see them, newest first."""
        ...

    async def passed_through(self, incident_id: str, account_id: str) -> bool:
        """Whether a trace of this incident leads through this wallet account, which is not the victim's own."""
        ...

    async def mule_freeze(self, incident_id: str, account_id: str) -> str | None:
        """The restriction of ours that stands on this mule's whole account; None when there is none."""
        ...

    async def mule_freezes(
        self,
        *,
        incident_id: str | None,
        every: bool,
        at: datetime,
        overdue_after: timedelta,
        limit: int = 200,
    ) -> Sequence[MuleFreezeView]:
        """Whole accounts that people had restricted, the longest first: those that stand, or with `every` ended ones, too."""
        ...

    async def object(
        self, *, objection_id: str, hold: HoldView, task_id: str, statement: str, by: str, at: datetime
    ) -> None:
        """Commit what the holder says, sealed, beside the question it opened. Repeating changes nothing."""
        ...
