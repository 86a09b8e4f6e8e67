"""Whether a recovery that has ended must begin again: people decided something about its money afterwards."""

from __future__ import annotations

from dataclasses import dataclass

from activities.ports import Clock, Incidents, Policies
from activities.recovery_ports import Recoveries
from models.contracts.recovery import RecoverFundsInput
from models.names import Outcome


@dataclass(frozen=True)
class RecoveryAgain:
    """Asked at every wake of an incident."""

    recoveries: Recoveries
    incidents: Incidents
    policies: Policies
    clock: Clock

    async def __call__(self, incident_id: str) -> RecoverFundsInput | None:
        """Only of a restored incident in which a decision waits: an open one begins its recovery by itself."""
        look, facts = await self.recoveries.look(incident_id), await self.incidents.facts(incident_id)
        if look is None or facts is None or not look.decisions or look.outcome is not Outcome.RESTORED:
            return None
        return RecoverFundsInput(
            incident_id=incident_id,
            episode=facts.episode,
            account_id=facts.account_id,
            # Beyond any count of an incident's own, so that no step of an earlier recovery is taken for one of this.
            attempt=int(self.clock.now().timestamp()),
            policy=self.policies.current(),
        )
