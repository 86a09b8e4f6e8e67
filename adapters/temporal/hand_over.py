"""Hand-over: start an incident's workflow, or wake it. It carries nothing; the workflow reads the database (DESIGN 4)."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from datetime import timedelta

import structlog
from temporalio.client import Client, RPCTimeoutOrCancelledError, WithStartWorkflowOperation
from temporalio.common import WorkflowIDConflictPolicy, WorkflowIDReusePolicy
from temporalio.exceptions import TemporalError, WorkflowAlreadyStartedError
from temporalio.service import RPCError, RPCStatusCode

from activities.ports import Incidents
from adapters.temporal.client import unreachable
from models.contracts.incidents import IncidentOpening
from models.contracts.recovery import RecoverFundsInput
from models.errors import ErrorCode, StanchError
from models.ids import incident_workflow_id, recovery_workflow_id
from models.names import WAKE
from models.registered import Workflow

MARGIN = timedelta(milliseconds=100)
"""Beyond the call's own deadline, for what the call does before and after it: connecting, above all."""

_log = structlog.get_logger(__name__)


class NotTaken(StanchError):
    """Temporal answers, but no worker has taken the wake in time: the relay insists, and others need not wait for it."""

    def __init__(self) -> None:
        super().__init__(
            ErrorCode.TEMPORAL_UNREACHABLE,
            "Temporal answers, but no worker has taken this up in time. What is committed is safe and accounts are frozen "
            "without it; see that a worker runs.",
        )


@dataclass
class TemporalHandOver:
    """ports.HandOver, by names only: gateway and relay import no workflow.

    A workflow that starts reads everything from the database, so its start is all the wake it needs: one call that waits
    for no worker, however many incidents a burst opens. One that runs already is woken by update-with-start, whose answer
    says that it was taken; a fresh update id each time, since each wake is a wake of its own. `budget` bounds each call;
    `incidents` tells whether a workflow that has ended had the right to.
    """

    client: Client
    incidents: Incidents
    task_queue: str
    budget: timedelta
    task_timeout: timedelta
    recovery: Callable[[str], Awaitable[RecoverFundsInput | None]]
    """With what a recovery that has ended begins again; None when nobody asks anything of it."""

    async def wake(self, incident_id: str) -> None:
        """Return when the workflow was started, has taken the wake, or has ended with its incident closed.

        Errors: TEMPORAL_UNREACHABLE (NotTaken, where only a worker is missing); INTERNAL when the workflow has ended and
        the incident is open; DATABASE_UNREACHABLE while finding that out.
        """
        try:
            async with asyncio.timeout((self.budget + MARGIN).total_seconds()):
                await self._begin(incident_id)
        except WorkflowAlreadyStartedError:
            await self._wake_recovery(incident_id)
            await self._wake(incident_id)
        except (RPCError, TimeoutError, RuntimeError) as error:
            raise unreachable() from error

    async def _begin(self, incident_id: str) -> None:
        await self.client.start_workflow(
            Workflow.STOLEN_ACCOUNT_INCIDENT.value,
            IncidentOpening(incident_id=incident_id),
            id=incident_workflow_id(incident_id),
            task_queue=self.task_queue,
            id_conflict_policy=WorkflowIDConflictPolicy.FAIL,
            id_reuse_policy=WorkflowIDReusePolicy.REJECT_DUPLICATE,
            task_timeout=self.task_timeout,
            rpc_timeout=self.budget,
        )

    async def _wake(self, incident_id: str) -> None:
        start = self._start(incident_id)
        try:
            async with asyncio.timeout((self.budget + MARGIN).total_seconds()):
                await self.client.execute_update_with_start_workflow(
                    WAKE, start_workflow_operation=start, rpc_timeout=self.budget
                )
        except WorkflowAlreadyStartedError:
            await self._ended(incident_id)
        except (TimeoutError, RPCTimeoutOrCancelledError) as error:
            _heed_cancellation()
            raise NotTaken from error
        except RPCError as error:
            if error.status is not RPCStatusCode.NOT_FOUND:
                raise unreachable() from error
            # It ended between the server's look at the start and its look at the update.
            if not await self._closed(incident_id):
                raise unreachable() from error
        except (TemporalError, RuntimeError) as error:
            raise unreachable() from error
        finally:
            await _forget_handle(start)

    async def _wake_recovery(self, incident_id: str) -> None:
        """The recovery outlives its incident. Where none runs there is nothing to wake: it reads everything at its start."""
        recovery = self.client.get_workflow_handle(recovery_workflow_id(incident_id))
        try:
            async with asyncio.timeout((self.budget + MARGIN).total_seconds()):
                await recovery.signal(WAKE, rpc_timeout=self.budget)
        except RPCError as error:
            if error.status is not RPCStatusCode.NOT_FOUND:
                raise unreachable() from error
            await self._recover_again(incident_id)
        except (TimeoutError, RuntimeError) as error:
            raise unreachable() from error

    async def _recover_again(self, incident_id: str) -> None:
        """People may decide about the money after its recovery has ended: then it begins again, and carries that out."""
        request = await self.recovery(incident_id)
        if request is None:
            return
        try:
            await self.client.start_workflow(
                Workflow.RECOVER_FUNDS.value,
                request,
                id=recovery_workflow_id(incident_id),
                task_queue=self.task_queue,
                task_timeout=self.task_timeout,
                rpc_timeout=self.budget,
            )
        except WorkflowAlreadyStartedError:
            return
        except (RPCError, RuntimeError) as error:
            raise unreachable() from error

    def _start(self, incident_id: str) -> WithStartWorkflowOperation[object, object]:
        """Never starts one, since one runs or has ended; but only this call says which in one answer."""
        return WithStartWorkflowOperation(
            Workflow.STOLEN_ACCOUNT_INCIDENT.value,
            IncidentOpening(incident_id=incident_id),
            id=incident_workflow_id(incident_id),
            task_queue=self.task_queue,
            id_conflict_policy=WorkflowIDConflictPolicy.USE_EXISTING,
            id_reuse_policy=WorkflowIDReusePolicy.REJECT_DUPLICATE,
            task_timeout=self.task_timeout,
        )

    async def _ended(self, incident_id: str) -> None:
        """A workflow may only have ended with its incident."""
        if await self._closed(incident_id):
            return
        _log.error("workflow_ended_before_its_incident", incident_id=incident_id)
        raise StanchError(
            ErrorCode.INTERNAL,
            f"Workflow {incident_workflow_id(incident_id)} has ended while its incident is open. The account keeps its "
            "freeze, but nothing works on it; reset that workflow in Temporal to its last good point.",
        )

    async def _closed(self, incident_id: str) -> bool:
        facts = await self.incidents.facts(incident_id)
        return facts is not None and facts.closed_at is not None


async def _forget_handle(start: WithStartWorkflowOperation[object, object]) -> None:
    """Its handle is a future of its own; one that is never looked at is reported by asyncio as a lost error."""
    try:
        async with asyncio.timeout(0):
            await start.workflow_handle()
    except asyncio.CancelledError:
        # The call's own timeout, kept in that future; ours only if somebody cancels this task.
        _heed_cancellation()
    except Exception:  # noqa: BLE001 - the call itself has reported it
        return


def _heed_cancellation() -> None:
    """The SDK reports a cancelled task as a timeout of the call; a process that ends must not take it for one."""
    task = asyncio.current_task()
    if task is not None and task.cancelling():
        raise asyncio.CancelledError
