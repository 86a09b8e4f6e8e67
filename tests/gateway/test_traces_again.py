"""What people ask of a trace is a step in their name: followed further, compared, and only by who may act."""

from __future__ import annotations

import json
from typing import Any

import pytest

from adapters.wiring import Wiring
from cli.application import main
from models.contracts.transfers import FeedPosition, TraceSummary
from settings import Settings
from tests.running_gateway import RunningGateway, run
from tests.running_sandbox import RunningSandbox, Theft
from tests.tracing.conftest import PLENTY


@pytest.fixture
def told(
    gateway: RunningGateway, sandbox: RunningSandbox, monkeypatch: pytest.MonkeyPatch
) -> tuple[Theft, TraceSummary]:
    """A theft, one payment on after it, and an incident's trace that ends with the theft."""
    monkeypatch.setenv("STANCH_DATABASE_URL", gateway.database_url)
    monkeypatch.setenv("STANCH_MASTER_KEY", gateway.master_key)
    monkeypatch.setenv("STANCH_WALLET_URL", sandbox.url)
    monkeypatch.setenv("STANCH_WALLET_KEY", sandbox.wallet_key)
    monkeypatch.setenv("STANCH_GATEWAY_URL", gateway.url)
    monkeypatch.setenv("STANCH_CREDENTIAL", gateway.credentials["agent"])
    stolen = sandbox.steal(sandbox.rich_account())
    stolen.mules[0].pay(stolen.mules[1].account_id, 5_000)
    incident: str = gateway.alarm(stolen.account_id).json()["incident_id"]

    async def trace() -> TraceSummary:
        wiring = Wiring(Settings())
        try:
            await wiring.index.catch_up(budget=PLENTY)
            (theft,) = await wiring.index.transfers([stolen.transfers[0]])
            upto = FeedPosition(upto_seq=theft.seq, upto_at=theft.posted_at, behind_ms=0)
            return await wiring.traces.run(
                incident_id=incident,
                episode=1,
                currency=theft.currency,
                thefts=[theft.transfer_id],
                upto=upto,
            )
        finally:
            await wiring.close()

    return stolen, run(trace())


def typed(capsys: pytest.CaptureFixture[str], *arguments: str) -> tuple[int, Any]:
    code = main(["trace", *arguments, "--json"])
    return code, json.loads(capsys.readouterr().out)


def steps_of_people(gateway: RunningGateway, incident_id: str) -> list[tuple[str, str, str, str]]:
    steps = gateway.ask("GET", f"/v1/incidents/{incident_id}/steps").json()["steps"]
    return [
        (step["kind"], step["status"], step["actor"], step["role"])
        for step in steps
        if "/people/" in step["step_key"]
    ]


def test_a_trace_is_extended_and_compared_in_the_name_of_who_asks(
    gateway: RunningGateway, told: tuple[Theft, TraceSummary], capsys: pytest.CaptureFixture[str]
) -> None:
    stolen, first = told
    assert typed(capsys, "extend", first.trace_id)[0] == 2  # no reason
    code, extended = typed(capsys, "extend", first.trace_id, "--reason", "the mule paid on")
    assert code == 0
    assert extended["trace_id"] != first.trace_id
    assert extended["upto_seq"] > first.upto_seq
    assert [edge["src"] for edge in extended["edges"]] == [stolen.account_id, stolen.mules[0].account_id]
    again = typed(capsys, "extend", first.incident_id, "--reason", "once more")[1]
    assert (again["trace_id"], again["digest"]) == (extended["trace_id"], extended["digest"])
    (compared,) = typed(capsys, "compare", first.incident_id)[1]["traces"]
    assert len(compared["missing"]) == 5
    (compared,) = typed(capsys, "compare", first.incident_id, "--reason", "for the police")[1]["traces"]
    assert (compared["missing"], len(compared["ranges"])) == ([], 5)
    shown = gateway.ask("GET", f"/v1/incidents/{first.incident_id}/traces").json()["traces"]
    assert [len(trace["ranges"]) for trace in shown] == [0, 5]
    assert steps_of_people(gateway, first.incident_id) == [
        ("trace", "done", "agent", "agent"),
        ("trace", "done", "agent", "agent"),
        ("compare_rules", "done", "agent", "agent"),
    ]
    # Why is sealed: the plain columns do not have it.
    for row in gateway.rows("SELECT * FROM step WHERE incident_id = :id", id=first.incident_id):
        assert "police" not in str(row._mapping)


def test_who_only_looks_or_names_no_trace_changes_nothing(
    gateway: RunningGateway, told: tuple[Theft, TraceSummary]
) -> None:
    _, first = told
    for what in ("extensions", "comparisons"):
        path = f"/v1/traces/{first.trace_id}/{what}"
        assert gateway.ask("POST", path, as_="auditor", body={"reason": "curious"}).status_code == 403
        assert gateway.ask("POST", path, as_="detector", body={"reason": "curious"}).status_code == 403
        assert gateway.ask("POST", path, body={"reason": " "}).status_code == 422
        assert gateway.ask("POST", path, body={}).status_code == 422
        for unknown in ("f" * 32, "F" * 32):
            answer = gateway.ask("POST", f"/v1/traces/{unknown}/{what}", body={"reason": "why not"})
            assert (answer.status_code, answer.json()["code"]) == (404, "not_found")
    assert steps_of_people(gateway, first.incident_id) == []
