"""Beside the worker: takes answers out of folders, feeds the index while money may come, wakes recalls that have news, and
recoveries whose money came after all.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import timedelta
from typing import Final

import structlog
from temporalio.client import Client
from temporalio.service import RPCError, RPCStatusCode

from activities.money_ports import TransferIndex
from adapters.recall.file_drop import Inbox
from adapters.recall.xml import LARGEST
from adapters.sql.late_money import SqlLateMoney
from adapters.sql.recalls import SqlRecalls, Woken
from models.contracts.alarms import Sender
from models.errors import StanchError
from models.ids import recall_workflow_id
from models.names import WAKE, Role
from use_cases.answer_recall import AnswerRecall

AT_ONCE: Final = 50
PAUSE_SECONDS: Final = 0.5
FEED_BUDGET: Final = timedelta(seconds=10)
SIGNAL_BUDGET: Final = timedelta(seconds=5)

_log = structlog.get_logger(__name__)


@dataclass
class RecallCare:
    """A recall's workflow sleeps for weeks. What happens to it is in the database; this has it look there.

    `inboxes`: (name of the institution, its folder). `look_seconds`: how often the index is fed and money looked for while
    any may come: a bank that refused, or was given up, may pay back all the same.
    Several may run: a woken recall is leased, an answer is kept once whoever takes it.
    """

    recalls: SqlRecalls
    late: SqlLateMoney
    answers: AnswerRecall
    index: TransferIndex
    client: Client
    look_seconds: int
    inboxes: Sequence[tuple[str, Inbox]] = ()
    pause_seconds: float = PAUSE_SECONDS
    _looked_at: float | None = field(default=None, init=False)

    async def run(self, stop: asyncio.Event) -> None:
        """Until `stop`. A database, wallet or Temporal that is away is noted and found again."""
        while not stop.is_set():
            try:
                await self.once()
            except (StanchError, OSError) as error:
                _log.warning("recall_care_failed", code=getattr(error, "code", type(error).__name__))
            except Exception:  # noqa: BLE001 - what others write to us must not end the worker
                _log.exception("recall_care_failed")
            try:
                async with asyncio.timeout(self.pause_seconds):
                    await stop.wait()
            except TimeoutError:
                continue

    async def once(self) -> None:
        """One round: what waits is woken first, so that nothing that fails in what comes in can hold it up."""
        await self._wake_all(looking=False)
        now = time.monotonic()
        if self._looked_at is None or now - self._looked_at >= self.look_seconds:
            self._looked_at = now
            await self._feed()
            await self._wake_all(looking=True)
            await self.late.hand_over(AT_ONCE)
        await self.answers.catch_up()
        for name, inbox in self.inboxes:
            await self._import(name, inbox)

    async def _wake_all(self, *, looking: bool) -> None:
        while woken := await self.recalls.to_wake(AT_ONCE, looking=looking):
            for each in woken:
                await self._wake(each)

    async def _import(self, name: str, inbox: Inbox) -> None:
        sender = Sender(operator_id="", name=name, role=Role.INSTITUTION)
        for path, raw in inbox.waiting(LARGEST):
            if raw.strip():
                await self.answers.run(raw, sender=sender)
            inbox.stored(path)

    async def _feed(self) -> None:
        if await self.late.any_awaited():
            try:
                await self.index.catch_up(budget=FEED_BUDGET)
            except StanchError as error:
                _log.warning("recall_feed_failed", code=error.code)

    async def _wake(self, woken: Woken) -> None:
        workflow_id = recall_workflow_id(woken.incident_id, woken.transfer_seq, woken.part)
        try:
            await self.client.get_workflow_handle(workflow_id).signal(WAKE, rpc_timeout=SIGNAL_BUDGET)
        except RPCError as error:
            missing = error.status is RPCStatusCode.NOT_FOUND
            _log.warning("recall_not_woken", workflow_id=workflow_id, missing=missing)
        except RuntimeError:
            _log.warning("recall_not_woken", workflow_id=workflow_id, missing=False)
