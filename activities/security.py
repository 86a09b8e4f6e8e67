"""Reset every setting the thief could have touched, and read back at the wallet that it happened."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from temporalio import activity

from activities import reset_words
from activities.changes import Change, CloseDecisionTasks, MoveIncident, QueueNotice, RecordReset
from activities.covered import entries_of
from activities.difference import ENDED_WHOLLY, LISTED, set_since
from activities.freeze import FINAL_CODES
from activities.origin import activity_origin
from activities.steps import Effect, Running, Steps
from activities.wallet_ports import Wallet
from models.contracts.resets import ReadBackInput, ReadBackResult, ResetItemInput, ResetItemResult
from models.contracts.security import EntryDone
from models.contracts.steps import Refusal
from models.contracts.wallet import AccountState, SecurityEntry
from models.errors import StanchError
from models.lifecycle import Event
from models.names import DecisionKind, NoticeTemplate, SecurityItem, StepKind
from models.registered import Activity


@dataclass
class ResetItem:
    """Resets one security item: one step and one receipt, also when there was nothing to change."""

    steps: Steps
    wallet: Wallet

    @activity.defn(name=Activity.RESET_ITEM)
    async def run(self, step: ResetItemInput) -> ResetItemResult:
        """Record the wallet's receipt. Errors: WALLET_UNREACHABLE (retried under the same key)."""

        async def effect(running: Running) -> Effect[ResetItemResult]:
            blank = ResetItemResult(
                step_key=step.step_key, item=step.item, receipt_id=None, changes=0, nothing_to_change=False
            )
            try:
                receipt = await self.wallet.reset_item(
                    step.account_id, step.item, step.compromised_since, key=running.key
                )
            except StanchError as error:
                if error.code not in FINAL_CODES:
                    raise
                refusal = Refusal(code=error.code, message=error.message)
                return Effect(blank.model_copy(update={"refusal": refusal}))
            result = blank.model_copy(
                update={
                    "receipt_id": receipt.receipt_id,
                    "changes": len(receipt.result.get("changes", ())),
                    "nothing_to_change": bool(receipt.result.get("nothing_to_change")),
                    "done": entries_done(receipt.result),
                }
            )
            record = RecordReset(step.item, receipt.receipt_id, step.compromised_since, running.started_at)
            return Effect(result, receipt, (record,))

        return await self.steps.run(
            step, StepKind.RESET_ITEM, ResetItemResult, effect, origin=activity_origin()
        )


def entries_done(result: dict[str, Any]) -> tuple[EntryDone, ...]:
    """What a receipt says of each entry, as many as a comparison lists. Labels stay at the wallet."""
    changes = result.get("changes")
    return tuple(
        EntryDone(entry_id=str(each["id"]), change=str(each["change"]))
        for each in (changes if isinstance(changes, list) else ())[:LISTED]
        if isinstance(each, dict) and {"id", "change"} <= each.keys()
    )


@dataclass
class ReadBack:
    """Reads the account at the wallet and compares: nothing is returned on the word of a receipt alone."""

    steps: Steps
    wallet: Wallet

    @activity.defn(name=Activity.READ_BACK)
    async def run(self, step: ReadBackInput) -> ReadBackResult:
        """Record RESET_COMPLETE, or a list of what is missing and why."""

        async def effect(running: Running) -> Effect[ReadBackResult]:
            account = await self.wallet.account(step.account_id)
            missing = {
                item: why
                for item in SecurityItem
                if (why := what_is_missing(item, account, step)) is not None
            }
            complete = not missing and not step.unstopped
            changes: tuple[Change, ...] = ()
            if complete:
                changes = (
                    MoveIncident(Event.RESET_COMPLETE),
                    CloseDecisionTasks((DecisionKind.RESET_INCOMPLETE,), running.started_at),
                    QueueNotice(NoticeTemplate.SECURITY_RESET),
                )
            result = ReadBackResult(
                step_key=step.step_key, complete=complete, missing=missing, unstopped=step.unstopped
            )
            return Effect(result, changes=changes)

        return await self.steps.run(
            step, StepKind.READ_BACK, ReadBackResult, effect, origin=activity_origin()
        )


def what_is_missing(item: SecurityItem, account: AccountState, step: ReadBackInput) -> str | None:
    """Why `item` is not clean at the wallet, what is safe and what to do; None when it is clean."""
    if item not in step.receipts:
        return step.failed.get(item) or reset_words.without_receipt(item)
    if item not in account.security:
        return reset_words.not_shown(item)
    entries = entries_of(account, item)
    standing = [entry for entry in entries if _stands(item, entry, step)]
    if standing:
        return reset_words.still_active(item, len(standing))
    trusted = {each.id for each in account.trusted_contacts}
    away = [entry for entry in entries if entry.id in trusted and _was_taken(entry, step)]
    return reset_words.not_restored(item, len(away)) if away else None


def _was_taken(entry: SecurityEntry, step: ReadBackInput) -> bool:
    """Whether it was there at the compromise time, and is not now."""
    return entry.ended_at is not None and set_since(entry) < step.compromised_since <= entry.ended_at


def _stands(item: SecurityItem, entry: SecurityEntry, step: ReadBackInput) -> bool:
    if not entry.active:
        return False
    if item is SecurityItem.PASSWORD or item in ENDED_WHOLLY:
        return True
    return set_since(entry) >= step.compromised_since
