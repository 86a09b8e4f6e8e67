"""Traces through the gateway: totals and the picture, for whoever may look."""

from __future__ import annotations

from xml.etree import ElementTree as ET

import pytest

from adapters.sql.engine import make_engine
from adapters.transfers.index import SqlTransferIndex
from adapters.transfers.traces import SqlTraces
from models.ids import new_id
from tests.running_gateway import RunningGateway, run
from tests.running_sandbox import RunningSandbox
from tests.tracing.conftest import PLENTY, Feed
from tests.tracing.ledgers import covered, opening, transfer

LEDGER = covered(
    [transfer(1, "A", "B", 100), transfer(2, "B", "X", 30), transfer(3, "B", "C", 20)], [opening("A", 100)]
)


@pytest.fixture(scope="module")
def traced(gateway: RunningGateway, shared_sandbox: RunningSandbox) -> tuple[str, str]:
    """An incident and its trace, as the worker would leave them: (incident, trace)."""
    incident: str = gateway.alarm(shared_sandbox.account()).json()["incident_id"]

    async def trace() -> str:
        engine = make_engine(gateway.database_url, pool=1)
        try:
            upto = await SqlTransferIndex(engine, Feed(LEDGER.transfers, LEDGER.openings)).catch_up(
                budget=PLENTY
            )
            summary = await SqlTraces(engine).run(
                incident_id=incident, episode=1, currency="EUR", thefts=["t1"], upto=upto
            )
            return summary.trace_id
        finally:
            await engine.dispose()

    return incident, run(trace())


def test_an_incidents_traces_are_listed_with_totals_and_position(
    gateway: RunningGateway, traced: tuple[str, str]
) -> None:
    incident, trace_id = traced
    (found,) = gateway.ask("GET", f"/v1/incidents/{incident}/traces", as_="auditor").json()["traces"]
    assert (found["trace_id"], found["rule"], found["upto_seq"], found["edges"]) == (trace_id, "fifo", 3, 3)
    assert found["flow"] == {
        "stolen": 100,
        "held": 70,
        "exited": 30,
        "pooled": 0,
        "returned": 0,
        "pruned": 0,
    }
    assert found["ranges"] == {}
    assert gateway.ask("GET", f"/v1/incidents/{new_id()}/traces").status_code == 404
    assert gateway.ask("GET", "/v1/incidents/nonsense/traces").status_code == 404


@pytest.mark.parametrize("who", ["agent", "supervisor", "auditor"])
def test_whoever_may_look_gets_the_picture_and_it_may_do_nothing(
    gateway: RunningGateway, traced: tuple[str, str], who: str
) -> None:
    answer = gateway.ask("GET", f"/v1/traces/{traced[1]}/flow.svg", as_=who)
    assert (answer.status_code, answer.headers["content-type"]) == (200, "image/svg+xml")
    assert answer.headers["content-security-policy"] == "default-src 'none'; frame-ancestors 'none'; sandbox"
    assert answer.headers["x-content-type-options"] == "nosniff"
    assert "Stolen 1.00 = held 0.70" in "".join(ET.fromstring(answer.content).itertext())
    assert gateway.ask("GET", f"/v1/traces/{traced[1]}/flow.svg", as_=who).content == answer.content
    chinese = gateway.ask("GET", f"/v1/traces/{traced[1]}/flow.svg", as_=who, params={"language": "zh"})
    assert "被盗资金流向" in chinese.text


def test_nobody_else_does(gateway: RunningGateway, traced: tuple[str, str]) -> None:
    path = f"/v1/traces/{traced[1]}/flow.svg"
    assert gateway.ask("GET", path, as_="detector").status_code == 403
    assert gateway.ask("GET", path, as_=None).status_code == 401
    assert gateway.ask("GET", path, params={"language": "tlh"}).status_code == 422
    for unknown in ("f" * 32, "..%2f..", "F" * 32, "'"):
        assert gateway.ask("GET", f"/v1/traces/{unknown}/flow.svg").status_code == 404
    assert gateway.ask("POST", path).status_code == 405
