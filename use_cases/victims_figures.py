"""What a victim is told of their money (activities.figures.Figures): the account by remedy, and what was stopped."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Protocol

import structlog

from models.contracts.figures import VictimsFigures
from models.errors import ErrorCode, StanchError
from use_cases.account_by_remedy import AccountByRemedy

log = structlog.get_logger(__name__)


class StoppedPayments(Protocol):
    """Payments in flight, as the database holds them."""

    async def stopped(self, incident_id: str) -> int:
        """How many were stopped on their way, in every episode, each once."""
        ...


@dataclass
class ReadFigures:
    """Reads; changes nothing."""

    remedy: AccountByRemedy
    payments: StoppedPayments

    async def of(self, incident_id: str) -> VictimsFigures:
        """See activities.figures.Figures. A sum that does not add up is left out, for an incident is closed all the same."""
        stopped = await self.payments.stopped(incident_id)
        try:
            remedies = (await self.remedy.of_incident(incident_id)).currencies
        except StanchError as error:
            if not error.matches(ErrorCode.REFUSED_BY_RULE):
                raise
            log.warning("figures_left_out", incident_id=incident_id, code=error.code)
            return VictimsFigures(remedies=None, stopped=stopped)
        return VictimsFigures(remedies=remedies, stopped=stopped)
