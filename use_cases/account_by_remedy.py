"""The account by remedy (DESIGN 8): stolen = returned + on_hold + recall_pending + recalled + at_large + lost."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from activities.money_ports import Traces, TransferIndex
from activities.ports import Incidents
from activities.recall_ports import Recalls
from activities.recovery_ports import Recoveries, TracedMoney
from activities.staff_ports import RaisesStaffAlerts
from models.contracts.base import MAX_AMOUNT
from models.contracts.recalls import RecallTotals
from models.contracts.recovery import Remedy, RemedyView
from models.contracts.remedy_totals import LeftOut, RemedyTotals
from models.digests import digest
from models.errors import ErrorCode, StanchError
from models.names import HoldSource, StaffAlertKind
from tracing.intervals import intersect, subtract, total, union
from tracing.remedy import Known, in_total, remedy
from use_cases.look_up import unknown


@dataclass(frozen=True)
class _Found:
    """Of one incident by currency: the cells, or why there are none; how far its traces see."""

    cells: dict[str, Remedy]
    wrong: dict[str, str]
    upto_seq: dict[str, int]

    def only(self, currency: str | None) -> _Found:
        """The same of this currency alone; None: of all."""
        if currency is None:
            return self
        own = {currency}
        return _Found(
            {each: self.cells[each] for each in own & self.cells.keys()},
            {each: self.wrong[each] for each in own & self.wrong.keys()},
            self.upto_seq,
        )


@dataclass
class AccountByRemedy:
    """Reads. Where the cells do not add up to what was stolen, there are no figures, and staff are told."""

    incidents: Incidents
    recoveries: Recoveries
    recalls: Recalls
    traces: Traces
    index: TransferIndex
    alerts: RaisesStaffAlerts

    async def of_incident(self, incident_id: str) -> RemedyView:
        """Every stolen unit in exactly one cell, per currency.

        Errors: NOT_FOUND; REFUSED_BY_RULE when it does not add up: staff are alerted, once for each state of its traces.
        """
        async with self.recoveries.at_once():
            if await self.incidents.facts(incident_id) is None:
                raise unknown()
            found = await self._remedies(incident_id)
        if found.wrong:
            await self._alert(incident_id, found)
            raise StanchError(
                ErrorCode.REFUSED_BY_RULE,
                "What is known of this incident's money does not add up to what was stolen, so no figures are given. Nothing "
                f"was changed; ask again once the money has been traced anew ({'; '.join(found.wrong.values())}).",
            )
        return RemedyView(incident_id=incident_id, currencies=found.cells, upto_seq=found.upto_seq)

    async def in_total(
        self, *, since: datetime | None = None, until: datetime | None = None, currency: str | None = None
    ) -> RemedyTotals:
        """The sums over all incidents opened in [since, until), per currency, as of one moment.

        What does not add up is in no sum and is named; staff are alerted to it, once for each state of its traces.
        """
        every: list[Remedy] = []
        unsound: dict[str, _Found] = {}
        async with self.recoveries.at_once():
            incident_ids = await self.recoveries.robbed(since=since, until=until)
            for incident_id in incident_ids:
                found = (await self._remedies(incident_id)).only(currency)
                every += found.cells.values()
                if found.wrong:
                    unsound[incident_id] = found
        for incident_id, found in unsound.items():
            await self._alert(incident_id, found)
        return RemedyTotals(
            currencies=in_total(every),
            incidents=len(incident_ids),
            complete=not unsound,
            left_out=tuple(
                LeftOut(incident_id=incident_id, currency=each)
                for incident_id, found in unsound.items()
                for each in sorted(found.wrong)
            ),
        )

    async def _alert(self, incident_id: str, found: _Found) -> None:
        seen = ",".join(f"{currency}:{found.upto_seq[currency]}" for currency in sorted(found.wrong))
        await self.alerts.raise_once(
            StaffAlertKind.MONEY_UNACCOUNTED,
            f"{incident_id}/{digest([seen])[:16]}",
            incident_id=incident_id,
            detail=",".join(sorted(found.wrong)),
        )

    async def _remedies(self, incident_id: str) -> _Found:
        recalls = {each.currency: each for each in await self.recalls.standing_totals(incident_id)}
        found = _Found({}, {}, {})
        for each in await self.recoveries.traced(incident_id):
            found.upto_seq[each.currency] = each.upto_seq
            known = await self._known(each, recalls.get(each.currency))
            try:
                found.cells[each.currency] = remedy(each.currency, known)
            except ArithmeticError as error:
                found.wrong[each.currency] = str(error)
        return found

    async def _known(self, traced: TracedMoney, recalls: RecallTotals | None) -> Known:
        lots: dict[str, list[tuple[int, int]]] = {}
        lying_now = [] if traced.trace_id is None else await self.traces.lots(traced.trace_id)
        for lot in lying_now:
            lots.setdefault(lot.account_id, []).append((lot.lo, lot.hi))
        back = await self.recoveries.came_back(traced)
        out_of_exits: dict[str, list[tuple[int, int]]] = {}
        for each in back:
            if each.seq <= traced.upto_seq:
                out_of_exits.setdefault(each.account_id, []).append((each.lo, each.hi))
        held = 0
        for hold in await self.recoveries.placed(traced.incident_id):
            if hold.currency == traced.currency and hold.source is HoldSource.TRACE:
                # Units that the last trace does not call stolen are let go of; they are no part of this sum.
                stolen = union(lots.get(hold.account_id, []))
                held += total(
                    subtract(intersect([hold.kept], stolen), union(out_of_exits.get(hold.account_id, [])))
                )
        paid = [
            each
            for each in await self.recoveries.paid(traced.incident_id)
            if each.currency == traced.currency
        ]
        since = [each for each in paid if each.transfer_seq > traced.upto_seq]
        here = sum(
            total(intersect(union(units), union(lots.get(account_id, []))))
            for account_id, units in out_of_exits.items()
        )
        fresh = [each for each in back if each.seq > traced.upto_seq]
        came = sum(each.hi - each.lo for each in fresh)
        to_owner = sum(each.hi - each.lo for each in fresh if each.account_id == traced.victim)
        # Of what came back to others than the owner, what lies there still; a payment that is not indexed yet hides nothing.
        lying = 0
        for each in fresh:
            if each.account_id != traced.victim:
                lying += total(
                    await self.index.remaining(each.account_id, each.currency, each.lo, each.hi, MAX_AMOUNT)
                )
        return Known(
            flow=traced.flow,
            back_here=max(0, here - sum(each.amount for each in since if each.source == HoldSource.RECALL)),
            held_by_us=held,
            paid_since=sum(each.amount for each in since if each.to_owner),
            awarded=traced.awarded,
            awarded_since=sum(each.amount for each in since if not each.to_owner),
            came_back=came,
            came_to_owner=to_owner,
            moved_on=max(0, came - to_owner - lying),
            pending=recalls.pending if recalls is not None else 0,
            written_off=recalls.lost if recalls is not None else 0,
        )
