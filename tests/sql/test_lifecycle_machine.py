"""Whatever happens in whatever order, by the real commits on a real database: the lifecycle holds.

No sequence reaches `returning` (or `return_closing`, out of it) without a standing proof and every receipt of the same episode, nor `closing` without the proof;
an account never has two open incidents; nothing is lifted and nothing closed while an alarm has not taken effect.
"""

from __future__ import annotations

import asyncio
from collections.abc import Coroutine, Sequence
from datetime import datetime, timedelta
from typing import Any, TypeVar

from hypothesis import HealthCheck, Phase, settings
from hypothesis import strategies as st
from hypothesis.stateful import (
    RuleBasedStateMachine,
    invariant,
    precondition,
    rule,
    run_state_machine_as_test,
)

from activities.changes import (
    AcknowledgeAlarm,
    Change,
    CloseIncident,
    MoveIncident,
    RecordProof,
    RecordReset,
    SetCompromisedSince,
)
from activities.freeze import freeze_step_key
from activities.payment_changes import PaymentsFound
from models.contracts.alarms import AcceptedAlarm
from models.contracts.incidents import IncidentFacts
from models.errors import ErrorCode, StanchError
from models.ids import new_id
from models.lifecycle import LIFTED, TRANSITIONS, Event, Status
from models.names import AlarmKind, Outcome, SecurityItem, StepKind
from tests.sql.house import House, now

EXAMPLES, STEPS = 16, 40
"""Some seconds: about five hundred commits."""

Result = TypeVar("Result")

REFUSALS = {
    ErrorCode.ILLEGAL_MOVE,
    ErrorCode.ALARM_WAITING,
    ErrorCode.RESET_INCOMPLETE,
    ErrorCode.INTERNAL,
}
"""What the boundary may answer. INTERNAL: a proof that a moved compromise time has overtaken is looked at again."""

NEIGHBOURS = {(before, after) for (before, _), after in TRANSITIONS.items()}


class Lifecycle(RuleBasedStateMachine):
    """One account. What the machine knows of proof and receipts it keeps itself, beside the database."""

    url: str
    loop: asyncio.AbstractEventLoop
    seen: set[tuple[Status, Status]]

    def __init__(self) -> None:
        super().__init__()
        self.house = House(self.url, pool=2)
        self.account = f"acc-{new_id()}"
        self.number = 0
        self.current: IncidentFacts | None = None
        self.closed: list[str] = []
        self.scopes: dict[int, AcceptedAlarm] = {}
        self._new_episode()

    def teardown(self) -> None:
        self._run(self.house.close())

    def _run(self, what: Coroutine[Any, Any, Result]) -> Result:
        return self.loop.run_until_complete(what)

    def _new_episode(self) -> None:
        self.proofs: list[datetime] = []
        self.receipts: dict[SecurityItem, datetime] = {}
        self.looked: datetime | None = None

    def _key(self, name: str) -> str:
        self.number += 1
        return f"{name}/{self.number}"

    @property
    def facts(self) -> IncidentFacts:
        assert self.current is not None
        return self.current

    @property
    def ready(self) -> bool:
        """Proven, every item reset far enough back, and payments in flight looked for as far, in this episode."""
        since = self.facts.compromised_since
        return (
            bool(self.proofs)
            and since is not None
            and len(self.receipts) == len(SecurityItem)
            and all(reached <= since for reached in self.receipts.values())
            and self.looked is not None
            and self.looked <= since
        )

    async def _look(self, incident_id: str) -> IncidentFacts:
        facts = await self.house.incidents.facts(incident_id)
        assert facts is not None
        return facts

    async def _step(
        self, kind: StepKind, changes: Sequence[Change] = (), *, lifting: Event | None = None, key: str = ""
    ) -> bool:
        """One step of the open incident. Whether it was done; a refusal must have changed nothing."""
        before = self.facts
        name = key or self._key(kind.value)
        try:
            await self.house.do(before.incident_id, before.episode, name, kind, changes, lifting=lifting)
        except StanchError as error:
            if error.code not in REFUSALS or await self._look(before.incident_id) != before:
                raise  # a refusal changes nothing
            return False
        await self._after(before)
        return True

    async def _after(self, before: IncidentFacts) -> None:
        after = await self._look(before.incident_id)
        if after.status is not before.status:
            assert (before.status, after.status) in NEIGHBOURS, (before.status, after.status)
            self.seen.add((before.status, after.status))
        if after.closed_at is not None:
            self.closed.append(after.incident_id)
            self.current = None
        else:
            self.current = after

    # -- alarms
    @rule(kind=st.sampled_from(AlarmKind))
    def alarm(self, kind: AlarmKind) -> None:
        """Whatever the incident does: an alarm opens one, joins it, or begins its next episode."""

        async def raised() -> None:
            make = self.house.trigger if kind is AlarmKind.TRIGGER else self.house.report
            await self._accepted(await self.house.accept(make(self.account, id=new_id())))

        self._run(raised())

    @precondition(lambda self: self.closed and self.current is None)
    @rule()
    def reopen(self) -> None:
        """The last closed one goes on."""

        async def reopened() -> None:
            former = self.closed[-1]
            alarm = self.house.report(self.account, source="reopening", id=former)
            proposed = new_id()
            accepted = await self.house.accept(alarm, incident_id=proposed, reopens=former)
            assert accepted.incident_id == proposed
            await self._accepted(accepted)
            assert self.facts.reopens == former

        self._run(reopened())

    async def _accepted(self, accepted: AcceptedAlarm) -> None:
        before, after = self.current, await self._look(accepted.incident_id)
        if before is None:
            assert (after.status, after.episode) == (Status.OPENED, 1)
            self._new_episode()
        else:
            assert accepted.incident_id == before.incident_id, "one open incident decides"
            if before.status in LIFTED and not accepted.held_back:
                assert (after.status, after.episode) == (Status.OPENED, before.episode + 1), "the alarm wins"
                self.seen.add((before.status, after.status))
                self._new_episode()
            else:
                assert (after.status, after.episode) == (before.status, before.episode)
        assert accepted.alarm_id in after.unacknowledged
        self.current = after

    @precondition(lambda self: self.current and self.current.unacknowledged)
    @rule(earlier=st.booleans())
    def take_up(self, *, earlier: bool) -> None:
        """The oldest alarm takes effect; it may move the compromise time to earlier, which voids what relied on it."""
        facts = self.facts
        since = facts.compromised_since
        changes: list[Change] = [AcknowledgeAlarm(facts.unacknowledged[0], now())]
        moved = since is not None and earlier and facts.status not in LIFTED
        if since is None:
            since = facts.opened_at - timedelta(hours=1)
            changes.append(SetCompromisedSince(since, voids=False))
        elif moved:
            since -= timedelta(hours=1)
            changes += [SetCompromisedSince(since, voids=True), MoveIncident(Event.PROOF_VOIDED)]
        if self._run(self._step(StepKind.ALARM, changes)) and moved:
            self.proofs = [newest for newest in self.proofs if newest < since]

    # -- what the story does
    @precondition(lambda self: self.current and self.current.status is Status.OPENED)
    @rule(refused=st.sampled_from([False, False, False, True]))
    def freeze(self, *, refused: bool) -> None:
        """The wallet froze it, or refused for good."""
        facts = self.facts

        async def frozen() -> None:
            attempt = self.house.freeze_attempt(facts.incident_id, facts.episode, self.account, facts.scope)
            if refused:
                ending = CloseIncident(Outcome.NOT_FROZEN, now(), {}, forced=True)
                await self._step(StepKind.FREEZE, (ending,), key=freeze_step_key(facts.scope))
                return
            await self.house.steps.begin(attempt)
            await self.house.freeze(
                AcceptedAlarm(
                    alarm_id=new_id(),
                    incident_id=facts.incident_id,
                    episode=facts.episode,
                    scope=facts.scope,
                    account_id=self.account,
                    received_at=now(),
                    repeated=False,
                    frozen_before=False,
                    late=False,
                )
            )
            await self._after(facts)

        self._run(frozen())

    @precondition(lambda self: self.current)
    @rule(ago=st.sampled_from([timedelta(minutes=-1), timedelta(minutes=30), timedelta(days=9)]))
    def prove(self, ago: timedelta) -> None:
        """By something set so long before the compromise time; after it, it must not count."""
        since = self.facts.compromised_since or self.facts.opened_at
        newest = since - ago
        proof = (RecordProof(("phone:a", "email:b"), newest, now()), MoveIncident(Event.IDENTITY_PROVEN))
        if self._run(self._step(StepKind.VERIFY_IDENTITY, proof)):
            assert self.facts.compromised_since is None or newest < self.facts.compromised_since
            self.proofs.append(newest)

    @precondition(lambda self: self.current and self.current.compromised_since)
    @rule(leave_out=st.sampled_from([None, None, *SecurityItem]))
    def reset(self, leave_out: SecurityItem | None) -> None:
        """All items, or all but one."""
        since = self.facts.compromised_since
        assert since is not None
        items = [item for item in SecurityItem if item is not leave_out]

        async def every() -> None:
            for item in items:
                await self._step(StepKind.RESET_ITEM, (RecordReset(item, f"rc-{item}", since, now()),))

        self._run(every())
        self.receipts |= dict.fromkeys(items, since)

    @precondition(lambda self: self.current and self.current.compromised_since)
    @rule()
    def look_for_payments(self) -> None:
        """The wallet knows of none in flight."""
        since = self.facts.compromised_since
        assert since is not None
        self._run(self._step(StepKind.FIND_PAYMENTS, (PaymentsFound((), since, now()),)))
        self.looked = since

    @precondition(lambda self: self.current)
    @rule(event=st.sampled_from([Event.RESET_COMPLETE, Event.IMPOSTOR_FOUND, Event.CLOSURE_REFUSED]))
    def move_on(self, event: Event) -> None:
        """Whatever the table says of it."""
        self._run(self._step(StepKind.READ_BACK, (MoveIncident(event),)))

    @precondition(lambda self: self.current)
    @rule(event=st.sampled_from([Event.RETURN_INTENDED, Event.RELEASE_INTENDED, Event.CLOSURE_INTENDED]))
    def intend(self, event: Event) -> None:
        """Every lifting begins with its commit."""
        waiting, ready, proven = self.facts.unacknowledged, self.ready, bool(self.proofs)
        if self._run(self._step(StepKind.RELEASE, lifting=event)):
            assert not waiting, "an alarm that waits always wins"
            assert event is not Event.RETURN_INTENDED or ready
            assert event is not Event.CLOSURE_INTENDED or proven

    @precondition(lambda self: self.current)
    @rule(taken_up=st.booleans())
    def close(self, *, taken_up: bool) -> None:
        """The end, if it may be."""
        while taken_up and self.facts.unacknowledged:
            self.take_up(earlier=False)
        waiting = self.facts.unacknowledged
        if self._run(self._step(StepKind.CLOSE, (CloseIncident(Outcome.RESTORED, now(), {}),))):
            assert not waiting

    @precondition(lambda self: self.current and self.current.status in {Status.OPENED, Status.FROZEN})
    @rule(
        then=st.sampled_from(
            [
                (Event.RETURN_INTENDED,),
                (Event.RETURN_INTENDED, Event.CLOSURE_INTENDED),
                (Event.CLOSURE_INTENDED,),
                (Event.RELEASE_INTENDED,),
                (),
            ]
        )
    )
    def tell_the_story(self, then: tuple[Event, ...]) -> None:
        """Straight on to where the account could go back, so that what comes then is tried often."""
        if self.facts.status is Status.OPENED:
            self.freeze(refused=False)
        while self.facts.unacknowledged:
            self.take_up(earlier=False)
        self.prove(timedelta(days=9))
        self.reset(None)
        self.look_for_payments()
        self.move_on(Event.RESET_COMPLETE)
        for event in then:
            self.intend(event)

    # -- what always holds
    @invariant()
    def one_open_incident(self) -> None:
        """At most, and it is the one that the machine knows."""

        async def open_ones() -> list[Any]:
            return await self.house.rows(
                "SELECT id FROM incident WHERE account_id = :id AND closed_at IS NULL", id=self.account
            )

        found = [row.id for row in self._run(open_ones())]
        assert found == ([] if self.current is None else [self.current.incident_id])

    @invariant()
    def nothing_goes_back_unproven(self) -> None:
        """Whoever is given back, or closed for the owner, is proven in this episode."""
        if self.current is not None and self.current.status in {Status.RETURNING, Status.RETURN_CLOSING}:
            assert self.ready
        if self.current is not None and self.current.status in {Status.CLOSING, Status.RETURN_CLOSING}:
            assert self.proofs


def test_no_sequence_of_commits_breaks_the_lifecycle(database_url: str) -> None:
    loop = asyncio.new_event_loop()

    class OnThisDatabase(Lifecycle):
        pass

    OnThisDatabase.url, OnThisDatabase.loop, OnThisDatabase.seen = database_url, loop, set()
    try:
        run_state_machine_as_test(
            OnThisDatabase,
            settings=settings(
                max_examples=EXAMPLES,
                stateful_step_count=STEPS,
                deadline=None,
                database=None,
                derandomize=True,
                suppress_health_check=list(HealthCheck),
                phases=[Phase.generate],
            ),
        )
    finally:
        loop.close()
    far = {(status, Status.OPENED) for status in LIFTED} | {(status, Status.CLOSED) for status in LIFTED}
    assert far <= OnThisDatabase.seen, f"the search came not far enough: {far - OnThisDatabase.seen}"
