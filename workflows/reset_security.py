"""ResetSecurity: every item renewed with a receipt, then read back at the wallet. Today's rounds are in resetting.py."""

from __future__ import annotations

import asyncio

from temporalio import workflow

with workflow.unsafe.imports_passed_through():
    from activities.owner_link import SendOwnerLink
    from activities.security import ReadBack, ResetItem
    from models.contracts.resets import (
        OwnerLinkInput,
        ReadBackInput,
        ResetItemInput,
        ResetItemResult,
        ResetSecurityInput,
        ResetSecurityResult,
    )
    from models.names import SecurityItem
    from models.registered import Workflow
    from workflows.policies import STEP
    from workflows.resetting import Resetting

COMPARES_AND_STOPS = "compares-and-stops"
"""Patch: the difference is recorded first, the order is RESET_ORDER, tries end, and what is in flight is stopped."""

AFTER: dict[SecurityItem, SecurityItem] = {
    SecurityItem.SESSIONS: SecurityItem.PASSWORD,
    SecurityItem.REFRESH_TOKENS: SecurityItem.SESSIONS,
    SecurityItem.LIMITS: SecurityItem.PAYEES,
}
"""The order of resets that were begun before the patch."""


@workflow.defn(name=Workflow.RESET_SECURITY)
class ResetSecurity:
    """Twelve items in parallel, with dependencies; complete only when the wallet itself shows every one clean."""

    @workflow.init
    def __init__(self, request: ResetSecurityInput) -> None:
        self._request = request
        self._done: dict[SecurityItem, asyncio.Event] = {item: asyncio.Event() for item in SecurityItem}

    @workflow.run
    async def run(self, request: ResetSecurityInput) -> ResetSecurityResult:
        """Reset, read back, and let the wallet send the owner the link for new secrets."""
        if workflow.patched(COMPARES_AND_STOPS):
            return await Resetting(request).run()
        results = await asyncio.gather(*(self._reset(item) for item in SecurityItem))
        receipts = {each.item: each.receipt_id for each in results if each.receipt_id is not None}
        verdict = await workflow.execute_activity_method(
            ReadBack.run,
            ReadBackInput(
                incident_id=request.incident_id,
                episode=request.episode,
                step_key=f"security/read-back/{request.attempt}",
                account_id=request.account_id,
                compromised_since=request.compromised_since,
                receipts=receipts,
            ),
            summary="read every item back at the wallet",
            **STEP,
        )
        if verdict.complete:
            await self._send_owner_link()
        return ResetSecurityResult(complete=verdict.complete, receipts=receipts, missing=verdict.missing)

    async def _reset(self, item: SecurityItem) -> ResetItemResult:
        request = self._request
        if item in AFTER:
            await self._done[AFTER[item]].wait()
        result = await workflow.execute_activity_method(
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
            **STEP,
        )
        self._done[item].set()
        return result

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
            ),
            summary="the wallet sends the owner a link for new secrets",
            **STEP,
        )
