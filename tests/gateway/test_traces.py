"""Traces through the gateway: totals and the picture, for whoever may look."""

from __future__ import annotations

from xml.etree import ElementTree as ET

import pytest
from pydantic import SecretStr

from adapters.wiring import Wiring
from models.ids import new_id
from settings import Settings
from tests.running_gateway import RunningGateway, run
from tests.running_sandbox import RunningSandbox
from tests.tracing.conftest import PLENTY


@pytest.fixture(scope="module")
def traced(gateway: RunningGateway, shared_sandbox: RunningSandbox) -> tuple[str, str]:
    """An incident and its trace, as the worker would leave them: (incident, trace)."""
    stolen = shared_sandbox.steal(shared_sandbox.rich_account())
    stolen.mules[0].pay(stolen.mules[1].account_id, 5_000)
    incident: str = gateway.alarm(stolen.account_id).json()["incident_id"]

    async def trace() -> str:
        settings = Settings(
            database_url=SecretStr(gateway.database_url),
            master_key=SecretStr(gateway.master_key),
            wallet_url=shared_sandbox.url,
            wallet_key=SecretStr(shared_sandbox.wallet_key),
        )
        wiring = Wiring(settings)
        try:
            upto = await wiring.index.catch_up(budget=PLENTY)
            summary = await wiring.traces.run(
                incident_id=incident, episode=1, currency="CNY", thefts=[stolen.transfers[0]], upto=upto
            )
            return summary.trace_id
        finally:
            await wiring.close()

    return incident, run(trace())


def test_an_incidents_traces_are_listed_with_totals_and_position(
    gateway: RunningGateway, traced: tuple[str, str]
) -> None:
    incident, trace_id = traced
    (found,) = gateway.ask("GET", f"/v1/incidents/{incident}/traces", as_="auditor").json()["traces"]
    assert (found["trace_id"], found["rule"], found["upto_seq"], found["edges"]) == (
        trace_id,
        "fifo",
        found["upto_seq"],
        2,
    )
    assert found["flow"] == {
        "stolen": 20_000,
        "held": 20_000,
        "exited": 0,
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
    assert "Stolen 200.00 = held 200.00" in "".join(ET.fromstring(answer.content).itertext())
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
