"""Which workflow a hand-over is for: an incident's, or that of a forgotten credential."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass
from datetime import timedelta

from temporalio.client import Client
from temporalio.common import WorkflowIDConflictPolicy, WorkflowIDReusePolicy
from temporalio.exceptions import WorkflowAlreadyStartedError
from temporalio.service import RPCError

from activities.credential_ports import Credentials
from activities.ports import HandOver
from adapters.temporal.client import unreachable
from adapters.temporal.hand_over import MARGIN
from models.contracts.credential import RecoverCredentialInput
from models.ids import credential_workflow_id
from models.names import WAKE
from models.registered import Workflow


@dataclass
class RoutedHandOver:
    """ports.HandOver for both. Telling them apart costs one look at a primary key, off the way of any alarm."""

    client: Client
    incidents: HandOver
    credentials: Credentials
    task_queue: str
    budget: timedelta
    task_timeout: timedelta

    async def wake(self, incident_id: str) -> None:
        """As TemporalHandOver.wake, whose id ever it is."""
        recovery = await self.credentials.facts(incident_id)
        if recovery is None:
            await self.incidents.wake(incident_id)
        elif recovery.ending is None:
            # One that is over needs no workflow any more; one that was begun too often never had one.
            await self._wake_credential(incident_id)

    async def _wake_credential(self, recovery_id: str) -> None:
        """Start it, or signal the one that runs: one call either way. One that has ended has nothing more to do."""
        try:
            async with asyncio.timeout((self.budget + MARGIN).total_seconds()):
                await self.client.start_workflow(
                    Workflow.RECOVER_CREDENTIAL.value,
                    RecoverCredentialInput(recovery_id=recovery_id),
                    id=credential_workflow_id(recovery_id),
                    task_queue=self.task_queue,
                    id_conflict_policy=WorkflowIDConflictPolicy.USE_EXISTING,
                    id_reuse_policy=WorkflowIDReusePolicy.REJECT_DUPLICATE,
                    start_signal=WAKE,
                    task_timeout=self.task_timeout,
                    rpc_timeout=self.budget,
                )
        except WorkflowAlreadyStartedError:
            return
        except (RPCError, TimeoutError, RuntimeError) as error:
            raise unreachable() from error
