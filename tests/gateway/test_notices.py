"""What people do with notices, by HTTP and in a terminal: look, tell again, call whom nothing reached."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator, Callable
from dataclasses import dataclass
from datetime import datetime, timedelta

import pytest
from pydantic import SecretStr
from sqlalchemy import text

from adapters.notices.deliverer import Deliverer
from adapters.sql.data_keys import SqlKeyTable
from adapters.wiring import Wiring
from cli.application import main
from cli.gateway_client import CREDENTIAL, GATEWAY_URL
from tests.notices.house import LOOKS, settings
from tests.running_gateway import DETECTOR, RunningGateway, alarm_body
from tests.running_sandbox import RunningSandbox
from tests.sql.house import now

NOWHERE = "01ARZ3NDEKTSV4RRFFQ69G5FAV"
Run = Callable[..., str]


@dataclass
class Desk:
    """A gateway, and a deliverer beside it."""

    gateway: RunningGateway
    wiring: Wiring

    def alarm(self, sandbox: RunningSandbox, **more: str) -> tuple[str, str]:
        """A frozen account; its incident, and the notice about it."""
        answer = self.gateway.ask(
            "POST", "/v1/alarms", alarm_body(sandbox.account(), **more), as_=DETECTOR
        ).json()
        incident_id = str(answer["incident_id"])
        (notice,) = self.gateway.ask("GET", f"/v1/incidents/{incident_id}/notices").json()["notices"]
        return incident_id, str(notice["notice_id"])

    async def deliver(self, notice_id: str) -> str:
        """Let the deliverer work until this notice is settled; how."""
        deliverer = Deliverer(store=self.wiring.notices, deliver=self.wiring.deliver_notice, at_once=20)
        for _ in range(LOOKS):
            await deliverer.once()
            found = await self.wiring.notices.notice(notice_id)
            assert found is not None
            if found.settled_at is not None:
                return found.state.value
        raise AssertionError("still waiting")

    async def change(self, query: str, which: str, at: str) -> None:
        """What the workflow would have done meanwhile."""
        async with self.wiring.engine.begin() as connection:
            await connection.execute(text(query), {"id": which, "at": datetime.fromisoformat(at)})


@pytest.fixture
async def desk(gateway: RunningGateway, sandbox: RunningSandbox) -> AsyncIterator[Desk]:
    known = settings(sandbox, gateway.database_url)
    wiring = Wiring(known.model_copy(update={"master_key": SecretStr(gateway.master_key)}))
    yield Desk(gateway, wiring)
    await wiring.close()


@pytest.fixture
def run(gateway: RunningGateway, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Run:
    """`stanch ...` as this operator; what it printed."""

    def run_it(*words: str, code: int = 0, as_: str = "agent") -> str:
        monkeypatch.setenv(GATEWAY_URL, gateway.url)
        monkeypatch.setenv(CREDENTIAL, gateway.credentials[as_])
        assert main([*words]) == code, capsys.readouterr().err
        said = capsys.readouterr()
        return said.out + said.err

    return run_it


async def test_notices_are_listed_shown_and_told_again(desk: Desk, sandbox: RunningSandbox, run: Run) -> None:
    incident_id, notice_id = desk.alarm(sandbox)
    run("notice", "resend", notice_id, code=3)
    assert await desk.deliver(notice_id) == "sent"
    assert notice_id in run("notice", "list", incident_id)
    assert notice_id in run("notice", "list", "--state", "sent", "--limit", "500")
    assert notice_id not in run("notice", "list", "--unreached", "--limit", "500")
    shown = json.loads(run("notice", "show", notice_id, "--json"))
    assert (shown["template"], shown["state"]) == ("account_frozen", "sent")
    before = len(shown["deliveries"])
    assert before
    run("notice", "reached", notice_id, "--by", "call", "--note", "spoke with her", code=3)
    assert "waiting" in run("notice", "resend", notice_id)
    assert await desk.deliver(notice_id) == "sent"
    assert len(json.loads(run("notice", "show", notice_id, "--json"))["deliveries"]) == 2 * before
    for verb in ("show", "resend"):
        run("notice", verb, NOWHERE, code=2)
        run("notice", verb, "no-id", code=2)
    run("notice", "list", NOWHERE, code=2)
    run("notice", "resend", notice_id, as_="auditor", code=3)
    assert desk.gateway.ask("POST", f"/v1/notices/{notice_id}/resend", as_=DETECTOR).status_code == 403


async def test_what_is_erased_is_told_to_nobody(desk: Desk, sandbox: RunningSandbox, run: Run) -> None:
    _, notice_id = desk.alarm(sandbox)
    await SqlKeyTable(desk.wiring.engine).destroy(
        desk.gateway.ask("GET", f"/v1/notices/{notice_id}").json()["incident_id"], now()
    )
    assert await desk.deliver(notice_id) == "erased"
    run("notice", "resend", notice_id, code=3)
    assert "erased" in run("notice", "show", notice_id)


async def test_whom_nothing_reached_is_red_until_one_of_us_has_told_them(
    desk: Desk, sandbox: RunningSandbox, run: Run
) -> None:
    """Every contact is younger than this compromise time: there is nobody to write to."""
    long_ago = (now() - timedelta(days=8_000)).isoformat()
    incident_id, notice_id = desk.alarm(sandbox, compromised_since=long_ago)
    await desk.change("UPDATE incident SET compromised_since = :at WHERE id = :id", incident_id, long_ago)
    await desk.change("UPDATE alarm SET acknowledged_at = :at WHERE incident_id = :id", incident_id, long_ago)
    assert await desk.deliver(notice_id) == "no_contact"
    assert notice_id in run("notice", "list", "--unreached", "--limit", "500")
    (line,) = [each for each in run("incident", "list", "--limit", "200").splitlines() if incident_id in each]
    assert "somebody must call" in line
    assert "Call this person: account_frozen" in run("incident", "show", incident_id)
    assert "no_contact" in run("notice", "show", notice_id, as_="auditor")
    person = run("notice", "show", notice_id)
    assert "No contact of before the theft is left" in person
    alerts = json.loads(run("alert", "list", incident_id, "--json"))["alerts"]
    assert [(each["kind"], each["detail"]) for each in alerts] == [("notice_unreached", "account_frozen")]
    assert "reached nobody" in run("alert", "list", incident_id)

    said = ("notice", "reached", notice_id, "--by", "letter", "--note", "a letter to the registered address")
    run(*said, as_="auditor", code=3)
    for _ in range(2):
        assert "reached" in run(*said)
    assert "somebody must call" not in next(
        each for each in run("incident", "list", "--limit", "200").splitlines() if incident_id in each
    )
    assert json.loads(run("incident", "show", incident_id, "--json"))["unreached"] == []
    (step,) = [each for each in desk.gateway.steps(incident_id) if each["kind"] == "person_reached"]
    assert (step["actor"], step["reason"], step["result"]["how"]) == ("agent", "letter", "letter")
    (row,) = desk.gateway.rows("SELECT input FROM step WHERE id = :id", id=step["step_id"])
    assert b"registered address" not in bytes(row.input)
    run("notice", "resend", notice_id)
    assert await desk.deliver(notice_id) == "no_contact", "asked again, it is open again"


async def test_the_contacts_to_call_are_of_before_and_masked(
    desk: Desk, sandbox: RunningSandbox, run: Run
) -> None:
    theft = sandbox.steal(sandbox.rich_account(), (20_000,), mules=1)
    answer = desk.gateway.ask(
        "POST",
        "/v1/alarms",
        alarm_body(theft.account_id, compromised_since=theft.compromised_since.isoformat()),
        as_=DETECTOR,
    ).json()
    ((notice_id,),) = desk.gateway.rows(
        "SELECT id FROM notice_outbox WHERE incident_id = :id", id=answer["incident_id"]
    )
    await desk.change(
        "UPDATE notice_outbox SET state = 'given_up', settled_at = :at, last_error = 'lost' WHERE id = :id",
        notice_id,
        now().isoformat(),
    )
    person = json.loads(run("notice", "show", notice_id, "--json"))["person"]
    old = sandbox.control("GET", f"/people/{theft.account_id}")["contacts"]
    assert sorted(each["masked"] for each in person["contacts"]) == sorted(
        [f"***{old['phone'][-2:]}", f"{old['email'][0]}***@{old['email'].partition('@')[2]}"]
    )
    assert "Call this person" in run("notice", "show", notice_id)
