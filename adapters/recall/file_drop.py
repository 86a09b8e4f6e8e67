"""Recalls as files: one folder out, one folder in, as banks' file gateways have it."""

from __future__ import annotations

import contextlib
import os
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from adapters.recall.routes import refused, unreachable

ENDINGS: Final = {"camt056": ".xml", "neutral": ".json"}
HALF: Final = ".part"
"""How a file is named while it is being written, here and by whoever fills the inbox: such a file is not read."""

DONE: Final = "done"
PUT_ASIDE: Final = "too-large"


@dataclass(frozen=True)
class FileDrop:
    """Writes into a folder. A reader never sees half a file: it is whole and on disk before it has its name."""

    outbox: Path

    async def send(self, message_id: str, form: str, content: bytes) -> None:
        """Write `{message_id}.xml` or `.json`; the same message again changes nothing.

        Errors: INSTITUTION_REFUSED when another message has this id, INSTITUTION_UNREACHABLE when the disk does not take it.
        """
        path = self.outbox / f"{message_id}{ENDINGS[form]}"
        try:
            self.outbox.mkdir(parents=True, exist_ok=True)
            if path.exists():
                if path.read_bytes() != content:
                    raise refused("another message has this id")
                return
            write_whole(path, content)
        except OSError as error:
            raise unreachable(type(error).__name__) from error


def write_whole(path: Path, content: bytes) -> None:
    """All of it or nothing, and still there after a power cut."""
    half = path.with_name(f"{path.name}{HALF}")
    with os.fdopen(os.open(half, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600), "wb") as file:
        file.write(content)
        file.flush()
        os.fsync(file.fileno())
    half.replace(path)
    folder = os.open(path.parent, os.O_RDONLY)
    try:
        os.fsync(folder)
    finally:
        os.close(folder)


@dataclass(frozen=True)
class Inbox:
    """A folder into which answers are put. A file is moved to `done` once its answer is stored, never deleted."""

    folder: Path

    def waiting(self, largest: int) -> Iterator[tuple[Path, bytes]]:
        """Files with their content, oldest name first; one that is too large to be an answer is put aside in `too-large`."""
        with contextlib.suppress(FileNotFoundError):
            for path in sorted(self.folder.iterdir()):
                if (
                    not path.is_file()
                    or path.is_symlink()
                    or path.name.endswith(HALF)
                    or path.name.startswith(".")
                ):
                    continue
                if path.stat().st_size > largest:
                    self._move(path, PUT_ASIDE)
                else:
                    yield path, path.read_bytes()

    def stored(self, path: Path) -> None:
        """Its answer is committed."""
        self._move(path, DONE)

    def _move(self, path: Path, where: str) -> None:
        folder = self.folder / where
        folder.mkdir(exist_ok=True)
        target = folder / path.name
        number = 1
        while target.exists():
            number += 1
            target = folder / f"{path.stem}-{number}{path.suffix}"
        path.replace(target)
