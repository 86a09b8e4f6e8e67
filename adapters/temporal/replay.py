"""The histories of an incident from Temporal, decrypted, read and replayed (port use_cases.audit_replay.Histories)."""

from __future__ import annotations

import asyncio
import json
from collections import deque
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

from temporalio.client import Client, WorkflowHistory, WorkflowHistoryEventFilterType
from temporalio.service import RPCError, RPCStatusCode

from adapters.temporal.client import unreachable
from adapters.temporal.decrypting import decrypted
from adapters.temporal.strict_replay import StrictReplay
from ledger.findings import Finding, Kind
from ledger.histories import History, HistoryUnreadable, read_history
from models.ids import credential_workflow_id, incident_workflow_id, recovery_workflow_id

SETTLING_SECONDS: Final = 5.0


@dataclass(frozen=True)
class Replayed:
    """One run: what its history says, and what differs when today's code replays it."""

    history: History
    findings: tuple[Finding, ...]


@dataclass
class TemporalHistories:
    """Fetches every run of an incident's workflows: its own, the recovery's, all children, continued runs included.

    Of a credential recovery, which has one workflow and an id of the same kind, that one.
    """

    client: Client
    workflows: Sequence[type]

    async def replay(self, incident_id: str, *, closed: bool) -> list[Replayed]:
        """Every run, the incident's own first; empty when Temporal knows none.

        A `closed` incident's workflow is given a moment to end, since its last act is to close the incident. Errors: TEMPORAL_UNREACHABLE; ERASED when the incident's key is destroyed; INTERNAL when a payload was changed.
        """
        if closed:
            for own in (incident_workflow_id(incident_id), credential_workflow_id(incident_id)):
                await self._ended(own)
        return [await replay_history(history, self.workflows) for history in await self.fetch(incident_id)]

    async def fetch(self, incident_id: str) -> list[WorkflowHistory]:
        """The same runs, decrypted, not replayed."""
        waiting: deque[tuple[str, str | None]] = deque(
            [
                (incident_workflow_id(incident_id), None),
                (recovery_workflow_id(incident_id), None),
                (credential_workflow_id(incident_id), None),
                *await self._recoveries(incident_id),
            ]
        )
        fetched: dict[tuple[str, str], WorkflowHistory] = {}
        while waiting:
            workflow_id, run_id = waiting.popleft()
            if run_id is not None and (workflow_id, run_id) in fetched:
                continue
            history = await self._fetch(workflow_id, run_id)
            if history is None:
                continue
            fetched[workflow_id, history.run_id] = history
            waiting.extend(_related(history))
        return list(fetched.values())

    async def _recoveries(self, incident_id: str) -> list[tuple[str, str | None]]:
        """Every run of the recovery. One that began again after it had ended names none of those before it."""
        workflow_id = recovery_workflow_id(incident_id)
        try:
            return [
                (workflow_id, run.run_id)
                async for run in self.client.list_workflows(f"WorkflowId = '{workflow_id}'")
            ]
        except (RPCError, RuntimeError) as error:
            raise unreachable() from error

    async def _ended(self, workflow_id: str) -> None:
        """Until its last event is written, or a moment has passed."""
        handle = self.client.get_workflow_handle(workflow_id)
        last = handle.fetch_history_events(
            wait_new_event=True, event_filter_type=WorkflowHistoryEventFilterType.CLOSE_EVENT
        )
        try:
            async with asyncio.timeout(SETTLING_SECONDS):
                async for _ in last:
                    return
        except TimeoutError:
            return
        except RPCError as error:
            if error.status is not RPCStatusCode.NOT_FOUND:
                raise unreachable() from error
        except RuntimeError as error:
            raise unreachable() from error

    async def _fetch(self, workflow_id: str, run_id: str | None) -> WorkflowHistory | None:
        """One run; None when Temporal does not know it (never started, or past its retention)."""
        handle = self.client.get_workflow_handle(workflow_id, run_id=run_id)
        try:
            history = await handle.fetch_history()
        except RPCError as error:
            if error.status in (RPCStatusCode.NOT_FOUND, RPCStatusCode.INVALID_ARGUMENT):
                return None
            raise unreachable() from error
        except RuntimeError as error:
            raise unreachable() from error
        return await decrypted(history, self.client.data_converter.payload_codec, self.client.namespace)


async def replay_history(history: WorkflowHistory, workflows: Sequence[type]) -> Replayed:
    """Read and replay one decrypted run. What cannot be read is a finding, not an error."""
    read = read_run(history)
    if isinstance(read, Finding):
        blank = read_history(history.workflow_id, "", [])
        return Replayed(blank, (read,))
    return Replayed(read, tuple(await StrictReplay(workflows).run(history, read)))


def read_run(history: WorkflowHistory) -> History | Finding:
    """What one decrypted run says, or why it cannot be read."""
    try:
        events = json.loads(history.to_json())["events"]
        return read_history(history.workflow_id, history.run_id, events)
    except (HistoryUnreadable, RuntimeError, KeyError, IndexError, ValueError) as error:
        return Finding(Kind.HISTORY_UNREADABLE, history.workflow_id, str(error))


def _related(history: WorkflowHistory) -> list[tuple[str, str | None]]:
    """Runs that belong to this one: before it, after it, and its children."""
    read = read_run(history)
    if isinstance(read, Finding):
        return []
    runs: list[tuple[str, str | None]] = [
        (history.workflow_id, run_id)
        for run_id in (read.continues_from, read.continued_to)
        if run_id is not None
    ]
    runs += [(child.workflow_id, child.run_id) for child in read.children if child.run_id is not None]
    return runs
