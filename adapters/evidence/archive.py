"""An evidence pack as one ZIP file.

Nothing is compressed: so the bytes do not depend on a compressor's version, a small file cannot unfold into a large one,
and whoever opens it needs nothing but eyes. Nothing is ever extracted by name: a pack holds the known parts or it is none.
"""

from __future__ import annotations

import io
import os
import zipfile
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

from models.errors import ErrorCode, StanchError
from tracing.evidence.formats import CURRENT, FORMATS, MANIFEST, Format, UnknownFormat, format_of
from tracing.picture.pieces import spoken

LARGEST = 1 << 30
"""Bytes of a pack; one with half a million edges has a third of it."""

_EPOCH = (1980, 1, 1, 0, 0, 0)
_UNIX = 3
_READABLE = 0o100644 << 16


@dataclass(slots=True)
class Opened:
    """What could be read. `damaged` names parts whose bytes are not those that were packed, or that are missing."""

    parts: dict[str, bytes] = field(default_factory=dict)
    damaged: dict[str, str] = field(default_factory=dict)
    written: Format = CURRENT
    same_container: bool = True


def packed(parts: Mapping[str, bytes]) -> bytes:
    """The file's bytes: the same for the same parts."""
    written = io.BytesIO()
    with zipfile.ZipFile(written, "w", zipfile.ZIP_STORED) as archive:
        for name, content in parts.items():
            entry = zipfile.ZipInfo(name, _EPOCH)
            entry.create_system = _UNIX
            entry.external_attr = _READABLE
            archive.writestr(entry, content)
    return written.getvalue()


def write_whole(path: Path, content: bytes) -> None:
    """Write a file so that nobody ever sees half of it. Errors: INVALID when the place cannot be written to."""
    beside = path.with_name(f".{path.name}.{os.getpid()}")
    try:
        beside.write_bytes(content)
        beside.replace(path)
    except OSError as error:
        beside.unlink(missing_ok=True)
        raise StanchError(
            ErrorCode.INVALID,
            f"{path} cannot be written ({error.strerror or type(error).__name__}); what was there is unchanged. Name "
            "another place.",
        ) from error


def opened(path: Path) -> Opened:
    """Read a pack. Errors: FILE_BROKEN when it is no pack at all, or larger than any; FORMAT_UNKNOWN."""
    try:
        if path.stat().st_size > LARGEST:
            raise _no_pack(path, f"it is larger than {LARGEST:,} bytes")
        content = path.read_bytes()
        with zipfile.ZipFile(io.BytesIO(content)) as archive:
            if sum(entry.file_size for entry in archive.infolist()) > len(content):
                raise _no_pack(path, "it says that it holds more than it has")
            found = _parts(archive, path)
    except OSError as error:
        raise _no_pack(path, f"it cannot be read ({error.strerror or type(error).__name__})") from error
    except (zipfile.BadZipFile, NotImplementedError, ValueError, EOFError) as error:
        raise _no_pack(path, "it is no ZIP file, or its directory is damaged") from error
    if not found.damaged:
        found.same_container = packed(found.parts) == content
    return found


def is_pack(path: Path) -> bool:
    """Whether there is a ZIP file there."""
    return path.is_file() and zipfile.is_zipfile(path)


def _parts(archive: zipfile.ZipFile, path: Path) -> Opened:
    found = Opened()
    for entry in archive.infolist():
        if entry.filename in found.parts or entry.filename in found.damaged:
            raise _no_pack(path, f"it holds {spoken(entry.filename)} twice")
        if entry.compress_type != zipfile.ZIP_STORED or entry.compress_size != entry.file_size:
            raise _no_pack(path, f"{spoken(entry.filename)} is compressed, which no evidence pack is")
        try:
            found.parts[entry.filename] = archive.read(entry)
        except (zipfile.BadZipFile, EOFError, RuntimeError, NotImplementedError, OSError, ValueError):
            found.damaged[entry.filename] = "its bytes are not those that were packed"
    found.written = _format(found.parts.get(MANIFEST), path)
    named = found.written.parts
    if {*found.parts, *found.damaged} - {*named}:
        raise _no_pack(path, "it holds a file that no evidence pack has")
    for name in named:
        if name not in found.parts and name not in found.damaged:
            found.damaged[name] = "it is missing"
    found.parts = {name: found.parts[name] for name in named if name in found.parts}
    return found


def _format(manifest: bytes | None, path: Path) -> Format:
    try:
        return format_of(manifest)
    except UnknownFormat as unknown:
        known = ", ".join(map(str, sorted(FORMATS)))
        raise StanchError(
            ErrorCode.FORMAT_UNKNOWN,
            f"{path.name} says that it is an evidence pack of format {spoken(str(unknown.named))[:40]}; this program reads format "
            f"{known}. Nothing of it was used; check it with the release that wrote it, or a newer one.",
        ) from unknown


def _no_pack(path: Path, why: str) -> StanchError:
    return StanchError(
        ErrorCode.FILE_BROKEN,
        f"{path.name} is no evidence pack: {why}. Nothing of it was used; get the pack again from where it came.",
    )
