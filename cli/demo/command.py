"""One demo from the first server to the last word."""

from __future__ import annotations

import asyncio
import os
import shutil
import tempfile
import threading
import time
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from cli.demo import ledger as outside_ledger
from cli.demo.cast import part_of
from cli.demo.observer import Observer
from cli.demo.scenario import RESTORED, RESTORED_LEDGER, Scenario
from cli.demo.summary import Ending, show_summary
from cli.demo.timeline import Timeline
from cli.embedded.ports import free_port
from cli.embedded.postgres import EmbeddedPostgres
from cli.embedded.temporal import EmbeddedTemporal
from cli.exit_codes import ExitCode
from cli.gateway_client import GatewayClient
from cli.processes import Ended, Processes, orderly_end
from cli.running.addresses import Addresses
from cli.running.house import DETECTOR, House
from models.errors import ErrorCode, StanchError
from models.names import Role

if TYPE_CHECKING:
    from cli.demo.request import DemoRequest
    from cli.output import Output
    from cli.sandbox_client import SandboxClient

SECONDS_BETWEEN_LOOKS: Final = 0.2
SECONDS_FOR_LAST_WORD: Final = 10.0
POLICY: Final = "demo"
OTHER_HOUSES: Final = ("STANCH_", "TEMPORAL_", "SANDBOX_")


def run_demo(request: DemoRequest, output: Output) -> int:
    """Show the story; nothing is left running however it ends. Returns the exit code.

    Raises StanchError when the story could not be told; its sentence names the folder where the logs were kept.
    """
    _forget_other_houses()
    folder = Path(tempfile.mkdtemp(prefix="stanch-demo-"))
    keep_logs = True
    try:
        with orderly_end():
            document = Demo(request, output, folder).run()
        keep_logs = False
        good = document["audit"]["replay_ok"] and document["audit"]["steps_match_history"]
        return ExitCode.DONE if good else ExitCode.REFUSED
    except StanchError as error:
        raise StanchError(
            error.code, f"{error.message} Nothing is left running; the logs are in {folder}."
        ) from error
    except Ended as ended:
        keep_logs = False
        output.warn("the demo was ended before its story was; nothing is left running.")
        return ended.exit_code
    finally:
        if not keep_logs:
            shutil.rmtree(folder, ignore_errors=True)


def _forget_other_houses() -> None:
    """Whatever the user's environment says of their own house has no part in this one."""
    for name in [name for name in os.environ if name.startswith(OTHER_HOUSES)]:
        del os.environ[name]


class Demo:
    """One run in a temporary folder."""

    def __init__(self, request: DemoRequest, output: Output, folder: Path) -> None:
        self._request = request
        self._output = output
        self._folder = folder
        self._world: dict[str, Any] = {}
        self._started = time.monotonic()
        self._scenario: Scenario = RESTORED if request.case is None else RESTORED_LEDGER

    def run(self) -> dict[str, Any]:
        """Returns the document, which has been shown."""
        if self._request.case is not None:
            outside_ledger.tell_reading(self._request.case, self._output)
        with Processes(self._folder) as processes:
            house = House(processes, self._addresses(), self._folder, policy=POLICY)
            with Timeline(self._output) as timeline:
                house.open(timeline.now, furnish=self._furnish)
                ending = self._tell(processes, house, timeline)
            document = ending.document()
            if not self._output.as_json:
                show_summary(self._output.console, document)
            self._output.document(document)
            if self._request.keep:
                self._stay(house)
        return document

    def _addresses(self) -> Addresses:
        return Addresses(
            named={},
            gateway_port=free_port(),
            sandbox_port=free_port(),
            postgres=EmbeddedPostgres(throwaway=True),
            temporal=EmbeddedTemporal(throwaway=True, user_interface=self._request.keep),
        )

    def _furnish(self, sandbox: SandboxClient) -> None:
        case = self._request.case
        self._world = (
            sandbox.seed(self._request.seed)
            if case is None
            else sandbox.load_ledger(outside_ledger.lines_of(case))
        )

    def _tell(self, processes: Processes, house: House, timeline: Timeline) -> Ending:
        case = self._request.case
        victim = case.victim if case else str(self._world["victim"]["account_id"])
        currency = case.currency if case else str(self._world["currency"])
        people = list(self._scenario.people)
        auditor = house.words.logins[Role.AUDITOR.value].credential
        with (
            GatewayClient(house.addresses.gateway_url, auditor) as gateway,
            house.sandbox_client() as sandbox,
        ):
            observer = Observer(
                gateway, sandbox, victim=victim, currency=currency, head_seq=int(self._world["head_seq"])
            )
            processes.start(
                *(part_of(person, house, victim=victim, seed=self._request.seed) for person in people)
            )
            for person in people:
                observer.listen_to(processes[person.name])
            if self._scenario.thief is not None:
                timeline.now(f"a thief is at work on {victim}")
                processes.start(part_of(self._scenario.thief, house, victim=victim, seed=self._request.seed))
            if case is not None:
                trigger = house.words.logins[Role.TRIGGER.value].credential
                with GatewayClient(house.addresses.gateway_url, trigger) as detector:
                    detector.post("/v1/alarms", outside_ledger.alarm_of(case, DETECTOR))
            self._follow(observer, processes, timeline)
            timeline.now("replaying the incident with today's code")
            audit = self._audit(observer, house)
            refused = int(sandbox.attempts(victim)["refused_while_restricted"])
            assert observer.view is not None
            return Ending(
                view=observer.view,
                currency=currency,
                refused_after_freeze=refused,
                audit=audit,
                case=case,
                wall_s=time.monotonic() - self._started,
            )

    def _follow(self, observer: Observer, processes: Processes, timeline: Timeline) -> None:
        deadline = time.monotonic() + self._request.wait_limit
        engine = {"gateway", "worker", "sandbox"}
        while True:
            timeline.show(observer.look())
            if observer.closed:
                break
            gone = engine.intersection(processes.ended())
            if gone:
                name = min(gone)
                raise StanchError(
                    ErrorCode.INTERNAL,
                    f"The {name} ended in the middle of the story. {processes[name].explain()}",
                )
            if time.monotonic() > deadline:
                stands = observer.view["status"] if observer.view else "not even opened"
                raise StanchError(
                    ErrorCode.INTERNAL,
                    f"After {self._request.wait_limit} s the incident is {stands} and not closed; the story was given up.",
                )
            time.sleep(SECONDS_BETWEEN_LOOKS)
        outcome = observer.view["outcome"] if observer.view else None
        if outcome != self._scenario.outcome:
            raise StanchError(
                ErrorCode.INTERNAL,
                f"The story should have ended as {self._scenario.outcome} and ended as {outcome}.",
            )

    def _audit(self, observer: Observer, house: House) -> dict[str, bool]:
        """The audit's verdict. The workflow's last word comes just after the database says closed: it is waited for."""
        from cli.auditing import audited
        from settings import Settings

        os.environ.update(house.engine_environ)
        assert observer.incident_id is not None
        deadline = time.monotonic() + SECONDS_FOR_LAST_WORD
        while True:
            report = asyncio.run(audited(observer.incident_id, Settings()))
            good = report.replay_ok and report.steps_match_history
            if good or time.monotonic() > deadline:
                break
            time.sleep(SECONDS_BETWEEN_LOOKS)
        for finding in report.findings:
            self._output.warn(f"audit: {finding.kind} {finding.subject}: {finding.message}")
        return {"replay_ok": report.replay_ok, "steps_match_history": report.steps_match_history}

    def _stay(self, house: House) -> None:
        """Leave everything up until Ctrl-C, and say where it is."""
        path = house.runtime.write(self._folder)
        say = self._output.say
        say("")
        for name, url in house.runtime.urls.items():
            say(f"{name:<12} {url}")
        for role, login in house.runtime.logins.items():
            say(f"{role:<12} {login.credential}")
        say(f"Other commands find it with: export STANCH_RUNTIME={path}")
        say("Everything stays up until Ctrl-C.")
        threading.Event().wait()
