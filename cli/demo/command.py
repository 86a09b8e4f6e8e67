"""One demo from the first server to the last word."""

from __future__ import annotations

import contextlib
import gc
import os
import shutil
import signal
import tempfile
import threading
import time
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from cli.demo import ledger as outside_ledger
from cli.demo.scenario import RESTORED_LEDGER, SCENARIOS
from cli.demo.summary import show_summary
from cli.demo.telling import Telling
from cli.demo.timeline import Timeline
from cli.embedded.ports import free_port
from cli.embedded.postgres import EmbeddedPostgres
from cli.embedded.temporal import EmbeddedTemporal
from cli.exit_codes import ExitCode
from cli.processes import Ended, Processes, orderly_end
from cli.running.addresses import Addresses
from cli.running.house import ENGINE, House
from models.errors import ErrorCode, StanchError

if TYPE_CHECKING:
    from cli.demo.request import DemoRequest
    from cli.output import Output
    from cli.sandbox_client import SandboxClient

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
        message = f"{error.message} Nothing is left running; the logs are in {folder}."
        raise StanchError(error.code, message) from error
    except OSError:
        # Whoever read our output has enough of it, or the machine is full: said by the caller as what it is.
        raise
    except Exception as error:
        raise StanchError(
            ErrorCode.INTERNAL,
            f"Something unexpected happened ({type(error).__name__}). Nothing is left running; the logs are in {folder}. "
            "Run it again with --debug to see where, and report that.",
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

    def run(self) -> dict[str, Any]:
        """Returns the document, which has been shown."""
        begun = time.monotonic()
        case = self._request.case
        if case is not None:
            outside_ledger.tell_reading(case, self._output)
            # A ledger is many small objects that live to the end: they need not be looked through again and again.
            gc.freeze()
        scenario = SCENARIOS[self._request.scenario] if case is None else RESTORED_LEDGER
        with Processes(self._folder) as processes:
            house = House(processes, self._addresses(), self._folder, policy=POLICY)
            with Timeline(self._output) as timeline:
                telling = Telling(self._request, scenario, processes, house, timeline)
                house.open(timeline.now, furnish=self._furnish, beside=lambda: telling.people(self._world))
                os.environ.update(house.engine_environ)
                ending = telling.tell(self._world)
            document = {**ending.document(), "wall_s": round(time.monotonic() - begun, 1)}
            self._output.document(document)
            if not self._output.as_json:
                show_summary(self._output.console, document)
            for finding in ending.audit.findings:
                self._output.warn(f"audit: {finding.kind} {finding.subject}: {finding.message}")
            if self._request.keep:
                self._stay(house)
            # All at once: nothing here has anything left to finish.
            for name in (*ENGINE, *(person.name for person in scenario.everybody)):
                processes[name].send(signal.SIGTERM)
        return document

    def _addresses(self) -> Addresses:
        return Addresses(
            named={},
            gateway_port=free_port(),
            sandbox_port=free_port(),
            # What is measured here must survive a power cut, as it must where real accounts are.
            postgres=EmbeddedPostgres(throwaway=True, fsync=True),
            temporal=EmbeddedTemporal(throwaway=True, user_interface=self._request.keep),
        )

    def _furnish(self, sandbox: SandboxClient) -> None:
        case = self._request.case
        self._world = (
            sandbox.seed(self._request.seed)
            if case is None
            else sandbox.load_ledger(outside_ledger.lines_of(case))
        )

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
        with contextlib.suppress(Ended):
            threading.Event().wait()
