"""Answering one-time codes: counted, judged, and silent about whose they are."""

from __future__ import annotations

import asyncio
import secrets
from collections import Counter
from datetime import UTC, datetime, timedelta

import httpx2
import pytest

from adapters.secrets.keys import DataKeys, MasterKey
from adapters.sql.challenges import SqlChallenges
from adapters.sql.data_keys import SqlKeyTable
from adapters.sql.engine import make_engine
from tests.running_gateway import RunningGateway
from tests.running_sandbox import RunningSandbox

RIGHT, WRONG = "49301127", "00000000"


async def challenge(
    gateway: RunningGateway,
    incident_id: str,
    *,
    seconds: int = 600,
    attempts: int = 3,
    channel: str = "phone",
) -> str:
    challenge_id = secrets.token_hex(13).upper()
    engine = make_engine(gateway.database_url, pool=1)
    keys = DataKeys(MasterKey(gateway.master_key), SqlKeyTable(engine))
    now = datetime.now(UTC)
    try:
        await SqlChallenges(engine, keys).prepare(
            challenge_id=challenge_id,
            incident_id=incident_id,
            episode=1,
            contact_id=f"contact-{challenge_id}",
            channel=channel,
            contact_set_at=now - timedelta(days=90),
            round_number=1,
            code=RIGHT,
            sent_at=now,
            expires_at=now + timedelta(seconds=seconds),
            attempts_allowed=attempts,
        )
    finally:
        await engine.dispose()
    return challenge_id


@pytest.fixture
def incident_id(gateway: RunningGateway, sandbox: RunningSandbox) -> str:
    found: str = gateway.alarm(sandbox.account()).json()["incident_id"]
    return found


def answered(
    gateway: RunningGateway, challenge_id: str, code: str, **more: str
) -> tuple[int, dict[str, object]]:
    body = {"challenge_id": challenge_id, "code": code, **more}
    response = gateway.ask("POST", "/v1/identity/answers", body, as_=None)
    return response.status_code, response.json()


async def test_two_contacts_answer(gateway: RunningGateway, incident_id: str) -> None:
    # What the workflow does first, and here none runs.
    gateway.rows("UPDATE incident SET compromised_since = now() WHERE id = :id", id=incident_id)
    first = await challenge(gateway, incident_id)
    other_phone = await challenge(gateway, incident_id)
    second = await challenge(gateway, incident_id, channel="email")
    status, opened = answered(gateway, first, RIGHT)
    assert (status, opened["remaining"]) == (200, 1)
    token = str(opened["claim"])
    once_more = {"accepted": True, "remaining": 1, "claim": None}
    assert answered(gateway, other_phone, RIGHT, claim=token) == (200, once_more), (
        "two codes by one method are one"
    )
    status, problem = answered(gateway, first, RIGHT)
    assert (status, problem["code"]) == (422, "code_used")
    assert answered(gateway, second, RIGHT, claim=token) == (200, once_more | {"remaining": 0})
    (row,) = gateway.rows("SELECT generation FROM hand_over WHERE incident_id = :id", id=incident_id)
    assert row.generation == 4


async def test_two_people_who_answer_without_a_claim_are_two_claimants_and_either_can_be_named(
    gateway: RunningGateway, incident_id: str
) -> None:
    """The thief reads the old mailbox, and the owner answers the SMS as they were told to: that is no proof."""
    gateway.rows("UPDATE incident SET compromised_since = now() WHERE id = :id", id=incident_id)
    thiefs, owners = [await challenge(gateway, incident_id, channel=each) for each in ("email", "phone")]
    tokens = []
    for asked in (thiefs, owners):
        status, said = answered(gateway, asked, RIGHT)
        assert (status, said["remaining"] != 0) == (200, True)
        tokens.append(said["claim"])
    assert len(set(tokens)) == 2
    view = gateway.ask("GET", f"/v1/incidents/{incident_id}/identity").json()
    assert view["contested"]
    assert [(each["opened_by"], each["proven"]) for each in view["claims"]] == [(None, False)] * 2
    stored = gateway.rows("SELECT * FROM identity_claim WHERE incident_id = :id", id=incident_id)
    assert all(str(token) not in str(stored) for token in tokens)
    path = f"/v1/incidents/{incident_id}/identity/impostors"
    body = {"claim_id": view["claims"][0]["claim_id"], "reason": "The owner reads no mail there any more."}
    assert gateway.ask("POST", path, body).status_code == 201
    none = gateway.ask("POST", path, {"claim_id": "unclaimed", "reason": "Nobody is."})
    assert (none.status_code, none.json()["code"]) == (404, "not_found")


async def test_wrong_codes_are_counted_and_the_last_closes(gateway: RunningGateway, incident_id: str) -> None:
    asked = await challenge(gateway, incident_id)
    codes = [answered(gateway, asked, WRONG)[1]["code"] for _ in range(3)]
    assert codes == ["code_wrong"] * 3
    status, problem = answered(gateway, asked, RIGHT)
    assert (status, problem["code"]) == (429, "too_many_attempts")


async def test_a_late_code_is_late(gateway: RunningGateway, incident_id: str) -> None:
    asked = await challenge(gateway, incident_id, seconds=-1)
    status, problem = answered(gateway, asked, RIGHT)
    assert (status, problem["code"]) == (422, "code_late")


async def test_an_unknown_reference_sounds_like_a_wrong_code(
    gateway: RunningGateway, incident_id: str
) -> None:
    known = await challenge(gateway, incident_id)
    assert answered(gateway, "A" * 26, WRONG) == answered(gateway, known, WRONG)


async def test_a_hundred_guesses_at_once_are_counted_one_by_one(
    gateway: RunningGateway, incident_id: str
) -> None:
    asked = await challenge(gateway, incident_id)
    async with httpx2.AsyncClient(base_url=gateway.url, timeout=30, trust_env=False) as client:
        answers = await asyncio.gather(
            *(
                client.post("/v1/identity/answers", json={"challenge_id": asked, "code": f"{guess:08d}"})
                for guess in range(100)
            )
        )
    codes = Counter(each.json()["code"] for each in answers)
    assert codes == {"code_wrong": 3, "too_many_attempts": 97}


@pytest.mark.parametrize(
    "body",
    [
        {"challenge_id": "A" * 26},
        {"challenge_id": "A" * 26, "code": 49301127},
        {"challenge_id": "A" * 26, "code": "４９３０１１２７"},
        {"challenge_id": "A" * 26, "code": "1"},
        {"challenge_id": "A" * 25, "code": RIGHT},
        {"challenge_id": "A" * 26, "code": RIGHT, "contact": "phone"},
    ],
)
def test_what_is_no_answer_is_refused(gateway: RunningGateway, body: dict[str, object]) -> None:
    response = gateway.ask("POST", "/v1/identity/answers", body, as_=None)
    assert (response.status_code, response.json()["code"]) == (422, "invalid")
