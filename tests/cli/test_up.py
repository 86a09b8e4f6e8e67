"""`stanch up`: durable, ended in order, and it goes on where it stopped."""

from __future__ import annotations

import json
import os
import signal
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import psutil
import pytest

from cli.embedded.ports import free_port

ROOT = Path(__file__).resolve().parents[2]
SECONDS = 150

pytestmark = pytest.mark.timeout(2 * SECONDS)


class Machine:
    """One machine with a home of its own for the house."""

    def __init__(self, folder: Path) -> None:
        self.home = folder / "home"
        clean = {
            name: value
            for name, value in os.environ.items()
            if not name.startswith(("STANCH_", "TEMPORAL_", "SANDBOX_"))
        }
        self._environ = {
            **clean,
            "STANCH_HOME": str(self.home),
            "STANCH_POLICY": "demo",
            "STANCH_GATEWAY_PORT": str(free_port()),
            "SANDBOX_PORT": str(free_port()),
        }

    @contextmanager
    def up(self) -> Iterator[dict[str, Any]]:
        """A house that runs, as the document it printed; ended by Ctrl-C afterwards."""
        house = subprocess.Popen(
            [ROOT / "stanch", "up", "--json"],
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
            env=self._environ,
        )
        try:
            assert house.stdout is not None
            text = ""
            while not text.endswith("\n}\n"):
                line = house.stdout.readline()
                assert line, house.communicate()[1]
                text += line
            yield json.loads(text)
            house.send_signal(signal.SIGINT)
            out, err = house.communicate(timeout=SECONDS)
            assert (house.returncode, out) == (0, ""), err
            assert "Stopped." in err
        finally:
            house.kill()
            house.wait()

    def type(self, *arguments: str) -> tuple[int, Any]:
        """Another terminal: exit code and document."""
        done = subprocess.run(
            [ROOT / "stanch", *arguments, "--json"],
            capture_output=True,
            text=True,
            env=self._environ,
            check=False,
        )
        return done.returncode, json.loads(done.stdout)

    def person(self, *arguments: str) -> list[dict[str, Any]]:
        """Somebody of the sandbox, played to the end: what they told."""
        done = subprocess.run(
            [ROOT / "stanch", "sandbox", *arguments],
            capture_output=True,
            text=True,
            env=self._environ,
            check=True,
        )
        return [json.loads(line) for line in done.stdout.splitlines()]

    def kill(self, name: str) -> None:
        """End every process of this house that is called so, at once."""
        for process in self._processes():
            if process.name() == name:
                process.kill()

    def left_running(self) -> list[str]:
        """Names of the processes of this house."""
        return [process.name() for process in self._processes()]

    def _processes(self) -> list[psutil.Process]:
        found = []
        for process in psutil.process_iter():
            try:
                ours = process.environ().get("STANCH_HOME") == str(self.home)
                if ours or self._serves(process) or str(self.home) in " ".join(process.cmdline()):
                    found.append(process)
            except (psutil.NoSuchProcess, psutil.AccessDenied, psutil.ZombieProcess):
                continue
        return found

    def _serves(self, process: psutil.Process) -> bool:
        """PostgreSQL works in its data, wherever that lies."""
        data = self.home / "postgres" / "data"
        return process.name() == "postgres" and data.exists() and process.cwd() == str(data.resolve())


def test_started_again_it_continues_what_was_open(tmp_path: Path) -> None:
    machine = Machine(tmp_path)
    with machine.up() as first:
        assert set(first["urls"]) == {"gateway", "wallet", "temporal"}
        assert Path(first["runtime"]).stat().st_mode & 0o777 == 0o600
        code, opened = machine.type("incident", "open", "acc-0003")
        assert (code, opened["freeze"]) == (0, "done")
        forgetful = machine.person("forgetful", "--account", "acc-0005")
        assert [line["did"] for line in forgetful][-3:] == ["renewed_password", "logged_in", "checked_up"]
        code, listed = machine.type("credential", "list")
        assert code == 0
        (recovery,) = listed["recoveries"]
        assert (recovery["account_id"], recovery["state"]) == ("acc-0005", "renewed")
        code, audited = machine.type("audit", "replay", recovery["recovery_id"])
        assert (code, audited["steps_match_history"]) == (0, True)
        second = subprocess.run(
            [ROOT / "stanch", "up"], capture_output=True, text=True, env=machine._environ, check=False
        )
        assert second.returncode == 4
        assert "Another running stanch" in second.stderr
    assert machine.left_running() == []
    assert not Path(first["runtime"]).exists()
    assert machine.type("incident", "list")[0] == 2
    with machine.up() as again:
        assert again["urls"]["gateway"] == first["urls"]["gateway"]
        # A server that ends by itself is started again, on its data.
        machine.kill("postgres")
        # Nobody proves to be the owner, and the freeze of an unproven report ends by its own clock.
        code, watched = machine.type("incident", "watch", opened["incident_id"], "--wait-limit", "60")
        assert (code, watched.get("outcome")) == (0, "released"), watched
        code, audited = machine.type("audit", "replay", opened["incident_id"])
        assert (code, audited["steps_match_history"]) == (0, True)
    assert machine.left_running() == []
