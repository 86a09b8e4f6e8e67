"""Lets the people act, follows what happens, and has it audited."""

from __future__ import annotations

import asyncio
import contextlib
import threading
import time
from typing import TYPE_CHECKING, Any, Final

from cli.demo import ledger as outside_ledger
from cli.demo.cast import part_of
from cli.demo.flow import flow_of, last_trace
from cli.demo.observer import Observer
from cli.demo.summary import Ending
from cli.gateway_client import GatewayClient
from cli.running.house import DETECTOR, ENGINE
from models.errors import ErrorCode, StanchError
from models.lifecycle import Status
from models.names import Outcome, Role

if TYPE_CHECKING:
    from collections.abc import Mapping

    from cli.demo.request import DemoRequest
    from cli.demo.scenario import Person, Scenario
    from cli.demo.timeline import Timeline
    from cli.processes import Part, Processes
    from cli.running.house import House
    from cli.sandbox_client import SandboxClient
    from use_cases.audit_replay import AuditReport

SECONDS_BETWEEN_LOOKS: Final = 0.2
SECONDS_FOR_LAST_WORD: Final = 10.0
SECONDS_FOR_RESTITUTION: Final = 15.0

WAITING: Final = {
    Status.OPENED: "not frozen yet: the engine insists",
    Status.FROZEN: "frozen: the owner must prove to be the owner, the money is followed",
    Status.PROTECTED: "protected: the real owner must come, or a supervisor act",
    Status.VERIFIED: "the owner is proven: security is being reset",
    Status.RESET: "clean: two people must agree to give the account back",
    Status.RETURNING: "given back in stages",
    Status.RELEASING: "the freeze is ending",
    Status.CLOSING: "the account is being paid out and closed, as its owner wishes",
    Status.RETURN_CLOSING: "the account is being paid out and closed after all, as its owner wishes",
}


class Telling:
    """One story in an open house."""

    def __init__(
        self,
        request: DemoRequest,
        scenario: Scenario,
        processes: Processes,
        house: House,
        timeline: Timeline,
    ) -> None:
        self._request = request
        self._scenario = scenario
        self._processes = processes
        self._house = house
        self._timeline = timeline
        self._loading: threading.Thread | None = None

    def people(self, world: Mapping[str, Any]) -> list[Part]:
        """The programs of those who wait for something to happen."""
        return [self._part(person, world) for person in self._scenario.people]

    def tell(self, world: Mapping[str, Any]) -> Ending:
        """From the first deed to the audit. Raises StanchError when it does not end as it should."""
        case = self._request.case
        victim = self._victim(world)
        currency = case.currency if case else str(world["currency"])
        with self._login(Role.AUDITOR) as gateway, self._house.sandbox_client() as sandbox:
            observer = Observer(
                gateway,
                sandbox,
                victim=victim,
                currency=currency,
                head_seq=int(world["head_seq"]),
                spender=self._scenario.spender,
            )
            self._begin(observer, world)
            self._follow(observer)
            return self._conclude(observer, gateway, sandbox, victim=victim, currency=currency)

    def _login(self, role: Role) -> GatewayClient:
        return GatewayClient(
            self._house.addresses.gateway_url, self._house.words.logins[role.value].credential
        )

    def _victim(self, world: Mapping[str, Any]) -> str:
        return self._request.case.victim if self._request.case else str(world["victim"]["account_id"])

    def _part(self, person: Person, world: Mapping[str, Any]) -> Part:
        return part_of(person, self._house, victim=self._victim(world), seed=self._request.seed)

    def _begin(self, observer: Observer, world: Mapping[str, Any]) -> None:
        for person in self._scenario.people:
            observer.listen_to(self._processes[person.name])
        if self._scenario.starter is not None:
            self._timeline.now(self._scenario.begins.format(victim=self._victim(world)))
            self._processes.start(self._part(self._scenario.starter, world))
            if self._scenario.starter.login is not None:
                # Who works at the gateway is heard. A thief is not: the wallet's records tell what that one did.
                observer.listen_to(self._processes[self._scenario.starter.name])
        if self._request.case is not None:
            self._timeline.now(f"the alarm about {self._victim(world)} is raised")
            with self._login(Role.TRIGGER) as detector:
                detector.post("/v1/alarms", outside_ledger.alarm_of(self._request.case, DETECTOR))

    def _follow(self, observer: Observer) -> None:
        deadline = time.monotonic() + self._request.wait_limit
        while True:
            try:
                self._timeline.show(observer.look())
            except StanchError:
                self._check_engine()
                raise
            if observer.closed:
                break
            if observer.view is not None:
                self._timeline.hint(WAITING.get(observer.view["status"], "the incident goes on"))
                if observer.view["status"] == Status.RETURNING:
                    self._load_audit()
            self._check_engine()
            if time.monotonic() > deadline:
                stands = observer.view["status"] if observer.view else "not even opened"
                raise StanchError(
                    ErrorCode.INTERNAL,
                    f"After {self._request.wait_limit} s the incident is {stands} and not closed; the story was given up.",
                )
            time.sleep(SECONDS_BETWEEN_LOOKS)
        self._timeline.flush()
        self._check_ending(observer)

    def _check_ending(self, observer: Observer) -> None:
        wanted = self._scenario
        outcome, refreezes = (
            (observer.view["outcome"], observer.view["refreezes"]) if observer.view else (None, 0)
        )
        if (outcome, refreezes) != (wanted.outcome, wanted.refreezes):
            raise StanchError(
                ErrorCode.INTERNAL,
                f"The story should have ended as {wanted.outcome} after {wanted.refreezes} re-freezes and ended as {outcome} "
                f"after {refreezes}.",
            )

    def _load_audit(self) -> None:
        """The audit needs every workflow. Loaded in the cool-down, when nobody races anybody, it costs no time."""
        if self._loading is None:
            self._loading = threading.Thread(target=_import_audit, daemon=True)
            self._loading.start()

    def _check_engine(self) -> None:
        """Raise what is behind it when a part of the engine is gone."""
        for name in self._processes.ended():
            if name in ENGINE:
                said = self._processes[name].explain()
                raise StanchError(ErrorCode.INTERNAL, f"The {name} ended in the middle of the story. {said}.")

    def _conclude(
        self,
        observer: Observer,
        gateway: GatewayClient,
        sandbox: SandboxClient,
        *,
        victim: str,
        currency: str,
    ) -> Ending:
        from settings import Settings

        assert observer.incident_id is not None
        assert observer.view is not None
        configured, closed = Settings(), observer.view
        # As it was when the incident closed: by place, and in the account, before anything is given back.
        trace_id = last_trace(gateway.get(f"/v1/incidents/{observer.incident_id}/steps")["steps"], currency)
        kept = sandbox.balance(victim, currency)
        self._give_back(observer, gateway)
        self._timeline.now("replaying the incident with today's code")
        return Ending(
            view=closed,
            currency=currency,
            refused_after_freeze=int(sandbox.attempts(victim)["refused_while_restricted"]),
            audit=_audited(observer.incident_id),
            case=self._request.case,
            flow=flow_of(trace_id, configured) if trace_id else (),
            kept=kept,
            remedy=gateway.get(f"/v1/incidents/{observer.incident_id}/remedy")["currencies"].get(currency),
            holds=_holds(gateway, observer),
            clock=self._house.clock,
        )

    def _give_back(self, observer: Observer, gateway: GatewayClient) -> None:
        """Follow on until what is held is back with its owner; what is not after a while stays held, and is shown so."""
        deadline = time.monotonic() + SECONDS_FOR_RESTITUTION
        restored = self._scenario.outcome == Outcome.RESTORED
        while restored and time.monotonic() < deadline:
            self._timeline.show(observer.look())
            if not any(hold["amount"] for hold in _holds(gateway, observer)):
                break
            self._timeline.hint("restored: two people must agree to give back what is held")
            self._check_engine()
            time.sleep(SECONDS_BETWEEN_LOOKS)
        self._timeline.flush()


def _holds(gateway: GatewayClient, observer: Observer) -> list[dict[str, Any]]:
    held: list[dict[str, Any]] = gateway.get("/v1/holds", incident_id=observer.incident_id)["holds"]
    return held


def _audited(incident_id: str) -> AuditReport:
    """The audit's report. The workflow's last word comes just after the database says closed: it is waited for."""
    from cli.auditing import audited
    from settings import Settings

    deadline = time.monotonic() + SECONDS_FOR_LAST_WORD
    while True:
        report = asyncio.run(audited(incident_id, Settings()))
        if (report.replay_ok and report.steps_match_history) or time.monotonic() > deadline:
            return report
        time.sleep(SECONDS_BETWEEN_LOOKS)


def _import_audit() -> None:
    with contextlib.suppress(ImportError):
        import cli.auditing  # noqa: F401 - loaded for later
