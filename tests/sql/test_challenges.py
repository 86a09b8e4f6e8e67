"""One-time codes: judged and counted in one statement, whatever comes at once."""

from __future__ import annotations

import asyncio
import hashlib
from collections import Counter
from datetime import datetime, timedelta
from typing import Any

import pytest
from sqlalchemy import text
from sqlalchemy.exc import DBAPIError

from activities.changes import RecordProof
from adapters.sql.contact_history import SqlContactHistory
from adapters.sql.data_keys import SqlKeyTable
from models.contracts.alarms import AcceptedAlarm
from models.errors import ErrorCode, StanchError
from models.ids import new_id
from models.names import Role, StepKind
from tests.sql.house import House, compromised, now

RIGHT = "49301127"


class Contact:
    """One challenge of one incident."""

    def __init__(self, house: House, accepted: AcceptedAlarm, contact: str, set_at: datetime) -> None:
        self.house, self.accepted, self.contact, self.set_at = house, accepted, contact, set_at
        self.challenge_id = new_id()

    async def prepare(
        self,
        code: str = RIGHT,
        *,
        round_number: int = 1,
        attempts: int = 10,
        seconds: int = 600,
        later: timedelta = timedelta(),
    ) -> bool:
        return await self.house.challenges.prepare(
            challenge_id=self.challenge_id,
            incident_id=self.accepted.incident_id,
            episode=self.accepted.episode,
            contact_id=self.contact,
            channel="phone",
            contact_set_at=self.set_at,
            round_number=round_number,
            code=code,
            sent_at=now() + later,
            expires_at=now() + later + timedelta(seconds=seconds),
            attempts_allowed=attempts,
        )

    async def answer(
        self, code: str, *, at: datetime | None = None, claim: str | None = None
    ) -> tuple[str, int]:
        outcome, left, incident_id = await self.house.challenges.answer(
            self.challenge_id, code, at or now(), claim_id=claim
        )
        assert incident_id == self.accepted.incident_id
        return outcome, left


@pytest.fixture
async def accepted(house: House) -> AcceptedAlarm:
    return await house.frozen(house.trigger())


@pytest.fixture
async def contact(house: House, accepted: AcceptedAlarm) -> Contact:
    made = Contact(house, accepted, "phone-1", now() - timedelta(days=90))
    await made.prepare()
    return made


async def test_the_right_code_is_accepted_once(
    house: House, contact: Contact, accepted: AcceptedAlarm
) -> None:
    assert (await contact.answer("00000000")) == ("wrong", 9)
    assert (await contact.answer(RIGHT))[0] == "accepted"
    assert (await contact.answer(RIGHT))[0] == "used"
    (answered,) = await house.challenges.answered(accepted.incident_id, 1)
    assert (answered.channel, answered.contact_id, answered.contact_set_at, answered.claim_id) == (
        "phone",
        "phone-1",
        contact.set_at,
        None,
    )
    await contact.prepare("99999999", round_number=2)
    assert (await contact.answer("99999999"))[0] == "used", "an answered contact has proven itself"


async def change(house: House, query: str, **values: Any) -> None:
    async with house.engine.begin() as connection:
        await connection.execute(text(query), values)


async def claimed(house: House, incident_id: str) -> str:
    """A claim of this incident, good for a day."""
    claim_id, by = new_id(), await house.operator(Role.AGENT)
    await change(
        house,
        "INSERT INTO identity_claim (id, incident_id, episode, token_digest, opened_by, opened_at, expires_at) "
        "VALUES (:id, :incident, 1, :id, :by, now(), now() + interval '1 day')",
        id=claim_id,
        incident=incident_id,
        by=by.operator_id,
    )
    return claim_id


@pytest.mark.parametrize("why", ["ended", "expired", "void"])
async def test_an_answer_that_counts_no_more_is_asked_for_again_and_stays_on_record(
    house: House, contact: Contact, accepted: AcceptedAlarm, why: str
) -> None:
    incident = accepted.incident_id
    thiefs = await claimed(house, incident)
    await contact.answer("00000000")
    assert await contact.answer(RIGHT, claim=thiefs) == ("accepted", 8)
    assert await contact.prepare(RIGHT), "a repeated attempt did send this one, and is to say so"
    assert not await contact.prepare("11111111", round_number=2), "who has answered needs no other code"
    assert (await contact.answer("11111111"))[0] == "used"
    if why == "ended":
        await change(house, "UPDATE identity_claim SET ended_at = now()")
    if why == "void":
        await change(house, "UPDATE identity_challenge SET voided_at = now()")
    later = timedelta(days=2) if why == "expired" else timedelta()

    assert await contact.prepare("22222222", round_number=3, later=later)
    assert await contact.prepare("22222222", round_number=3, later=later), "a repeated attempt sends the same"
    assert not await contact.prepare("11111111", round_number=2), (
        "a late repeat of an older round brings nothing"
    )
    assert await contact.answer("00000000") == ("wrong", 8), (
        "failures stay counted, the right answer was none"
    )
    owners = await claimed(house, incident)
    assert (await contact.answer("22222222", claim=owners))[0] == "accepted"
    (answered,) = await house.challenges.answered(incident, 1)
    assert answered.claim_id == owners

    # Whoever had answered may still be named: their contact is known then.
    history = SqlContactHistory(house.engine)
    assert {each.claim_id for each in await history.shown(incident)} == {thiefs, owners}
    assert await history.of_impostors(incident) == frozenset()
    await change(
        house, "UPDATE identity_claim SET ended_at = now(), ending = 'impostor' WHERE id = :id", id=thiefs
    )
    assert await history.of_impostors(incident) == {"phone-1"}
    with pytest.raises(DBAPIError):
        await change(house, "DELETE FROM former_answer")


async def test_what_proves_the_owner_is_not_asked_for_again_though_its_claim_expires(
    house: House, contact: Contact, accepted: AcceptedAlarm
) -> None:
    owners = await claimed(house, accepted.incident_id)
    await contact.answer(RIGHT, claim=owners)
    proof = RecordProof(("phone:phone-1",), contact.set_at, now(), owners)
    await house.do(accepted.incident_id, 1, "identity/proof/1", StepKind.VERIFY_IDENTITY, (proof,))
    assert not await contact.prepare("22222222", round_number=2, later=timedelta(days=2))
    assert len(await house.challenges.answered(accepted.incident_id, 1)) == 1


async def test_a_late_code_is_refused_whatever_it_says(contact: Contact) -> None:
    late = now() + timedelta(seconds=601)
    assert (await contact.answer(RIGHT, at=late))[0] == "late"
    assert (await contact.answer("00000000", at=late))[0] == "late"
    assert (await contact.answer(RIGHT))[0] == "accepted"


async def test_a_new_code_replaces_the_old_one_and_keeps_the_count(contact: Contact) -> None:
    for _ in range(4):
        await contact.answer("00000000")
    await contact.prepare("11111111", round_number=2)
    assert await contact.answer(RIGHT) == ("wrong", 5)
    await contact.prepare(RIGHT, round_number=1)
    assert await contact.answer(RIGHT) == ("wrong", 4), "a late repeat of the first round brings nothing back"
    assert (await contact.answer("11111111"))[0] == "accepted"


async def test_a_hundred_guesses_at_once_are_counted_one_by_one(
    house: House, accepted: AcceptedAlarm
) -> None:
    contact = Contact(house, accepted, "phone-2", now() - timedelta(days=90))
    await contact.prepare(attempts=10)
    guesses = [f"{number:08}" for number in range(100)]
    outcomes = Counter(outcome for outcome, _ in await asyncio.gather(*map(contact.answer, guesses)))
    assert outcomes == {"wrong": 10, "too_many": 90}
    assert (await contact.answer(RIGHT)) == ("too_many", 0)
    assert await house.challenges.exhausted(accepted.incident_id, 1)


async def test_among_guesses_at_once_the_right_code_counts_once(
    house: House, accepted: AcceptedAlarm
) -> None:
    for number in range(5):
        contact = Contact(house, accepted, f"phone-{number}-x", now() - timedelta(days=90))
        await contact.prepare(attempts=100)
        answers = await asyncio.gather(*(contact.answer(RIGHT) for _ in range(20)))
        assert Counter(outcome for outcome, _ in answers) == {"accepted": 1, "used": 19}


async def test_an_unknown_challenge_is_no_error_and_names_no_incident(house: House) -> None:
    assert await house.challenges.answer(new_id(), RIGHT, now()) == ("unknown", 0, None)


async def test_exhausted_means_that_no_contact_is_left(house: House, accepted: AcceptedAlarm) -> None:
    assert not await house.challenges.exhausted(accepted.incident_id, 1)
    first = Contact(house, accepted, "a", now() - timedelta(days=90))
    second = Contact(house, accepted, "b", now() - timedelta(days=90))
    for each in (first, second):
        await each.prepare(attempts=1)
    await first.answer("00000000")
    assert not await house.challenges.exhausted(accepted.incident_id, 1)
    await second.answer("00000000")
    assert await house.challenges.exhausted(accepted.incident_id, 1)
    assert not await house.challenges.exhausted(accepted.incident_id, 2)


async def test_that_an_agent_must_help_now_is_told_to_agents_once(
    house: House, accepted: AcceptedAlarm
) -> None:
    alerts = "SELECT incident_id, subject, severity FROM staff_alert WHERE kind = 'codes_exhausted'"
    for name in "ab":
        contact = Contact(house, accepted, name, now() - timedelta(days=90))
        await contact.prepare(attempts=2)
        await contact.answer("00000000")
        assert len(await house.rows(alerts)) == (name == "b")
        await contact.answer("00000000")
    assert [tuple(each) for each in await house.rows(alerts)] == [
        (accepted.incident_id, f"{accepted.incident_id}/1", "warning")
    ]


async def test_an_earlier_compromise_time_voids_answers_of_newer_contacts_only(
    house: House, accepted: AcceptedAlarm
) -> None:
    old = Contact(house, accepted, "old", now() - timedelta(days=90))
    recent = Contact(house, accepted, "recent", now() - timedelta(hours=3))
    for each in (old, recent):
        await each.prepare()
        assert (await each.answer(RIGHT))[0] == "accepted"
    earlier = compromised(now() - timedelta(hours=4), voids=True)
    await house.do(accepted.incident_id, 1, "alarm/x", StepKind.ALARM, (earlier,))
    answered = await house.challenges.answered(accepted.incident_id, 1)
    assert [each.contact_id for each in answered] == ["old"]
    unanswered = Contact(house, accepted, "unanswered", now() - timedelta(hours=3))
    await unanswered.prepare()
    await house.do(
        accepted.incident_id,
        1,
        "alarm/y",
        StepKind.ALARM,
        (compromised(now() - timedelta(hours=5), voids=True),),
    )
    assert (await unanswered.answer(RIGHT))[0] != "accepted"


async def test_a_code_is_derived_and_differs_by_challenge_round_and_incident(house: House) -> None:
    one, other = new_id(), new_id()
    codes = {
        await house.secrets.code(incident, challenge, round_number, 8)
        for incident in (one, other)
        for challenge in ("a", "b")
        for round_number in (1, 2)
    }
    assert len(codes) == 8
    assert all(len(code) == 8 and code.isdigit() for code in codes)
    fresh = House(house.url)
    try:
        assert await fresh.secrets.code(one, "a", 1, 8) == await house.secrets.code(one, "a", 1, 8)
    finally:
        await fresh.close()


async def test_whoever_reads_the_table_cannot_try_all_codes(house: House, contact: Contact) -> None:
    """A plain hash of eight digits falls in seconds; the stored one needs the incident's key."""
    stored = await house.scalar("SELECT code_digest FROM identity_challenge")
    for each in (RIGHT, f"{contact.challenge_id}/{RIGHT}", f"{contact.challenge_id}{RIGHT}"):
        assert stored != hashlib.sha256(each.encode()).hexdigest()


async def test_an_erased_incidents_codes_answer_nobody(house: House, contact: Contact) -> None:
    await SqlKeyTable(house.engine).destroy(contact.accepted.incident_id, now())
    house.keys.forget(contact.accepted.incident_id)
    with pytest.raises(StanchError) as refused:
        await contact.answer(RIGHT)
    assert refused.value.matches(ErrorCode.ERASED)
