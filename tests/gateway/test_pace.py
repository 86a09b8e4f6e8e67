"""Strangers may ask only so fast: per address and per claim, over every process of the gateway."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest
from starlette.requests import Request

from adapters.policies import read_identity_rules
from adapters.secrets.keys import MasterKey
from adapters.sql.engine import make_engine
from adapters.sql.pace import SqlPace
from cli.embedded.ports import free_port
from gateway.pacing import UNKNOWN, address_of
from settings import Settings
from tests.running_gateway import RunningGateway, run_gateway
from tests.running_sandbox import RunningSandbox

RULES = read_identity_rules(Settings().identity_rules).pace
KEY = "QUFBQUFBQUFBQUFBQUFBQUFBQUFBQUFBQUFBQUFBQUE="


def asked(peer: str, *forwarded: str) -> Request:
    headers = [(b"x-forwarded-for", each.encode()) for each in forwarded]
    return Request({"type": "http", "client": (peer, 1), "headers": headers})


@pytest.mark.fast
@pytest.mark.parametrize(
    ("request_", "proxies", "address"),
    [
        (asked("198.51.100.7"), (), "198.51.100.7"),
        (asked("198.51.100.7", "203.0.113.9"), (), "198.51.100.7"),
        (asked("10.0.0.1", "203.0.113.9"), ("10.0.0.1",), "203.0.113.9"),
        (asked("10.0.0.1", "1.1.1.1, 203.0.113.9"), ("10.0.0.1",), "203.0.113.9"),
        (asked("10.0.0.1", "203.0.113.9", "10.0.0.2"), ("10.0.0.1", "10.0.0.2"), "203.0.113.9"),
        (asked("2001:db8:1:2:3:4:5:6"), (), "2001:db8:1:2::/64"),
        (asked("2001:db8:1:2:9:9:9:9"), (), "2001:db8:1:2::/64"),
        (asked("::ffff:198.51.100.7"), (), "198.51.100.7"),
        (asked("10.0.0.1", "<script>"), ("10.0.0.1",), UNKNOWN),
        (asked("10.0.0.1"), ("10.0.0.1",), "10.0.0.1"),
    ],
)
def test_whose_request_it_is(request_: Request, proxies: tuple[str, ...], address: str) -> None:
    """What a stranger writes into a header is believed only where our own proxy wrote behind it."""
    assert address_of(request_, proxies) == address


async def test_so_many_at_once_then_one_at_a_time_and_knocking_on_makes_nobody_wait_longer(
    gateway: RunningGateway,
) -> None:
    engine = make_engine(gateway.database_url, pool=2)
    pace, at = SqlPace(engine, MasterKey(KEY)), datetime.now(UTC)

    async def take(seconds: float = 0, subject: str = "x") -> float | None:
        moment = at + timedelta(seconds=seconds)
        return await pace.take("test", subject, every_seconds=10, at_once=3, at=moment)

    try:
        assert [await take() for _ in range(3)] == [None, None, None]
        assert [await take(), await take(1), await take(9)] == [10, 9, 1]
        assert await take(10) is None
        assert await take(11) == 9
        assert await take(11, "y") is None, "each its own count"
        assert [await take(100) for _ in range(4)] == [None, None, None, 10]
        assert await pace.forget(at + timedelta(seconds=125)) >= 1
        assert await take(100) == 10, "what still runs ahead is kept"
        rows = gateway.rows("SELECT subject FROM request_pace WHERE scope = 'test'")
        assert {len(row.subject) for row in rows} == {64}, "a keyed digest and nothing else"
    finally:
        await engine.dispose()


def test_one_address_and_one_claim_are_slowed_down_over_all_gateways(
    gateway: RunningGateway, sandbox: RunningSandbox, tmp_path_factory: pytest.TempPathFactory
) -> None:
    account = sandbox.account()
    incident = gateway.alarm(account).json()["incident_id"]
    gateway.rows("UPDATE incident SET compromised_since = now() WHERE id = :id", id=incident)
    claim = gateway.ask("POST", f"/v1/incidents/{incident}/identity/claims").json()
    bearer = {"authorization": f"Bearer {claim['token']}"}
    log = tmp_path_factory.mktemp("second") / "gateway.log"
    proxied = {"STANCH_TRUSTED_PROXIES": '["127.0.0.1"]'}
    with run_gateway(
        gateway.database_url, sandbox, free_port(), log, former=gateway, environ=proxied
    ) as second:

        def look(number: int) -> int:
            # From ever new addresses, as the second gateway's proxy tells them; the first has no proxy.
            which = second if number % 2 else gateway
            headers = bearer | {"x-forwarded-for": f"203.0.113.{number}"}
            return which.ask("GET", "/v1/identity/claim", as_=None, headers=headers).status_code

        statuses = [look(number) for number in range(RULES.claim_at_once + 10)]
        assert statuses[: RULES.claim_at_once] == [200] * RULES.claim_at_once
        assert 429 in statuses
        # A second without a request gives one back: here none comes back for a while.
        gateway.rows("UPDATE request_pace SET next_at = now() + interval '10 minutes' WHERE scope = 'claim'")
        slowed = second.ask("GET", "/v1/identity/claim", as_=None, headers=bearer)
        assert slowed.status_code == 429
        assert int(slowed.headers["retry-after"]) >= 1
        assert slowed.json()["code"] == "too_many_attempts"
        assert "wait" in slowed.json()["detail"]

        home = {"x-forwarded-for": "2001:db8::1"}
        body = {"challenge_id": "0" * 26, "code": "000000"}
        answered = second.ask("POST", "/v1/identity/answers", body, as_=None, headers=home)
        assert answered.status_code == 422
        # As if this address had asked all it may at once, and more than that.
        gateway.rows(
            "UPDATE request_pace SET next_at = now() + interval '10 minutes' WHERE subject = (SELECT subject FROM "
            "request_pace WHERE scope = 'address' ORDER BY xmin::text::bigint DESC LIMIT 1)"
        )
        for method, path in (
            ("POST", "/v1/identity/answers"),
            ("GET", "/v1/identity/claim"),
            ("POST", "/v1/identity/claim/codes"),
            ("POST", "/v1/identity/claim/passkey/challenge"),
            ("POST", "/v1/identity/claim/passkey"),
            ("POST", "/v1/identity/claim/document"),
            ("GET", "/v1/identity/claim/link-code"),
            ("POST", "/v1/identity/claim/messages"),
            ("POST", "/v1/identity/claim/trusted-contacts"),
            ("POST", "/v1/identity/documents/callback"),
            ("POST", "/v1/credential-recoveries"),
            ("GET", "/v1/credential-recovery"),
            ("POST", "/v1/credential-recovery/codes"),
            ("POST", "/v1/credential-recovery/help"),
            ("GET", "/v1/credential-recovery/check-up"),
            ("POST", "/v1/credential-recovery/alarm"),
        ):
            refused = second.ask(method, path, {}, as_=None, headers=home)
            assert (refused.status_code, "retry-after" in refused.headers) == (429, True), path
        neighbour = {"x-forwarded-for": "2001:db8:0:1::1"}
        assert second.ask("GET", "/v1/identity/claim", as_=None, headers=neighbour).status_code == 401
