"""Forgotten passwords: failures count for what was asked, alike for everybody, and never for an account."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import event
from sqlalchemy.exc import DBAPIError

from activities.changes import MoveCredential, RecordReset
from adapters.policies import read_identity_rules
from adapters.sql.credentials import SqlCredentials
from adapters.sql.data_keys import SqlKeyTable
from adapters.sql.identity_limits import SqlLimits
from adapters.sql.pace import SqlPace
from models.contracts.credential import CredentialEnding, CredentialState
from models.contracts.wallet import ContactKind
from models.errors import ErrorCode, StanchError
from models.ids import new_id
from models.names import SecurityItem, StepKind
from tests.sql.house import House, now
from use_cases.credential.recoveries import Begun, CredentialRecoveries

RULES = read_identity_rules(Path(__file__).resolve().parents[2] / "policies" / "identity.toml")
OWNERS, NOBODYS = "+4915500000001", "+4915500000002"


@dataclass
class Clock:
    at: datetime

    def now(self) -> datetime:
        return self.at


@dataclass
class Desk:
    """Self-service over a real database, at a time that a test sets."""

    house: House
    clock: Clock
    recoveries: CredentialRecoveries

    async def begin(self, number: str, account: str | None = None) -> Begun:
        """Begun, and found out by its workflow: an account with a code on its way, or nobody's."""
        begun = await self.recoveries.begin(ContactKind.PHONE, number)
        found = "state = 'ended', ending = 'nobody', ended_at = now()"
        if account is not None:
            found = "state = 'codes_sent', account_id = :account"
        await self.house.change(
            f"UPDATE credential_recovery SET {found} WHERE id = :id",
            id=begun.recovery_id,
            **({} if account is None else {"account": account}),
        )
        return begun

    async def answer(self, begun: Begun, challenge_id: str, code: str = "00000000") -> bool:
        facts = await self.recoveries.enter(begun.token)
        try:
            await self.recoveries.answer(facts, challenge_id, code)
        except StanchError as error:
            if not error.matches(ErrorCode.CODE_WRONG):
                raise
            return False
        return True

    async def challenge(self, begun: Begun, code: str) -> str:
        challenge_id = new_id()
        await self.house.challenges.prepare(
            challenge_id=challenge_id,
            incident_id=begun.recovery_id,
            episode=1,
            contact_id="old-phone",
            channel="phone",
            contact_set_at=self.clock.at - timedelta(days=99),
            round_number=1,
            code=code,
            sent_at=self.clock.at,
            expires_at=self.clock.at + timedelta(hours=1),
            attempts_allowed=50,
        )
        return challenge_id

    async def counted(self) -> int:
        return int(await self.house.scalar("SELECT coalesce(sum(failures), 0) FROM identity_limit"))


@pytest.fixture
def desk(house: House) -> Desk:
    clock = Clock(now())
    recoveries = CredentialRecoveries(
        credentials=SqlCredentials(house.engine, house.sealer, house.keys.master),
        challenges=house.challenges,
        limits=SqlLimits(house.engine, RULES.limits),
        pace=SqlPace(house.engine, house.keys.master),
        rules=RULES,
        clock=clock,
    )
    return Desk(house, clock, recoveries)


@contextmanager
def statements(house: House) -> Iterator[list[str]]:
    """What the database is asked meanwhile."""
    asked: list[str] = []

    def note(_connection: Any, _cursor: Any, words: str, *_rest: Any) -> None:
        asked.append(words)

    event.listen(house.engine.sync_engine, "before_cursor_execute", note)
    try:
        yield asked
    finally:
        event.remove(house.engine.sync_engine, "before_cursor_execute", note)


async def test_neither_refusals_nor_statements_tell_whether_there_is_an_account(desk: Desk) -> None:
    """Six wrong codes in one recovery, then one in another of the same number: alike for everybody, one by one."""
    traces = []
    for number, account in ((OWNERS, "acc-1"), (NOBODYS, None)):
        first, second = await desk.begin(number, account), await desk.begin(number, account)
        sent = new_id() if account is None else await desk.challenge(first, "12345678")
        said = []
        for begun, challenge_id in [(first, sent)] * 6 + [(second, new_id())]:
            with statements(desk.house) as asked:
                assert not await desk.answer(begun, challenge_id)
            said.append(asked)
        traces.append(said)
        failures = await desk.house.rows(
            "SELECT scope, failures FROM identity_limit WHERE subject = "
            "(SELECT counted_for FROM credential_recovery WHERE id = :id) ORDER BY scope",
            id=second.recovery_id,
        )
        assert [tuple(row) for row in failures] == [("account", 5), ("factor", 5)], (
            "the number's count goes on in its next recovery, and what is refused counts nowhere"
        )
    assert traces[0] == traces[1]
    assert await desk.house.rows("SELECT 1 FROM identity_limit WHERE subject = 'acc-1'") == []


async def test_what_is_over_is_refused_uncounted(desk: Desk) -> None:
    begun = await desk.begin(OWNERS, "acc-1")
    code = await desk.challenge(begun, "12345678")
    for _ in range(RULES.credential.starts_in_a_row - 1):
        await desk.begin(OWNERS, "acc-1")
    too_often = await desk.recoveries.begin(ContactKind.PHONE, OWNERS)
    assert not await desk.answer(too_often, code, "12345678")
    assert await desk.counted() == 0
    desk.clock.at += timedelta(seconds=RULES.credential.window_seconds)
    assert not await desk.answer(begun, code, "12345678")
    assert await desk.counted() == 0


async def test_what_ended_in_secret_is_refused_whatever_the_code(desk: Desk) -> None:
    """An incident began: its owner goes on there. Whoever began this one sees nothing of it."""
    begun = await desk.begin(OWNERS, "acc-1")
    code = await desk.challenge(begun, "12345678")
    await desk.house.change(
        "UPDATE credential_recovery SET state = 'ended', ending = 'incident', ended_at = now() WHERE id = :id",
        id=begun.recovery_id,
    )
    assert not await desk.answer(begun, code, "12345678")
    assert await desk.house.scalar("SELECT attempts FROM identity_challenge") == 0
    live = await desk.begin(OWNERS, "acc-1")
    assert await desk.answer(live, await desk.challenge(live, "87654321"), "87654321")


@pytest.mark.parametrize("by", ["a new password", "an incident's reset"])
async def test_a_number_can_be_used_again_once_its_owner_was_proven(desk: Desk, by: str) -> None:
    """A hundred wrong codes switch it off; people help then, and that must not be so for ever."""
    accepted = await desk.house.frozen(desk.house.trigger("acc-1"))
    begun = await desk.begin(OWNERS, "acc-1")
    strangers = await desk.begin(NOBODYS)
    for each in (begun, strangers):
        await desk.answer(each, new_id())
    await desk.house.change(
        "UPDATE identity_limit SET failures = 100, disabled_at = now() WHERE scope = 'factor'"
    )
    if by == "a new password":
        renewed = MoveCredential(CredentialState.RENEWED, now(), ending=CredentialEnding.RENEWED)
        await desk.house.do(begun.recovery_id, 1, "end", StepKind.END_CREDENTIAL, (renewed,))
    else:
        reset = RecordReset(SecurityItem.FACTORS, "rc-1", now(), now())
        await desk.house.do(accepted.incident_id, 1, "reset/factors", StepKind.RESET_ITEM, (reset,))
    off = await desk.house.rows(
        "SELECT subject FROM identity_limit WHERE scope = 'factor' AND disabled_at IS NOT NULL"
    )
    others = await desk.house.scalar(
        "SELECT counted_for FROM credential_recovery WHERE id = :id", id=strangers.recovery_id
    )
    assert [row.subject for row in off] == [others]


async def test_erasing_a_recovery_takes_away_what_was_asked_and_nothing_else_changes_it(desk: Desk) -> None:
    begun = await desk.begin(OWNERS, "acc-1")
    with pytest.raises(DBAPIError, match="is a record"):
        await desk.house.change("UPDATE credential_recovery SET counted_for = 'another'")
    await SqlKeyTable(desk.house.engine).destroy(begun.recovery_id, now())
    row = "SELECT counted_for FROM credential_recovery WHERE id = :id"
    assert await desk.house.scalar(row, id=begun.recovery_id) is None
