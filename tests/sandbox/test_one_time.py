"""One-time codes at the wallet: the vectors of RFC 4226 and RFC 6238, and what is used up."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest

from sandbox.wallet.one_time import STEP_SECONDS, hotp, matching_step, step_of, totp
from tests.running_sandbox import RunningSandbox

OLD = datetime(2026, 1, 1, tzinfo=UTC).isoformat()
SEED = b"12345678901234567890"
SEEDS = {
    "sha1": SEED,
    "sha256": b"12345678901234567890123456789012",
    "sha512": b"1234567890123456789012345678901234567890123456789012345678901234",
}


@pytest.mark.fast
def test_hotp_gives_the_codes_of_rfc_4226() -> None:
    codes = "755224 287082 359152 969429 338314 254676 287922 162583 399871 520489"
    assert [hotp(SEED, counter) for counter in range(10)] == codes.split()


@pytest.mark.fast
@pytest.mark.parametrize(
    ("algorithm", "codes"),
    [
        ("sha1", "94287082 07081804 14050471 89005924 69279037 65353130"),
        ("sha256", "46119246 68084774 67062674 91819424 90698825 77737706"),
        ("sha512", "90693936 25091201 99943326 93441116 38618901 47863826"),
    ],
)
def test_totp_gives_the_codes_of_rfc_6238(algorithm: str, codes: str) -> None:
    moments = (59, 1111111109, 1111111111, 1234567890, 2000000000, 20000000000)
    given = [
        totp(SEEDS[algorithm], datetime.fromtimestamp(at, UTC), digits=8, algorithm=algorithm)
        for at in moments
    ]
    assert given == codes.split()


@pytest.mark.fast
def test_a_code_of_a_step_taken_or_passed_is_none() -> None:
    at = datetime(2026, 3, 1, 12, 0, 5, tzinfo=UTC)
    now = step_of(at)
    code = totp(SEED, at)
    assert matching_step(SEED, code, at, 0) == now
    assert matching_step(SEED, code, at, now) is None, "taken"
    assert matching_step(SEED, code, at, now + 1) is None, "a later one was taken"
    assert matching_step(SEED, code, at + timedelta(seconds=STEP_SECONDS), 0) == now, "a slow clock"
    assert matching_step(SEED, code, at + timedelta(seconds=2 * STEP_SECONDS), 0) is None


def verify(
    sandbox: RunningSandbox, account: str, factor: str, kind: str, code: str, *, key: str | None = None
) -> bool:
    body = {"kind": kind, "code": code}
    answer = sandbox.ask("POST", f"/v1/accounts/{account}/factors/{factor}/verify", body, key=key)
    accepted: bool = answer.raise_for_status().json()["result"]["accepted"]
    return accepted


def test_a_code_is_taken_once_and_its_trace_is_nowhere(running_sandbox: RunningSandbox) -> None:
    sandbox, account = running_sandbox, running_sandbox.account()
    enrolled = sandbox.control("POST", f"/people/{account}/factors", {"kind": "totp", "set_at": OLD})
    code = totp(bytes.fromhex(enrolled["seed"]), datetime.now(UTC))
    assert verify(sandbox, account, enrolled["id"], "totp", code, key="verify-1")
    assert verify(sandbox, account, enrolled["id"], "totp", code, key="verify-1"), "the same attempt again"
    assert not verify(sandbox, account, enrolled["id"], "totp", code)
    saved = sandbox.control("POST", f"/people/{account}/factors", {"kind": "recovery_codes", "set_at": OLD})
    assert all(len(one) * 4 >= 64 for one in saved["codes"])
    one = saved["codes"][0]
    assert not verify(sandbox, account, saved["id"], "recovery_codes", "0" * len(one))
    assert verify(sandbox, account, saved["id"], "recovery_codes", f"{one[:10]}-{one[10:]}".lower())
    assert not verify(sandbox, account, saved["id"], "recovery_codes", one)
    other = sandbox.account()
    refused = sandbox.ask(
        "POST", f"/v1/accounts/{other}/factors/{saved['id']}/verify", {"kind": "recovery_codes", "code": one}
    )
    assert (refused.status_code, refused.json()["code"]) == (404, "factor_unknown")
    told = sandbox.ask("GET", f"/v1/accounts/{account}").text
    assert enrolled["seed"] not in told
    assert one not in told
