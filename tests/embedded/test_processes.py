"""Parts run as processes of their own, and none of them is left whatever happens to us."""

from __future__ import annotations

import os
import pty
import signal
import subprocess
import sys
from collections.abc import Iterator, Mapping
from pathlib import Path

import psutil
import pytest

from cli.child import Child
from cli.processes import Part, Processes
from models.errors import StanchError
from tests.embedded.living import alive

ROOT = Path(__file__).resolve().parents[2]

READY = "import time; print('ready now', flush=True); time.sleep(600)"
STUBBORN = "import signal, time; signal.signal(signal.SIGTERM, signal.SIG_IGN); print('ready now', flush=True); time.sleep(600)"
WITH_CHILD = (
    "import subprocess, sys, time; child = subprocess.Popen([sys.executable, '-c', 'import time; time.sleep(600)']);"
    "print('child', child.pid, 'ready now', flush=True); time.sleep(600)"
)
# What `demo` does, in small: two parts, then a wait that a signal ends.
STORY = f"""
import sys, time
from pathlib import Path
from cli.processes import Ended, Part, Processes, orderly_end
try:
    with orderly_end(), Processes(Path(sys.argv[1])) as processes:
        for name, program in (("first", {STUBBORN!r} if sys.argv[2] == "stubborn" else {READY!r}), ("second", {READY!r})):
            processes.start(Part(name=name, arguments=("-c", program), ready_line="ready now"))
        print(processes["first"].pid, processes["second"].pid, flush=True)
        if sys.argv[2] == "fail":
            input()
            raise ValueError("the story fails")
        time.sleep(600)
except Ended as ended:
    sys.exit(ended.exit_code)
"""


@pytest.fixture
def processes(tmp_path: Path) -> Iterator[Processes]:
    with Processes(tmp_path / "logs") as processes:
        yield processes


def part(program: str, *, name: str = "part", environ: Mapping[str, str] | None = None) -> Part:
    return Part(name=name, arguments=("-c", program), ready_line="ready now", environ=environ or {})


def test_a_part_is_ready_when_it_says_so_and_gone_after_the_end(tmp_path: Path) -> None:
    with Processes(tmp_path) as processes:
        processes.start(part(READY))
        child = psutil.Process(processes["part"].pid)
        assert processes.ended() == []
    assert not alive(child)


def test_a_part_is_ready_when_its_health_page_answers(processes: Processes, free_port: int) -> None:
    server = ("-m", "http.server", str(free_port), "--bind", "127.0.0.1", "--directory", str(ROOT / "tests"))
    processes.start(Part(name="page", arguments=server, health_url=f"http://127.0.0.1:{free_port}/"))
    assert processes["page"].exit_code is None


def test_a_part_that_ends_too_early_is_one_sentence_with_the_end_of_its_log(processes: Processes) -> None:
    with pytest.raises(StanchError, match=r"part ended with code 3 before it was ready.*no database there"):
        processes.start(part("print('no database there'); raise SystemExit(3)"))


def test_a_part_that_does_not_listen_is_killed_with_all_it_started(tmp_path: Path) -> None:
    log = tmp_path / "log"
    child = Child.start(
        "part", [sys.executable, "-c", WITH_CHILD], log=log, environ=os.environ, folder=tmp_path
    )
    assert child.wait_until(lambda: "ready now" in child.said(), seconds=20)
    grandchild = psutil.Process(int(child.said().split()[1]))
    assert child.kill() == -signal.SIGKILL
    assert not alive(grandchild)


def test_asking_comes_before_killing(processes: Processes) -> None:
    processes.start(part(READY, name="obedient"), part(STUBBORN, name="stubborn"))
    assert processes["obedient"].stop(seconds=5) == -signal.SIGTERM
    assert processes["stubborn"].stop(seconds=0.2) == -signal.SIGKILL
    assert sorted(processes.ended()) == ["obedient", "stubborn"]


def test_a_killed_part_starts_again_with_the_same_settings(processes: Processes) -> None:
    processes.start(
        part(
            "import os, time; print(os.environ['MARK'], 'ready now', flush=True); time.sleep(600)",
            environ={"MARK": "same"},
        )
    )
    first = processes["part"]
    first.kill()
    assert processes.ended() == ["part"]
    processes.restart("part")
    assert processes["part"].pid != first.pid
    assert processes["part"].said().startswith("same")


@pytest.mark.parametrize(
    ("number", "code"), [(signal.SIGINT, 130), (signal.SIGTERM, 143), (signal.SIGHUP, 129)]
)
def test_a_signal_ends_everything_in_order(tmp_path: Path, number: signal.Signals, code: int) -> None:
    with story(tmp_path, "wait") as (program, children):
        program.send_signal(number)
        assert program.wait(30) == code
    assert not [child for child in children if alive(child)]
    assert "Traceback" not in (tmp_path / "first.log").read_text()


def test_a_second_signal_does_not_wait(tmp_path: Path) -> None:
    with story(tmp_path, "stubborn") as (program, children):
        program.send_signal(signal.SIGINT)
        psutil.wait_procs(children[1:], timeout=10)
        assert alive(children[0])
        program.send_signal(signal.SIGINT)
        assert program.wait(5) == 130
    assert not [child for child in children if alive(child)]


def test_a_failure_ends_everything(tmp_path: Path) -> None:
    with story(tmp_path, "fail") as (program, children):
        program.communicate("now\n", timeout=30)
        assert program.returncode == 1
    assert not [child for child in children if alive(child)]


def test_our_own_sudden_death_ends_everything(tmp_path: Path) -> None:
    with story(tmp_path, "wait") as (program, children):
        program.kill()
        program.wait(30)
    psutil.wait_procs(children, timeout=10)
    assert not [child for child in children if alive(child)]


def test_ctrl_c_in_a_terminal_reaches_only_us(tmp_path: Path) -> None:
    """A terminal sends SIGINT to its whole foreground group: parts must not be in it, or they die before they are asked."""
    controller, terminal = pty.openpty()
    with subprocess.Popen(
        [sys.executable, "-c", STORY, str(tmp_path), "wait"],
        cwd=ROOT, stdin=terminal, stdout=subprocess.PIPE, text=True, start_new_session=True,
    ) as program:  # fmt: skip
        os.close(terminal)
        assert program.stdout
        children = [psutil.Process(int(pid)) for pid in program.stdout.readline().split()]
        groups = {os.getpgid(child.pid) for child in children}
        assert os.getpgid(program.pid) not in groups
        os.killpg(program.pid, signal.SIGINT)
        assert program.wait(30) == 130
    os.close(controller)
    assert not [child for child in children if alive(child)]


class story:  # noqa: N801 - reads as what it is in a `with`
    """The small story as a process, and the parts it started."""

    def __init__(self, logs: Path, ending: str) -> None:
        self._command = [sys.executable, "-c", STORY, str(logs), ending]

    def __enter__(self) -> tuple[subprocess.Popen[str], list[psutil.Process]]:
        self._program = subprocess.Popen(
            self._command,
            cwd=ROOT,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            text=True,
        )
        assert self._program.stdout
        return self._program, [psutil.Process(int(pid)) for pid in self._program.stdout.readline().split()]

    def __exit__(self, *_: object) -> None:
        self._program.__exit__(None, None, None)


def test_where_the_kernel_does_not_do_it_a_watcher_ends_the_orphan(tmp_path: Path) -> None:
    """The way of the systems without a parent-death signal, run here under their name."""
    tether = ROOT / "cli" / "tether.py"
    orphan = f"import runpy, sys; sys.platform = 'darwin'; sys.argv[0] = 'tether'; runpy.run_path({str(tether)!r}, run_name='__main__')"
    parent = (
        "import os, subprocess, sys, time\n"
        f"child = subprocess.Popen([sys.executable, '-c', {orphan!r}, str(os.getpid()), '9', '-', sys.executable, '-c', {READY!r}],"
        " stdout=subprocess.PIPE, text=True)\n"
        "print(child.pid, child.stdout.readline(), flush=True); time.sleep(600)"
    )
    with subprocess.Popen([sys.executable, "-c", parent], stdout=subprocess.PIPE, text=True) as program:
        assert program.stdout
        child = psutil.Process(int(program.stdout.readline().split()[0]))
        family = [child, *psutil.Process(program.pid).children(recursive=True)]
        program.kill()
    psutil.wait_procs(family, timeout=10)
    assert not [member for member in family if alive(member)]
