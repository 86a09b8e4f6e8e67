"""Which endings drop the claim on stolen money: the rule, and that the database goes by the very same."""

from __future__ import annotations

from datetime import timedelta

import pytest
from sqlalchemy import text

from activities.changes import MoveIncident, RecordProof
from adapters.sql.dropped_claims import dropped, ever_proven
from adapters.sql.recoveries import SqlRecoveries
from models.contracts.alarms import AcceptedAlarm
from models.dropped_claims import MAY_DROP, claim_dropped
from models.lifecycle import Event
from models.names import Outcome, StepKind
from tests.sql.house import House, compromised, now

STANDS = {
    Outcome.RESTORED,
    Outcome.IMPOSTOR,
    Outcome.NOT_FROZEN,
    Outcome.ACCOUNT_CLOSED,
    None,
}
"""Endings that say nothing against the theft, whoever is proven."""


@pytest.mark.fast
@pytest.mark.parametrize("proven", [False, True])
def test_only_the_owners_word_or_nobodys_drops_a_claim(*, proven: bool) -> None:
    dropping = {each for each in (*Outcome, None) if claim_dropped(each, proven=proven)}
    assert dropping == {Outcome.FALSE_ALARM} | (set() if proven else {Outcome.RELEASED})
    assert set(Outcome) - MAY_DROP == STANDS - {None}


async def says(house: House, accepted: AcceptedAlarm, outcome: Outcome | None) -> tuple[bool, bool]:
    """What query and rule say of this incident, if it ended so."""
    async with house.engine.begin() as connection:
        values = {"id": accepted.incident_id, "outcome": None if outcome is None else outcome.value}
        await connection.execute(text("UPDATE incident SET outcome = :outcome WHERE id = :id"), values)
        query = text(f"SELECT {dropped('i')} FROM incident AS i WHERE i.id = :id")
        proven = await ever_proven(connection, accepted.incident_id)
        return bool(await connection.scalar(query, values)), claim_dropped(outcome, proven=proven)


async def test_the_database_goes_by_the_same_rule_and_a_relapse_forgets_no_proof(house: House) -> None:
    accepted = await house.frozen(house.trigger())
    for outcome in (*Outcome, None):
        assert await says(house, accepted, outcome) == (outcome in MAY_DROP, outcome in MAY_DROP)
    since = (await house.facts(accepted)).compromised_since
    assert since is not None
    proof = RecordProof(("phone:a", "email:b"), since - timedelta(days=9), now())
    proven = (proof, MoveIncident(Event.IDENTITY_PROVEN))
    await house.do(accepted.incident_id, 1, "verify/1", StepKind.VERIFY_IDENTITY, proven)
    await house.do(accepted.incident_id, 1, "r", StepKind.RELEASE, lifting=Event.RELEASE_INTENDED)
    theirs = house.report(stolen_transfers=("t-of-a-stranger",))
    again = await house.accept(theirs)
    assert again.episode == 2
    await house.take_up(again)
    look = await SqlRecoveries(house.engine, house.sealer).look(accepted.incident_id)
    assert look is not None
    assert (await house.facts(accepted)).provisional
    assert look.holding, "what a proven owner claims is pursued, whoever reports what"
    words = await house.incidents.theft_words(accepted.incident_id)
    assert (words.named, words.claimed) == ((), ("t-of-a-stranger",)), (
        "and nothing is held on a stranger's word"
    )
    assert not await house.incidents.proven(accepted.incident_id, 2)
    assert await says(house, accepted, Outcome.RELEASED) == (False, False)
    assert await says(house, accepted, Outcome.FALSE_ALARM) == (True, True)
    voiding = (compromised(since - timedelta(days=10), voids=True),)
    await house.do(accepted.incident_id, 2, "a/2", StepKind.ALARM, voiding)
    assert await says(house, accepted, Outcome.RELEASED) == (True, True)
