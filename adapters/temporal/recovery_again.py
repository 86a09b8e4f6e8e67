"""Whether a recovery that has ended must begin again: something about its money is left to do that came afterwards."""

from __future__ import annotations

from dataclasses import dataclass

from activities.ports import Clock, Incidents, Policies
from activities.recovery_ports import Recoveries
from models.contracts.recovery import RecoverFundsInput, RecoveryLook
from models.lifecycle import Status


@dataclass(frozen=True)
class RecoveryAgain:
    """Asked at every wake of an incident."""

    recoveries: Recoveries
    incidents: Incidents
    policies: Policies
    clock: Clock

    async def __call__(self, incident_id: str) -> RecoverFundsInput | None:
        """Only of a closed incident, however it ended: an open one begins its recovery by itself."""
        look, facts = await self.recoveries.look(incident_id), await self.incidents.facts(incident_id)
        if look is None or facts is None or look.status is not Status.CLOSED:
            return None
        if not _left(look) and (look.dropped or not await self.recoveries.possible_returns(incident_id)):
            return None
        return RecoverFundsInput(
            incident_id=incident_id,
            episode=facts.episode,
            account_id=facts.account_id,
            # Beyond any count of an incident's own, so that no step of an earlier recovery is taken for one of this.
            attempt=int(self.clock.now().timestamp()),
            policy=self.policies.current(),
        )


def _left(look: RecoveryLook) -> bool:
    """People decided something; money came for a recall that was closed; or a claim that was dropped has left something standing.

    What only may be money of a recall is looked for apart: it proves nothing, and people are asked about it.
    """
    kept = look.holds or look.mules or look.untold
    return bool(look.decisions or (kept if look.dropped else look.late))
