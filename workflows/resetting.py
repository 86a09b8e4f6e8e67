"""A round of a reset: compare, reset what is missing in its order, stop what is in flight, read back, send the link."""

from __future__ import annotations

import asyncio

from temporalio import workflow
from temporalio.exceptions import ActivityError, is_cancelled_exception

with workflow.unsafe.imports_passed_through():
    from activities import reset_words
    from activities.comparing import CompareSecurity
    from activities.owner_link import SendOwnerLink
    from activities.security import ReadBack, ResetItem
    from models.contracts.resets import (
        OwnerLinkInput,
        ReadBackInput,
        ReadBackResult,
        ResetItemInput,
        ResetItemResult,
        ResetSecurityInput,
        ResetSecurityResult,
    )
    from models.contracts.security import CompareSecurityInput
    from models.names import SecurityItem
    from models.reset_order import before
    from workflows.policies import RESET, STEP, code_of
    from workflows.stopping import stop_payments


class Resetting:
    """Items run in parallel but for RESET_ORDER. What fails for good is told, and so is what waited for it."""

    def __init__(self, request: ResetSecurityInput) -> None:
        self._request = request
        self._receipts = dict(request.receipts)
        self._failed: dict[SecurityItem, str] = {}
        self._over = {item: asyncio.Event() for item in SecurityItem}

    async def run(self) -> ResetSecurityResult:
        """Complete, or everything that is missing with what to do about it."""
        try:
            await self._compare()
        except ActivityError as error:
            return self._incomplete(error, {})
        stopping = asyncio.create_task(self._stop_payments())
        await asyncio.gather(stopping, *(self._reset(item) for item in SecurityItem))
        unstopped = stopping.result()
        try:
            verdict = await self._read_back(unstopped)
        except ActivityError as error:
            return self._incomplete(error, unstopped)
        if verdict.complete:
            await self._send_owner_link()
        return ResetSecurityResult(
            complete=verdict.complete,
            receipts=self._receipts,
            missing=verdict.missing,
            unstopped=verdict.unstopped,
        )

    def _incomplete(self, error: ActivityError, unstopped: dict[str, str]) -> ResetSecurityResult:
        """Nobody has seen the account: nothing counts as clean."""
        if is_cancelled_exception(error):
            raise error
        unseen = reset_words.not_read_back(code_of(error))
        return ResetSecurityResult(
            complete=False,
            receipts=self._receipts,
            missing={item: self._failed.get(item, unseen) for item in SecurityItem},
            unstopped=unstopped,
        )

    async def _compare(self) -> None:
        request = self._request
        await workflow.execute_activity_method(
            CompareSecurity.run,
            CompareSecurityInput(
                incident_id=request.incident_id,
                episode=request.episode,
                step_key=f"security/compare/{request.attempt}",
                account_id=request.account_id,
                compromised_since=request.compromised_since,
            ),
            summary="compare with the state before the compromise time",
            **RESET,
        )

    async def _stop_payments(self) -> dict[str, str]:
        request = self._request
        return await stop_payments(
            incident_id=request.incident_id,
            episode=request.episode,
            account_id=request.account_id,
            compromised_since=request.compromised_since,
            part=f"security/{request.attempt}",
            options=RESET,
        )

    async def _reset(self, item: SecurityItem) -> None:
        for first in before(item):
            await self._over[first].wait()
        waiting_for = tuple(first for first in before(item) if first not in self._receipts)
        if waiting_for:
            self._failed[item] = reset_words.waits(item, waiting_for)
        elif item not in self._receipts:
            await self._do(item)
        self._over[item].set()

    async def _do(self, item: SecurityItem) -> None:
        try:
            result = await self._ask_wallet(item)
        except ActivityError as error:
            if is_cancelled_exception(error):
                raise
            self._failed[item] = reset_words.failed(item, code_of(error))
            return
        if result.receipt_id is not None:
            self._receipts[item] = result.receipt_id
        elif result.refusal is not None:
            self._failed[item] = reset_words.failed(item, result.refusal.code)

    async def _ask_wallet(self, item: SecurityItem) -> ResetItemResult:
        request = self._request
        return await workflow.execute_activity_method(
            ResetItem.run,
            ResetItemInput(
                incident_id=request.incident_id,
                episode=request.episode,
                step_key=f"security/{item}/{request.attempt}",
                account_id=request.account_id,
                item=item,
                compromised_since=request.compromised_since,
            ),
            summary=f"reset {item}",
            **RESET,
        )

    async def _read_back(self, unstopped: dict[str, str]) -> ReadBackResult:
        request = self._request
        return await workflow.execute_activity_method(
            ReadBack.run,
            ReadBackInput(
                incident_id=request.incident_id,
                episode=request.episode,
                step_key=f"security/read-back/{request.attempt}",
                account_id=request.account_id,
                compromised_since=request.compromised_since,
                receipts=self._receipts,
                failed=self._failed,
                unstopped=unstopped,
            ),
            summary="read every item back at the wallet",
            **RESET,
        )

    async def _send_owner_link(self) -> None:
        request = self._request
        await workflow.execute_activity_method(
            SendOwnerLink.run,
            OwnerLinkInput(
                incident_id=request.incident_id,
                episode=request.episode,
                step_key=f"security/owner-link/{request.attempt}",
                account_id=request.account_id,
                compromised_since=request.compromised_since,
                asked_at=workflow.now(),
                bound=True,
            ),
            summary="the wallet sends the owner a link for new secrets",
            **STEP,
        )
