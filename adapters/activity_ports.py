"""What the activities need, from the parts that the wiring builds."""

from __future__ import annotations

from typing import TYPE_CHECKING

from activities.registry import Ports
from adapters.sql.claims import SqlClaims

if TYPE_CHECKING:
    from adapters.wiring import Wiring


def activity_ports(wiring: Wiring) -> Ports:
    """Every port, its part built if it was not yet."""
    return Ports(
        store=wiring.store,
        alarms=wiring.alarms,
        incidents=wiring.incidents,
        wallet=wiring.wallet,
        messages=wiring.messages,
        index=wiring.index,
        traces=wiring.traces,
        claims=SqlClaims(wiring.engine),
        recoveries=wiring.recoveries,
        offers=wiring.offers,
        closures=wiring.closures,
        challenges=wiring.challenges,
        claimants=wiring.claimants,
        contact_history=wiring.contact_history,
        identity_rules=wiring.identity_rules,
        decisions=wiring.decisions,
        secrets=wiring.incident_secrets,
        policies=wiring.policies,
        clock=wiring.clock,
        institutions=wiring.institutions,
        recalls=wiring.recalls,
        credentials=wiring.credentials,
        accounts=wiring.wallet,
        figures=wiring.figures,
    )
