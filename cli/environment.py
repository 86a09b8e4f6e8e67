"""The environment the product runs in: `.venv`, made from the hash-locked requirements.

Standard library only, for the launcher runs this before anything is installed. What is promised:
one start makes it while others wait; an environment left half-made is made anew; an unchanged one
costs two file reads; stdout stays untouched, all talk goes to stderr.
"""

from __future__ import annotations

import fcntl
import hashlib
import importlib.util
import json
import os
import shutil
import signal
import subprocess
import sys
from pathlib import Path
from typing import Final, NoReturn

from cli.installation import Installation, InstallationFailed

RUNTIME: Final = "runtime"
DEVELOPMENT: Final = "development"

EXIT_BAD_INPUT: Final = 2
EXIT_UNREACHABLE: Final = 4
EXIT_INTERRUPTED: Final = 130

# Variables that would make pip or the new Python install or import somewhere else.
MISLEADING: Final = (
    "PYTHONHOME",
    "PYTHONPATH",
    "PIP_TARGET",
    "PIP_PREFIX",
    "PIP_USER",
    "PIP_ROOT",
    "VIRTUAL_ENV",
)


class EnvironmentFailed(Exception):
    """The environment could not be made; the text is the sentence to show."""


def launch(root: str, arguments: list[str]) -> int:
    """Make the environment under `root` if needed, then become the command line with these arguments.

    Returns an exit code only if the command line was not reached, or for `--environment [KIND]`,
    which stops after the environment. Otherwise it does not return.
    """
    only_environment = arguments[:1] == ["--environment"]
    kind = (arguments[1:] or [RUNTIME])[0] if only_environment else RUNTIME
    if kind not in {RUNTIME, DEVELOPMENT}:
        say(f"stanch: --environment takes `runtime` or `development`, not `{kind}`; nothing was changed.")
        return EXIT_BAD_INPUT
    environment = Environment(Path(root))
    signal.signal(signal.SIGTERM, _terminate)
    try:
        environment.ensure(kind)
    except KeyboardInterrupt:
        say(
            "stanch: interrupted while the environment was being made; nothing was started. Run it again to finish."
        )
        return EXIT_INTERRUPTED
    except (EnvironmentFailed, InstallationFailed) as failure:
        say(f"stanch: {failure}")
        return EXIT_UNREACHABLE
    except OSError as failure:
        say(
            f"stanch: the environment in {environment.path} could not be made ({failure.strerror}: {failure.filename}); nothing was started."
        )
        return EXIT_UNREACHABLE
    signal.signal(signal.SIGTERM, signal.SIG_DFL)
    return 0 if only_environment else environment.run(arguments)


class Environment:
    """The environment of one clone."""

    def __init__(self, root: Path) -> None:
        self.root = root
        self.path = root / ".venv"
        self.python = self.path / "bin" / "python"
        self._stamp = self.path / "stanch-environment.json"
        self._unfinished = self.path / "stanch-unfinished"

    def ensure(self, kind: str) -> None:
        """Bring the environment to the locked requirements of `kind`; returns at once when it is there.

        Raises EnvironmentFailed or InstallationFailed with a sentence for the user.
        """
        if self._is_ready(kind):
            return
        _check_this_python()
        with _OnlyOne(self.root / ".venv.lock") as lock:
            if self._is_ready(kind):
                return
            previous = self._read_stamp()
            if previous is None or self._unfinished.exists() or not self._is_sound(previous):
                self._make(lock)
                previous = {}
            if DEVELOPMENT in previous.get("installed", {}):
                # What `make test` needs stays when only the lock changed.
                kind = DEVELOPMENT
            self._unfinished.touch()
            self._stamp.unlink(missing_ok=True)
            Installation(
                python=self.python, requirements=self._requirements(kind), environ=_environ(), lock=lock
            ).run()
            self._write_stamp(kind)
            self._unfinished.unlink()

    def run(self, arguments: list[str]) -> NoReturn:
        """Become `python -m cli` of this environment, in the caller's folder."""
        environ = _environ()
        environ["PYTHONPATH"] = str(self.root)
        # -P: the caller's folder must not come before ours on the path.
        os.execve(self.python, [str(self.python), "-P", "-m", "cli", *arguments], environ)

    def _requirements(self, kind: str) -> Path:
        return self.root / "requirements" / f"{kind}.txt"

    def _digest(self, kind: str) -> str:
        return hashlib.sha256(self._requirements(kind).read_bytes()).hexdigest()

    def _is_ready(self, kind: str) -> bool:
        stamp = self._read_stamp()
        return (
            stamp is not None
            and not self._unfinished.exists()
            and self._is_sound(stamp)
            and stamp["installed"].get(kind) == self._digest(kind)
        )

    def _is_sound(self, stamp: dict[str, dict[str, str]]) -> bool:
        """Whether the environment still stands on the Python it was made with, where it was made."""
        return self.python.exists() and stamp.get("made") == self._made()

    def _made(self) -> dict[str, str]:
        return {"python": os.path.realpath(self.python), "path": str(self.path)}

    def _read_stamp(self) -> dict[str, dict[str, str]] | None:
        try:
            stamp = json.loads(self._stamp.read_text())
        except (OSError, ValueError):
            return None
        return stamp if isinstance(stamp, dict) and isinstance(stamp.get("installed"), dict) else None

    def _write_stamp(self, kind: str) -> None:
        # Development is a superset of the runtime, so it answers for both.
        kinds = {RUNTIME, kind}
        stamp = {"made": self._made(), "installed": {name: self._digest(name) for name in sorted(kinds)}}
        half = self._stamp.with_suffix(".half")
        half.write_text(json.dumps(stamp, indent=1) + "\n")
        half.replace(self._stamp)

    def _make(self, lock: int) -> None:
        """An empty environment. Whatever stands there is not one that was finished, so it goes."""
        say(f"Preparing the environment in {self.path}, once")
        if self.path.is_symlink() or self.path.is_file():
            self.path.unlink()
        shutil.rmtree(self.path, ignore_errors=True)
        self.path.mkdir()
        self._unfinished.touch()
        done = subprocess.run(
            [sys.executable, "-m", "venv", str(self.path)],
            capture_output=True,
            text=True,
            check=False,
            env=_environ(),
            pass_fds=(lock,),
        )
        if done.returncode != 0:
            last = (done.stderr or done.stdout).strip().splitlines()[-1:] or ["no message"]
            message = f"python -m venv failed ({last[0]}); nothing was started. Check that {sys.executable} can make environments."
            raise EnvironmentFailed(message)


def say(line: str) -> None:
    """One line for the user, on stderr."""
    print(line, file=sys.stderr, flush=True)


class _OnlyOne:
    """Hold the lock file while the environment is made.

    The descriptor is handed to pip as well, so the lock outlives a killed launcher for as long as its pip still writes.
    """

    def __init__(self, path: Path) -> None:
        self._path = path
        self._descriptor = -1

    def __enter__(self) -> int:
        self._descriptor = os.open(self._path, os.O_RDWR | os.O_CREAT, 0o644)
        try:
            fcntl.flock(self._descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            say("stanch: another start is making the environment; waiting for it.")
            fcntl.flock(self._descriptor, fcntl.LOCK_EX)
        return self._descriptor

    def __exit__(self, *_: object) -> None:
        os.close(self._descriptor)


def _check_this_python() -> None:
    missing = [name for name in ("venv", "ensurepip") if importlib.util.find_spec(name) is None]
    if missing:
        message = (
            f"{sys.executable} has no {' and no '.join(missing)}, so no environment can be made; nothing was changed. "
            "On Debian and Ubuntu: apt install python3-venv."
        )
        raise EnvironmentFailed(message)


def _environ() -> dict[str, str]:
    return {name: value for name, value in os.environ.items() if name not in MISLEADING}


def _terminate(*_: object) -> NoReturn:
    raise KeyboardInterrupt
