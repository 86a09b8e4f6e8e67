"""What a running `stanch up` (or `demo --keep`) tells other commands: a file with URLs and logins, readable by us alone."""

from __future__ import annotations

import json
import os
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Final

from models.errors import ErrorCode, StanchError

if TYPE_CHECKING:
    from collections.abc import Mapping

ROOT: Final = Path(__file__).resolve().parent.parent
OTHER_HOME: Final = "STANCH_HOME"

RUNTIME: Final = "STANCH_RUNTIME"
NAME: Final = "runtime.json"
# Whoever names one of these means another house; nothing of ours is mixed into it.
OTHER_HOUSE: Final = ("STANCH_CONFIG", "STANCH_DATABASE_URL", "STANCH_WALLET_URL")


@dataclass(frozen=True, kw_only=True)
class Login:
    """An operator's name and credential."""

    name: str
    credential: str


@dataclass(frozen=True, kw_only=True)
class Runtime:
    """One running house. `environ` is what its parts were started with; `urls` are for people."""

    process: int
    gateway_url: str
    urls: Mapping[str, str] = field(default_factory=dict)
    logins: Mapping[str, Login] = field(default_factory=dict)
    environ: Mapping[str, str] = field(default_factory=dict)

    def write(self, folder: Path) -> Path:
        """Write it for us alone, all or nothing. Returns the file."""
        path, half = folder / NAME, folder / f"{NAME}.half"
        half.unlink(missing_ok=True)
        with os.fdopen(os.open(half, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "w") as file:
            json.dump(asdict(self), file, indent=1)
        half.replace(path)
        return path


def home() -> Path:
    """Where `stanch up` keeps its durable data: .stanch in the clone, or what STANCH_HOME names."""
    named = os.environ.get(OTHER_HOME)
    return Path(named).absolute() if named else ROOT / ".stanch"


def current() -> Runtime | None:
    """The house that runs now, if any: the one STANCH_RUNTIME names, or that of `stanch up`."""
    named = os.environ.get(RUNTIME)
    path = Path(named) if named else home() / NAME
    try:
        stored = json.loads(path.read_text())
        stored["logins"] = {role: Login(**login) for role, login in stored["logins"].items()}
        runtime = Runtime(**stored)
    except FileNotFoundError:
        return None
    except (OSError, ValueError, KeyError, TypeError):
        raise StanchError(
            ErrorCode.INVALID,
            f"{path} is not what a running stanch wrote; nothing was done. Remove it, or stop and start `stanch up`.",
        ) from None
    return runtime if _lives(runtime.process) else None


def adopt() -> Runtime | None:
    """Let this process use the settings of the running house where its own environment names no other one."""
    if any(os.environ.get(name) for name in OTHER_HOUSE):
        return None
    runtime = current()
    if runtime is not None:
        for name, value in runtime.environ.items():
            os.environ.setdefault(name, value)
    return runtime


def _lives(process: int) -> bool:
    try:
        os.kill(process, 0)
    except ProcessLookupError:
        return False
    except PermissionError:
        return True
    return True
