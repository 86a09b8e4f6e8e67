"""Failures are counted before an attempt is judged: whatever comes at once, and whoever sends a new code."""

from __future__ import annotations

import asyncio
from datetime import timedelta
from pathlib import Path

from adapters.policies import read_identity_rules
from adapters.sql.identity_limits import SqlLimits
from models.contracts.identity import Allowance
from tests.sql.house import House, now

RULES = read_identity_rules(Path(__file__).resolve().parents[2] / "policies" / "identity.toml").limits


def limits(house: House, **changed: int) -> SqlLimits:
    return SqlLimits(house.engine, RULES.model_copy(update=changed))


async def test_of_many_at_once_only_the_free_ones_are_judged(house: House) -> None:
    counting, at = limits(house), now()
    said = await asyncio.gather(*(counting.reserve("acc-1", "totp", "claim-a", at) for _ in range(100)))
    assert sum(each.allowed for each in said) == RULES.free_failures
    refused = next(each for each in said if not each.allowed)
    assert refused.not_before == at + timedelta(seconds=RULES.first_delay_seconds)


async def test_delays_grow_to_the_longest_and_the_hundredth_failure_disables_the_factor_alone(
    house: House,
) -> None:
    counting, at = limits(house), now()
    waits: list[float] = []
    for number in range(RULES.disabled_after):
        # A new claimant each time, on a quiet account: what is left is the factor's own count.
        assert (await counting.reserve("acc-1", "recovery_code", f"claim-{number}", at)).allowed, number
        until = await house.scalar("SELECT not_before FROM identity_limit WHERE scope = 'factor'")
        waits.append(0.0 if until is None else (until - at).total_seconds())
        at += timedelta(seconds=RULES.quiet_seconds + 1)
    assert waits[:7] == [0, 0, 0, 0, 30, 60, 120]
    assert waits == sorted(waits)
    assert max(waits) == RULES.longest_delay_seconds
    last = await counting.reserve("acc-1", "recovery_code", "claim-new", at + timedelta(days=365))
    assert (last.allowed, last.disabled) == (False, True)
    assert (await counting.reserve("acc-1", "totp", "claim-new", at + timedelta(days=365))).allowed
    assert (await counting.reserve("acc-2", "recovery_code", "claim-new", at)).allowed


async def test_a_right_answer_ends_the_factors_failures_and_takes_back_only_its_own_elsewhere(
    house: House,
) -> None:
    counting, at = limits(house), now()
    for _ in range(3):
        await counting.reserve("acc-1", "totp", "claim-a", at)
    assert (await counting.reserve("acc-1", "passkey", "claim-a", at)).allowed
    await counting.succeeded("acc-1", "passkey", "claim-a")
    rows = await house.rows("SELECT scope, part, failures FROM identity_limit ORDER BY scope, part")
    assert [tuple(row) for row in rows] == [
        ("account", "*", 3),
        ("claimant", "*", 3),
        ("factor", "passkey", 0),
        ("factor", "totp", 3),
    ]


async def test_a_refused_attempt_counts_nowhere(house: House) -> None:
    counting, at = limits(house), now()
    for _ in range(50):
        await counting.reserve("acc-1", "totp", "thief", at)
    assert await house.scalar("SELECT max(failures) FROM identity_limit") == RULES.free_failures
    other = await counting.reserve("acc-1", "passkey", "owner", at)
    assert other == Allowance(allowed=True)


async def test_a_document_stays_open_whatever_was_guessed_at_and_however_often_it_failed(
    house: House,
) -> None:
    """It is the way in when everything else is off: other factors' failures do not delay it, and it is never disabled."""
    counting, at = limits(house), now()
    for number in range(RULES.account_free_failures + 5):
        await counting.reserve("acc-1", f"contact-{number}", f"claim-{number}", at)
    assert not (await counting.reserve("acc-1", "passkey", "owner", at)).allowed, "the whole account waits"
    assert (await counting.reserve("acc-1", "document", "owner", at)).allowed
    await house.change(
        "UPDATE identity_limit SET failures = 150, disabled_at = now() WHERE scope = 'factor' AND part = 'document'"
    )
    later = at + timedelta(seconds=RULES.longest_delay_seconds)
    last = await counting.reserve("acc-1", "document", "owner", later)
    assert (last.allowed, last.disabled) == (True, False), "also where an earlier version had disabled it"
    knocking = await counting.reserve("acc-1", "document", "another", later)
    assert (knocking.allowed, knocking.disabled) == (False, False), "a new claim resets nothing"
    assert knocking.not_before == later + timedelta(seconds=RULES.longest_delay_seconds)
