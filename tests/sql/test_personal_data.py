"""Personal data lies sealed in every column, opens only with the incident's key, and is gone with it (DESIGN 10)."""

from __future__ import annotations

import asyncio
from datetime import timedelta

import pytest
from sqlalchemy import text
from sqlalchemy.ext.asyncio import create_async_engine

from activities.changes import QueueNotice
from adapters.secrets.keys import DataKeys, IncidentSecrets, MasterKey, Sealer, seal, unseal
from adapters.sql.data_keys import SqlKeyTable
from models.errors import ErrorCode, StanchError
from models.ids import new_id
from models.names import DecisionKind, Role, StepKind
from models.tables.registry import METADATA
from tests.conftest import Database
from tests.sql.house import MASTER_KEY, House, now

PHONE = "+49 151 23456789"
NAME = "Ada Lovelace"
EMAIL = "ada@example.org"
CODE = "49301127"


async def tell_everything(house: House) -> str:
    """A story in which every free text and every result names somebody; its incident."""
    detail = f"{NAME} called from {PHONE}, wrote as {EMAIL}"
    accepted = await house.frozen(house.trigger(detail=detail))
    await house.accept(house.report(detail=detail))
    attempt = house.attempt(accepted.incident_id, 1, "x", StepKind.OWNER_LINK)
    await house.steps.begin(attempt)
    step = house.finished(attempt, result={"step_key": "x", "sent_to": PHONE, "name": NAME})
    step = step.model_copy(update={"input": {"step_key": "x", "email": EMAIL}})
    await house.steps.finish(step, (QueueNotice("sent", "sms", {"to": PHONE, "name": NAME}),))
    await house.challenges.prepare(
        challenge_id=new_id(),
        incident_id=accepted.incident_id,
        episode=1,
        contact_id="contact-1",
        channel="phone",
        contact_set_at=now() - timedelta(days=1),
        round_number=1,
        code=CODE,
        sent_at=now(),
        expires_at=now() + timedelta(minutes=10),
        attempts_allowed=10,
    )
    agent, supervisor = await house.operator(Role.AGENT), await house.operator(Role.SUPERVISOR)
    task_id = await house.ask(accepted, DecisionKind.RETURN_ACCOUNT)
    view = await house.decisions.request(
        task_id=task_id,
        request_id=new_id(),
        choice="restored",
        reason=detail,
        by=agent,
        at=now(),
        expires_at=now() + timedelta(hours=1),
    )
    request_id = view.requests[0].request_id
    await house.decisions.approve(request_id=request_id, reason=detail, by=supervisor, at=now())
    return accepted.incident_id


async def everything_stored(owner_url: str) -> bytes:
    engine = create_async_engine(owner_url)
    found: list[bytes] = []
    try:
        async with engine.connect() as connection:
            for table in METADATA.tables:
                for row in await connection.execute(text(f'SELECT * FROM "{table}"')):
                    found += [value if isinstance(value, bytes) else str(value).encode() for value in row]
    finally:
        await engine.dispose()
    return b"\n".join(found)


async def test_no_column_of_any_table_holds_personal_data_in_plain(house: House, database: Database) -> None:
    incident_id = await tell_everything(house)
    stored = await everything_stored(database.owner_url)
    assert incident_id.encode() in stored
    for personal in (PHONE, NAME, EMAIL, CODE, "23456789", "Lovelace", "ada@"):
        assert personal.encode() not in stored, personal
    view = await house.overview.incident(incident_id)
    assert view is not None
    assert PHONE in str(view.decisions), "an agent reads it"
    assert {step.result.get("sent_to") for step in await house.overview.steps(incident_id)} == {None, PHONE}


async def test_a_destroyed_key_takes_the_personal_data_with_it_and_leaves_the_records(house: House) -> None:
    incident_id = await tell_everything(house)
    before = await house.rows("SELECT id, result_digest FROM step ORDER BY sequence")
    await SqlKeyTable(house.engine).destroy(incident_id, now())
    house.keys.forget(incident_id)
    with pytest.raises(StanchError) as gone:
        await house.steps.done(incident_id, 1, "x")
    assert gone.value.matches(ErrorCode.ERASED)
    with pytest.raises(StanchError) as again:
        await house.keys.key_for(incident_id)
    assert again.value.matches(ErrorCode.ERASED), "and no new key takes its place"
    assert await house.rows("SELECT id, result_digest FROM step ORDER BY sequence") == before
    (question,) = await house.overview.decisions(state=None, incident_id=incident_id)
    assert [each.reason for each in question.requests] == ["(erased)"]


async def test_what_is_sealed_opens_only_where_it_belongs(house: House) -> None:
    one, other = new_id(), new_id()
    sealed = await house.sealer.seal(one, "step.result", PHONE.encode())
    assert await house.sealer.open(one, "step.result", sealed) == PHONE.encode()
    assert sealed != await house.sealer.seal(one, "step.result", PHONE.encode())
    changed = bytes([*sealed[:-1], sealed[-1] ^ 1])
    for incident_id, field, value in (
        (one, "step.input", sealed),
        (other, "step.result", sealed),
        (one, "step.result", changed),
        (one, "step.result", b""),
    ):
        with pytest.raises(StanchError) as refused:
            await house.sealer.open(incident_id, field, value)
        assert refused.value.matches(ErrorCode.INTERNAL)
        assert PHONE not in refused.value.message
    key = await house.keys.key_for(one)
    assert unseal(key, one, "a", seal(key, one, "a", b"")) == b""


async def test_processes_agree_on_a_key_even_when_both_ask_first(house: House) -> None:
    other = House(house.url)
    made: set[bytes] = set()
    try:
        for _ in range(10):
            incident_id = new_id()
            keys = await asyncio.gather(
                *(each.keys.key_for(incident_id) for each in (house, other) for _ in range(3))
            )
            assert len(set(keys)) == 1
            made |= set(keys)
    finally:
        await other.close()
    assert len(made) == 10
    stored = await house.rows("SELECT wrapped FROM data_key")
    assert not any(key in row.wrapped for key in made for row in stored)


async def test_another_master_key_opens_nothing(house: House) -> None:
    incident_id = new_id()
    await house.keys.key_for(incident_id)
    stranger = DataKeys(MasterKey("A" * 43 + "="), SqlKeyTable(house.engine))
    with pytest.raises(StanchError) as refused:
        await stranger.key_for(incident_id)
    assert refused.value.matches(ErrorCode.INTERNAL)
    assert "STANCH_MASTER_KEY" in refused.value.message


@pytest.mark.fast
def test_a_master_key_is_32_bytes_in_base64() -> None:
    MasterKey(MASTER_KEY)
    for wrong in ("", "short", "A" * 43, "A" * 42 + "==", "!" * 44):
        with pytest.raises(StanchError) as refused:
            MasterKey(wrong)
        assert refused.value.matches(ErrorCode.INVALID)


class OneKey:
    """A key table with one key."""

    def __init__(self) -> None:
        _, self._wrapped = MasterKey(MASTER_KEY).new_data_key()

    async def get_or_create(self, incident_id: str, wrapped: bytes) -> bytes:
        del incident_id, wrapped
        return self._wrapped


@pytest.mark.fast
async def test_codes_are_evenly_spread_and_keep_their_zeros() -> None:
    secrets = IncidentSecrets(DataKeys(MasterKey(MASTER_KEY), OneKey()))
    codes = [await secrets.code(new_id(), str(number), 1, 6) for number in range(4000)]
    assert all(len(code) == 6 for code in codes)
    first = [sum(code[0] == digit for code in codes) for digit in "0123456789"]
    assert all(300 < count < 500 for count in first), first


@pytest.mark.fast
async def test_the_cache_of_keys_is_bounded() -> None:
    keys = DataKeys(MasterKey(MASTER_KEY), OneKey())
    for number in range(5000):
        await Sealer(keys).seal(str(number), "f", b"x")
    assert len(keys._known) <= 4096
