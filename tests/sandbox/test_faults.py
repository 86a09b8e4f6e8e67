"""Bad days really happen on the wire, and only as often as asked."""

from __future__ import annotations

import time

import httpx2
import pytest

from tests.running_sandbox import RunningSandbox


def test_an_error_comes_before_the_effect(sandbox: RunningSandbox) -> None:
    account_id = sandbox.account()
    sandbox.fault(r"POST .*/restrictions$", "error", count=2, status=502)
    for _ in range(2):
        answer = sandbox.restrict(account_id, "error/1/full")
        assert (answer.status_code, answer.headers["content-type"]) == (502, "application/problem+json")
    assert sandbox.state(account_id)["restrictions"] == []
    assert sandbox.restrict(account_id, "error/1/full").status_code == 200
    assert [one["hits"] for one in sandbox.clear_faults()] == [2]


def test_a_lost_answer_closes_the_connection_after_the_effect(sandbox: RunningSandbox) -> None:
    account_id = sandbox.account()
    sandbox.fault(r"POST .*/restrictions$", "lost_answer")
    with pytest.raises(httpx2.TransportError):
        sandbox.restrict(account_id, "lost/1/full")
    assert len(sandbox.state(account_id)["restrictions"]) == 1
    again = sandbox.restrict(account_id, "lost/1/full")
    assert again.headers["Idempotency-Replayed"] == "true"
    assert len(sandbox.state(account_id)["restrictions"]) == 1


def test_a_closed_connection_leaves_no_effect(sandbox: RunningSandbox) -> None:
    account_id = sandbox.account()
    sandbox.fault(r"POST .*/restrictions$", "closed")
    with pytest.raises(httpx2.TransportError):
        sandbox.restrict(account_id, "closed/1/full")
    assert sandbox.state(account_id)["restrictions"] == []


def test_latency_delays_only_what_it_matches(sandbox: RunningSandbox) -> None:
    account_id = sandbox.account()
    sandbox.fault(rf"GET /v1/accounts/{account_id}$", "latency", ms=1000)
    other = sandbox.account()
    started = time.monotonic()
    sandbox.balance(other)
    assert time.monotonic() - started < 1
    started = time.monotonic()
    sandbox.balance(account_id)
    assert time.monotonic() - started >= 1


def test_a_slow_effect_comes_even_when_the_caller_has_gone(sandbox: RunningSandbox) -> None:
    account_id = sandbox.account()
    sandbox.fault(r"POST .*/restrictions$", "latency", ms=2000)
    sandbox.client.timeout = httpx2.Timeout(0.1)
    try:
        with pytest.raises(httpx2.ReadTimeout):
            sandbox.restrict(account_id, "slow/1/full")
    finally:
        sandbox.client.timeout = httpx2.Timeout(30)
    assert sandbox.state(account_id)["restrictions"] == []
    deadline = time.monotonic() + 10
    while not sandbox.state(account_id)["restrictions"]:
        assert time.monotonic() < deadline


def test_a_stale_read_repeats_what_the_last_one_said(sandbox: RunningSandbox) -> None:
    account_id = sandbox.account()
    before = sandbox.state(account_id)
    sandbox.fault(rf"GET /v1/accounts/{account_id}$", "stale", count=2)
    sandbox.restrict(account_id, "stale/1/full").raise_for_status()
    assert sandbox.state(account_id) == before
    assert sandbox.state(account_id) == before
    assert len(sandbox.state(account_id)["restrictions"]) == 1


def test_a_fault_can_spare_the_first_requests(sandbox: RunningSandbox) -> None:
    sandbox.fault(r"GET /v1/transfers$", "error", skip=1)
    params = {"limit": 1}
    answers = [sandbox.ask("GET", "/v1/transfers", params=params).status_code for _ in range(3)]
    assert answers == [200, 503, 200]


def test_a_fault_that_makes_no_sense_is_refused(sandbox: RunningSandbox) -> None:
    with pytest.raises(httpx2.HTTPStatusError, match="422"):
        sandbox.fault("(", "error")
    with pytest.raises(httpx2.HTTPStatusError, match="422"):
        sandbox.fault("x", "explode")
