"""The sweep finds what stands at the wallet and not in our records, and the reverse; and nothing else."""

from __future__ import annotations

from datetime import UTC, datetime

from sqlalchemy import select, text

from activities.freeze import FreezeEffect
from adapters.wiring import Wiring
from models.contracts.alarms import Alarm, Sender
from models.ids import new_id, restriction_id
from models.names import AlarmKind, Role, Scope
from models.tables.holds import Discrepancy
from tests.running_sandbox import RunningSandbox
from use_cases.admission import Admission
from use_cases.deadline import Deadline
from use_cases.raise_alarm import RaiseAlarm
from use_cases.sweep import DiscrepancyKind

DETECTOR = Sender(operator_id=new_id(), name="detector", role=Role.TRIGGER)


async def freeze(wiring: Wiring, account_id: str) -> str:
    """Freeze an account as the gateway does; the id of its restriction."""
    raising = RaiseAlarm(
        alarms=wiring.alarms,
        steps=wiring.steps,
        freeze=FreezeEffect(wiring.wallet),
        overview=wiring.overview,
        policies=wiring.policies,
        clock=wiring.clock,
        admission=Admission(places=4, budget=5),
        recording=Deadline(5),
        freeze_clock=wiring.freeze_clock,
    )
    alarm = Alarm(
        source="detector",
        id=new_id(),
        account_id=account_id,
        occurred_at=datetime.now(UTC),
        kind=AlarmKind.TRIGGER,
    )
    raised = await raising.run(alarm, sender=DETECTOR, receipt=raising.receive())
    return restriction_id(raised.incident_id, raised.episode, Scope.FULL)


async def open_discrepancies(wiring: Wiring) -> set[tuple[str, str]]:
    async with wiring.engine.begin() as connection:
        rows = await connection.execute(
            select(Discrepancy.kind, Discrepancy.subject).where(Discrepancy.resolved_at.is_(None))
        )
        return {(row.kind, row.subject) for row in rows}


async def test_what_agrees_is_no_finding(wiring: Wiring, sandbox: RunningSandbox) -> None:
    name = await freeze(wiring, sandbox.account())
    assert name not in {finding.subject for finding in await wiring.sweep.run()}


async def test_a_freeze_that_the_wallet_lost_is_found_and_resolved_when_it_stands_again(
    wiring: Wiring, sandbox: RunningSandbox
) -> None:
    account = sandbox.account()
    name = await freeze(wiring, account)
    sandbox.release(account, [name]).raise_for_status()
    found = await wiring.sweep.run()
    assert (DiscrepancyKind.RESTRICTION_MISSING, name, account) in {
        (each.kind, each.subject, each.account_id) for each in found
    }
    assert ("restriction_missing", name) in await open_discrepancies(wiring)
    await wiring.sweep.run()
    async with wiring.engine.begin() as connection:
        rows = await connection.scalar(
            text("SELECT count(*) FROM discrepancy WHERE subject = :name"), {"name": name}
        )
        await connection.execute(
            text("UPDATE incident SET status = 'releasing' WHERE account_id = :account"), {"account": account}
        )
    assert rows == 1, "the same difference seen again is the same row"
    await wiring.sweep.run()
    assert ("restriction_missing", name) not in await open_discrepancies(wiring)


async def test_what_an_earlier_episode_left_standing_is_known_to_be_ours(
    wiring: Wiring, sandbox: RunningSandbox
) -> None:
    account = sandbox.account()
    first = await freeze(wiring, account)
    async with wiring.engine.begin() as connection:
        await connection.execute(
            text("UPDATE incident SET status = 'returning' WHERE account_id = :account"), {"account": account}
        )
    second = await freeze(wiring, account)
    assert second != first, "a release that this alarm overtook has left the first one standing"
    assert {first, second}.isdisjoint(finding.subject for finding in await wiring.sweep.run())


async def test_a_restriction_nobody_knows_of_is_found(wiring: Wiring, sandbox: RunningSandbox) -> None:
    account = sandbox.account()
    sandbox.restrict(account, f"{new_id()}/1/full").raise_for_status()
    found = await wiring.sweep.run()
    assert account in {each.account_id for each in found if each.kind is DiscrepancyKind.RESTRICTION_UNKNOWN}


async def test_a_hold_nobody_knows_of_is_found(wiring: Wiring, sandbox: RunningSandbox) -> None:
    account = sandbox.rich_account()
    hold_id = new_id()
    sandbox.hold(account, hold_id, 100).raise_for_status()
    found = await wiring.sweep.run()
    assert (DiscrepancyKind.HOLD_UNKNOWN, hold_id) in {(each.kind, each.subject) for each in found}
