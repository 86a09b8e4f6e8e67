"""What a run that goes on from another one knows before it has asked anybody."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path

import pytest

from adapters.policies import read_policy
from models.contracts.incidents import IncidentFacts, IncidentOpening
from models.ids import new_id
from models.lifecycle import Status
from models.names import Scope
from workflows.stolen_account_incident import StolenAccountIncident

pytestmark = pytest.mark.fast

POLICY = read_policy(Path(__file__).resolve().parents[2] / "policies", "production")
PROVEN = {Status.VERIFIED, Status.RESET}


@pytest.mark.parametrize("status", Status)
def test_the_proof_that_stands_is_known_at_once(status: Status) -> None:
    """Else an ending decided right then would let go of what is held for a proven owner."""
    at = datetime(2026, 3, 1, tzinfo=UTC)
    story = StolenAccountIncident(IncidentOpening(incident_id=new_id()))
    facts = IncidentFacts(
        incident_id=story.incident_id,
        account_id="acc-1",
        status=status,
        episode=1,
        scope=Scope.FULL,
        provisional=False,
        opened_at=at,
        episode_opened_at=at,
        compromised_since=at,
        frozen_at=at,
        renewals=0,
        closed_at=None,
        outcome=None,
        unacknowledged=(),
        held_back=False,
    )
    story.know(facts, POLICY)
    assert story.proven is (status in PROVEN)
