"""Staff hear of what a person must see: raised in its commit, at least once at each target, never with a person in it."""

from __future__ import annotations

import asyncio
import json
import os
import re
import signal
import subprocess
import sys
from collections.abc import AsyncIterator
from dataclasses import dataclass, replace
from datetime import timedelta

import pytest
from pydantic import SecretStr

from activities.changes import OpenDecisionTask, QueueNotice
from activities.steps import Effect, Running
from adapters.sql.expectations import SqlExpectations
from adapters.staff.alerter import Alerter
from adapters.staff.apprise_targets import AppriseTargets, Target
from adapters.wiring import Wiring
from cli.doctor.database import examine_database
from models.contracts.alarms import Sender
from models.contracts.staff import DueAlert, StaffAlertView
from models.contracts.steps import Origin, StepInput, StepResult
from models.errors import ErrorCode, StanchError
from models.ids import new_id
from models.names import (
    DecisionKind,
    NoticeTemplate,
    Role,
    Severity,
    StaffAlertKind,
    StaffAlertState,
    StepKind,
)
from settings import StaffTarget
from tests.conftest import ROOT
from tests.notices.house import LOOK_SECONDS, LOOKS, MASTER_KEY, House, settings
from tests.notices.receiver import Receiver, receiver
from tests.running_sandbox import RunningSandbox
from tests.sql.house import now
from use_cases.answer_recall import AnswerRecall
from use_cases.staff_words import CHINESE, SENTENCES, SEVERITIES, words
from use_cases.sweep import DiscrepancyKind, Finding

BANK = Sender(operator_id="", name="a-bank", role=Role.INSTITUTION)


@dataclass
class Staff:
    """A house whose staff sit in one chat, with what delivers their alerts."""

    house: House
    chat: Receiver
    alerter: Alerter

    async def alerts(self, kind: StaffAlertKind) -> list[StaffAlertView]:
        every = await self.house.wiring.staff_alerts.alerts(state=None, incident_id=None, limit=100)
        return [each for each in every if each.kind is kind]

    async def until_settled(self) -> list[StaffAlertView]:
        """Let the alerter look until nothing waits."""
        store = self.house.wiring.staff_alerts
        for _ in range(LOOKS):
            await self.alerter.once()
            if not await store.alerts(state=StaffAlertState.WAITING, incident_id=None, limit=1):
                return await store.alerts(state=None, incident_id=None, limit=100)
            await asyncio.sleep(LOOK_SECONDS)
        raise AssertionError("an alert still waits")

    async def ask(self, incident_id: str, kind: DecisionKind, expires: timedelta) -> str:
        """Put a question in a step, as the engine does."""
        task_id = new_id()
        step = StepInput(incident_id=incident_id, episode=1, step_key=f"test/{task_id}")

        async def effect(running: Running) -> Effect[StepResult]:
            task = OpenDecisionTask(
                task_id=task_id,
                task_key=step.step_key,
                kind=kind,
                action={"part": "test"},
                choices=("try_again",),
                four_eyes=False,
                approver_role="supervisor",
                at=running.started_at,
                expires_at=running.started_at + expires,
            )
            return Effect(StepResult(step_key=step.step_key), changes=(task,))

        await self.house.wiring.steps.run(step, StepKind.ASK_DECISION, StepResult, effect, origin=Origin())
        return task_id


@pytest.fixture
async def staff(notice_wallet: RunningSandbox, database_url: str) -> AsyncIterator[Staff]:
    with receiver() as chat:
        target = StaffTarget(name="chat", url=SecretStr(chat.url), least=Severity.WARNING)
        wiring = Wiring(
            settings(notice_wallet, database_url, staff_alerts=(target,), staff_language="en+zh-Hans")
        )
        try:
            quick = replace(wiring.alert_staff, retry=timedelta(milliseconds=20))
            yield Staff(
                House(wiring, notice_wallet),
                chat,
                Alerter(store=wiring.staff_alerts, alert=quick, watch_seconds=0),
            )
        finally:
            await wiring.close()
            notice_wallet.clear_faults()


async def test_each_thing_that_a_person_must_see_is_told_once(staff: Staff) -> None:
    house = staff.house
    theft = house.steal()
    incident_id = await house.freeze(theft)
    await staff.ask(incident_id, DecisionKind.RETURN_ACCOUNT, timedelta(hours=1))
    await staff.ask(incident_id, DecisionKind.UNPROVEN_OWNER, timedelta(hours=1))
    await staff.ask(incident_id, DecisionKind.STUCK, timedelta(hours=1))
    late = await staff.ask(incident_id, DecisionKind.STUCK, timedelta(0))
    await house.promise(incident_id, QueueNotice(NoticeTemplate.STAGE_ENTERED, fields={"number": "1"}))
    await house.until_settled(incident_id)
    expectations = SqlExpectations(house.wiring.engine)
    missing = Finding(
        kind=DiscrepancyKind.RESTRICTION_MISSING,
        subject=f"{incident_id}/1/full",
        account_id=theft.account_id,
    )
    for _ in range(2):
        await expectations.raise_findings([missing], now())
    answers: AnswerRecall = house.wiring.answer_recall
    await answers.run(b"<nonsense", sender=BANK)
    await staff.until_settled()
    await staff.until_settled()
    told = {kind: staff.chat.of(kind) for kind in StaffAlertKind}
    assert {kind: len(texts) for kind, texts in told.items() if texts} == {
        StaffAlertKind.OWNER_UNPROVEN: 1,
        StaffAlertKind.STUCK: 2,
        StaffAlertKind.DECISION_OVERDUE: 1,
        StaffAlertKind.NOTICE_UNREACHED: 1,
        StaffAlertKind.DIFFERENCE: 1,
        StaffAlertKind.ANSWER_QUARANTINED: 1,
    }
    assert late in told[StaffAlertKind.DECISION_OVERDUE][0]
    assert CHINESE[StaffAlertKind.DECISION_OVERDUE] in told[StaffAlertKind.DECISION_OVERDUE][0]
    (overdue,) = await staff.alerts(StaffAlertKind.DECISION_OVERDUE)
    both = SENTENCES[StaffAlertKind.DECISION_OVERDUE], CHINESE[StaffAlertKind.DECISION_OVERDUE]
    assert overdue.sentence == " ".join(both), "people who look see what staff were told"
    (asked,) = await staff.alerts(StaffAlertKind.DECISION_ASKED)
    assert asked.state is StaffAlertState.NOBODY, "a mere question is below what this chat wants"
    everything = str(staff.chat.taken)
    assert incident_id in everything
    assert theft.account_id not in everything
    assert not any(value in everything for value in [*house.old(theft), *house.new(theft)])


async def test_a_freeze_that_is_late_and_one_that_is_refused_are_red(staff: Staff) -> None:
    house, late = staff.house, replace(staff.alerter.alert, freeze_late=timedelta(0))
    staff.alerter.alert = late
    house.sandbox.fault("POST .*/restrictions", "error", count=1)
    pending = await house.freeze(house.steal())
    house.sandbox.clear_faults()
    with pytest.raises(StanchError):
        await house.freeze(replace(house.steal(), account_id="nobody-here"))
    await staff.until_settled()
    (told,) = staff.chat.of(StaffAlertKind.FREEZE_PENDING)
    assert f"Incident: {pending}" in told
    (told,) = staff.chat.of(StaffAlertKind.NOT_FROZEN)
    ((refused,),) = await house.rows("SELECT id FROM incident WHERE account_id = 'nobody-here'")
    assert f"Incident: {refused}" in told
    assert {each["type"] for each in staff.chat.taken} == {"failure"}


async def test_a_step_that_is_tried_again_and_again_without_an_end_is_red(staff: Staff) -> None:
    """Nothing has failed for good, so nobody is asked; and yet nothing moves."""
    house, theft = staff.house, staff.house.steal()
    incident_id = await house.freeze(theft)
    house.sandbox.fault(f"GET /v1/accounts/{theft.account_id}", "error", count=100)
    step = StepInput(incident_id=incident_id, episode=1, step_key="read-back/1")

    async def effect(running: Running) -> Effect[StepResult]:
        del running
        await house.wiring.wallet.account(theft.account_id)
        return Effect(StepResult(step_key=step.step_key))

    async def run() -> None:
        await house.wiring.steps.run(step, StepKind.READ_BACK, StepResult, effect, origin=Origin())

    for attempt in range(10):
        await staff.until_settled()
        assert staff.chat.of(StaffAlertKind.STEP_FAILING) == [], attempt
        with pytest.raises(StanchError):
            await run()
    await staff.until_settled()
    (told,) = staff.chat.of(StaffAlertKind.STEP_FAILING)
    assert f"What: step_failing read_back {incident_id}/1/read-back/1" in told
    house.sandbox.clear_faults()
    await run()
    await staff.until_settled()
    assert len(staff.chat.of(StaffAlertKind.STEP_FAILING)) == 1


async def test_a_chat_that_is_away_is_tried_again_and_the_other_hears_it_once(staff: Staff) -> None:
    incident_id = await staff.house.freeze(staff.house.steal())
    with receiver() as pager:
        targets = AppriseTargets(
            [
                Target("chat", staff.chat.url, frozenset(), Severity.INFO),
                Target("pager", pager.url, frozenset({StaffAlertKind.STUCK}), Severity.CRITICAL),
            ]
        )
        staff.alerter.alert = replace(staff.alerter.alert, targets=targets)
        staff.chat.status = 503
        await staff.ask(incident_id, DecisionKind.STUCK, timedelta(hours=1))
        await staff.alerter.once()
        (waiting,) = await staff.alerts(StaffAlertKind.STUCK)
        assert (waiting.state, waiting.reached, waiting.last_error) == (
            StaffAlertState.WAITING,
            ("pager",),
            "not_taken",
        )
        staff.chat.status = 200
        await staff.until_settled()
        (sent,) = await staff.alerts(StaffAlertKind.STUCK)
        assert (sent.state, sorted(sent.reached)) == (StaffAlertState.SENT, ["chat", "pager"])
        assert (len(pager.taken), len(staff.chat.taken)) == (1, 1)
        assert staff.chat.asked > 1


async def test_a_chat_that_never_comes_back_is_given_up_where_people_see_it(
    staff: Staff, database_url: str
) -> None:
    incident_id = await staff.house.freeze(staff.house.steal())
    staff.chat.status = 404
    staff.alerter.alert = replace(staff.alerter.alert, patience=timedelta(0))
    await staff.ask(incident_id, DecisionKind.STUCK, timedelta(hours=1))
    (given_up,) = await staff.until_settled()
    assert (given_up.state, given_up.last_error) == (StaffAlertState.GIVEN_UP, "not_taken")
    (found,) = [each for each in await examine_database(database_url) if each.name == "staff alerts"]
    assert found.seen == "1 reached no target"


async def test_a_worker_that_dies_while_it_tells_loses_no_alert(staff: Staff, database_url: str) -> None:
    house = staff.house
    incident_id = await house.freeze(house.steal())
    await staff.ask(incident_id, DecisionKind.STUCK, timedelta(hours=1))
    environ = {
        "STANCH_DATABASE_URL": database_url,
        "STANCH_WALLET_URL": house.sandbox.url,
        "STANCH_MASTER_KEY": MASTER_KEY,
        "STANCH_POLICY": "demo",
        "STANCH_STAFF_ALERTS": json.dumps([{"name": "chat", "url": staff.chat.url}]),
        "STANCH_STAFF_LANGUAGE": "en+zh-Hans",
    }
    process = await asyncio.create_subprocess_exec(
        sys.executable,
        "-m",
        "tests.notices.killed_alerter",
        cwd=ROOT,
        env={**os.environ, "PYTHONPATH": str(ROOT), **environ},
        stdin=subprocess.DEVNULL,
    )
    async with asyncio.timeout(30):
        assert await process.wait() == -signal.SIGKILL
    (waiting,) = await staff.alerts(StaffAlertKind.STUCK)
    assert (waiting.state, waiting.reached) == (StaffAlertState.WAITING, ()), "nobody knows that it was told"
    await staff.until_settled()
    told = staff.chat.of(StaffAlertKind.STUCK)
    assert len(told) == 2
    assert len(set(told)) == 1, "the second says the same, its id included"


@pytest.mark.fast
def test_every_kind_has_its_sentence_and_its_severity() -> None:
    assert set(SENTENCES) == set(CHINESE) == set(SEVERITIES) == set(StaffAlertKind)
    for kind in StaffAlertKind:
        alert = DueAlert(
            alert_id=new_id(),
            kind=kind,
            severity=SEVERITIES[kind],
            subject="subject/1",
            incident_id=new_id(),
            detail="code",
            raised_at=now(),
            attempts=1,
            reached=(),
        )
        for language, first in (
            ("en", [SENTENCES[kind]]),
            ("zh-Hans", [CHINESE[kind]]),
            ("en+zh-Hans", [SENTENCES[kind], CHINESE[kind]]),
        ):
            said = words(alert, language)
            assert said.body.splitlines()[: len(first)] == first
            assert said.body.splitlines()[len(first)].startswith("What: ")
            assert alert.alert_id in said.body
            assert "{" not in said.body
        assert re.search(r"[一-鿿]", CHINESE[kind])
        assert CHINESE[kind].endswith("。")


@pytest.mark.fast
def test_an_address_that_nobody_knows_is_refused_at_the_start_and_not_repeated() -> None:
    bad = Target("chat", "nonsense://secret", frozenset(), Severity.INFO)
    with pytest.raises(StanchError) as refused:
        AppriseTargets([bad])
    assert refused.value.matches(ErrorCode.INVALID)
    assert "secret" not in refused.value.message
    assert "secret" not in repr(bad)
    good = Target("chat", "json://127.0.0.1:1", frozenset(), Severity.INFO)
    with pytest.raises(StanchError):
        AppriseTargets([good, good])
