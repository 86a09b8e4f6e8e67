"""Committed histories: how they are cleaned, written and read."""

from __future__ import annotations

import gzip
import json
from collections.abc import Iterator
from pathlib import Path

from temporalio.api.history.v1 import HistoryEvent
from temporalio.client import WorkflowHistory

from adapters.temporal.decrypting import failures_in

FOLDER = Path(__file__).parent / "histories"
SHAPE = "0.3.0"
"""The release whose workflows these are. A released folder never changes: open incidents were begun with it."""

BROKEN = "broken"
NOBODY = "worker"


def cleaned(history: WorkflowHistory) -> WorkflowHistory:
    """The same history without stack traces and names of machines; what replays is untouched."""
    events = [HistoryEvent.FromString(event.SerializeToString()) for event in history.events]
    for event in events:
        for failure in failures_in(event):
            failure.stack_trace = ""
            if failure.HasField("encoded_attributes"):
                attributes = json.loads(failure.encoded_attributes.data)
                failure.encoded_attributes.data = json.dumps({**attributes, "stack_trace": ""}).encode()
        _forget_machines(event)
    return WorkflowHistory(history.workflow_id, events)


def _forget_machines(event: HistoryEvent) -> None:
    """Worker identities and sticky queues are made of process numbers and host names."""
    _, attributes = event.ListFields()[-1]
    for each in (attributes, *(value for _, value in event.ListFields() if value is not attributes)):
        names = getattr(getattr(each, "DESCRIPTOR", None), "fields_by_name", {})
        if "identity" in names and each.identity:
            each.identity = NOBODY
        for name in ("task_queue", "sticky_attributes"):
            if name in names and each.HasField(name) and "@" in getattr(each, name).name:
                each.task_queue.name = NOBODY


def write(history: WorkflowHistory, name: str, folder: str = SHAPE) -> Path:
    """Write one as compressed JSON; the same history gives the same bytes."""
    path = FOLDER / folder / f"{name}.json.gz"
    path.parent.mkdir(parents=True, exist_ok=True)
    document = {"workflow_id": history.workflow_id, "history": json.loads(history.to_json())}
    text = json.dumps(document, sort_keys=True, separators=(",", ":"))
    path.write_bytes(gzip.compress(text.encode(), compresslevel=9, mtime=0))
    return path


def text_of(path: Path) -> str:
    """The JSON of a committed history."""
    return gzip.decompress(path.read_bytes()).decode()


def read(path: Path) -> WorkflowHistory:
    """Read one."""
    document = json.loads(text_of(path))
    return WorkflowHistory.from_json(document["workflow_id"], document["history"])


def paths(folder: str | None = None) -> Iterator[Path]:
    """All good ones, of every shape; or those of one folder."""
    for path in sorted(FOLDER.glob(f"{folder or '*'}/*.json.gz")):
        if folder is not None or path.parent.name != BROKEN:
            yield path
