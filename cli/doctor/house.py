"""What lies on this machine: the rules in force, the master key, room on the disk."""

from __future__ import annotations

import base64
import binascii
import shutil
import tempfile
from pathlib import Path
from typing import Final

from adapters.policies import read_policy
from cli.doctor.findings import Finding, State, good
from cli.runtime import home
from models.errors import StanchError

MASTER_KEY_BYTES: Final = 32
ROOM: Final = 2 * 1024**3
"""Bytes: an embedded house and its logs for a good while."""


def examine_policy(folder: Path, name: str) -> Finding:
    """Whether the rules can be read, and whether they are for real accounts."""
    try:
        policy = read_policy(folder, name)
    except StanchError as error:
        return Finding(
            name="policy", state=State.BAD, seen=error.message, advice="Mend the file or set STANCH_POLICY."
        )
    spans = "/".join(_span(stage.seconds) for stage in policy.stages)
    seen = f"{policy.name}: {policy.trace.rule} tracing, stages of {spans}"
    if policy.clock != "real":
        advice = (
            "Its clocks run in seconds, for showing. Set STANCH_POLICY=production for accounts of people."
        )
        return Finding(name="policy", state=State.ATTENTION, seen=seen, advice=advice)
    return good("policy", seen)


def examine_master_key(key: str | None) -> Finding:
    """Whether the key that wraps every incident's key is there and whole."""
    advice = (
        "Set STANCH_MASTER_KEY to 32 random bytes in base64, the same for gateway, worker and this command."
    )
    if not key:
        return Finding(name="master key", state=State.BAD, seen="it is not set", advice=advice)
    try:
        length = len(base64.b64decode(key, validate=True))
    except (binascii.Error, ValueError):
        return Finding(name="master key", state=State.BAD, seen="it is not base64", advice=advice)
    if length != MASTER_KEY_BYTES:
        return Finding(name="master key", state=State.BAD, seen=f"it has {length} bytes", advice=advice)
    return good("master key", "present, 32 bytes")


def examine_disk() -> Finding:
    """Whether an embedded house has room to grow."""
    folder = home() if home().exists() else Path(tempfile.gettempdir())
    free = shutil.disk_usage(folder).free
    seen = f"{free / 1024**3:.1f} GiB free at {folder}"
    if free < ROOM:
        advice = "Make room: a database that cannot write refuses every alarm."
        return Finding(name="disk", state=State.ATTENTION, seen=seen, advice=advice, needed=False)
    return good("disk", seen, needed=False)


def _span(seconds: int) -> str:
    return f"{seconds // 3600} h" if seconds % 3600 == 0 else f"{seconds} s"
