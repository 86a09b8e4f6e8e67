"""Notices: which contact points may be told, and the step that tells one of them."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta

from activities.changes import NoticeSent
from activities.identity import trusted_contacts
from activities.notice_ports import NoticeProvider, Written
from activities.steps import Effect, Running, Steps
from models.contracts.notices import NoticeInput, NoticeResult
from models.contracts.steps import Origin, Refusal
from models.contracts.wallet import AccountState, ContactKind, ContactPoint
from models.errors import ErrorCode, StanchError
from models.ids import idempotency_key
from models.names import DeliveryState, SecurityItem, StepKind

FIRST_LOOK = timedelta(seconds=2)
"""After sending, before the provider is asked for its receipt the first time."""

PREVIOUS = ".previous"
"""How trusted_contacts names the value that a contact point had before."""

SMS, EMAIL, ALL = "sms", "email", "all"


def old_contacts(
    account: AccountState, since: datetime, swap_window: timedelta
) -> tuple[list[ContactPoint], list[str]]:
    """(contact points that may be told, ids of those that may not), by the wallet's times and by what contradicts them.

    `swap_window`: how long before `since` a number in other hands counts as the thief's (IdentityRules.swap_window_seconds).

    A time can be false: a contact that took another's place at or after `since` was changed since, whatever it says of
    itself; so was one that claims to be older than what it replaced, or that the list of security settings dates later.
    The value it replaced stays the owner's and is told.
    """
    changed = set(_changed(account, since))
    contradicted = [point for point in account.contact_points if point.id in changed and point.set_at < since]
    honest = account.model_copy(
        update={
            "contact_points": tuple(
                # Dated as what it is, so that what it replaced is found as it always is.
                point.model_copy(update={"set_at": max(since, point.set_at)})
                if point in contradicted
                else point
                for point in account.contact_points
            )
        }
    )
    return trusted_contacts(honest, since, swap_window), sorted(changed)


def _changed(account: AccountState, since: datetime) -> Iterator[str]:
    dated = {entry.id: entry.set_at for entry in account.security.get(SecurityItem.CONTACTS, ())}
    for point in account.contact_points:
        replaced = [
            other
            for other in account.contact_points
            if other.id != point.id
            and other.kind is point.kind
            and other.value == point.previous_value
            and other.removed_at is not None
        ]
        if (
            point.set_at >= since
            or dated.get(point.id, point.set_at) >= since
            or (point.previous_set_at is not None and point.previous_set_at >= point.set_at)
            or any(other.removed_at is not None and other.removed_at >= since for other in replaced)
        ):
            yield point.id


def channel_of(point: ContactPoint) -> str:
    """How this contact point is reached."""
    return SMS if point.kind is ContactKind.PHONE else EMAIL


def notice_step_key(notice_id: str, contact_id: str, round_number: int) -> str:
    """The step key of one notice at one contact point; with incident and episode it is the provider's message id."""
    return f"notice/{notice_id}/{contact_id}/{round_number}"


@dataclass
class SendNotice:
    """Hands one notice to a provider for one contact point, and records that it took it.

    Killed between the two, the next attempt hands it over again under the same id, and the provider delivers once.
    """

    steps: Steps
    provider: NoticeProvider

    async def run(self, step: NoticeInput, to: str, notice: Written) -> NoticeResult:
        """Record NOTICE: `refused` when the provider never takes it. Errors: WALLET_UNREACHABLE (nothing is recorded)."""

        async def effect(running: Running) -> Effect[NoticeResult]:
            message_id = idempotency_key(step.incident_id, step.episode, step.step_key)
            result = NoticeResult(
                step_key=step.step_key,
                notice_id=step.notice_id,
                template=step.template,
                version=step.version,
                language=step.language,
                contact_id=step.contact_id,
                channel=step.channel,
                message_id=message_id,
                state=DeliveryState.SENT,
            )
            try:
                receipts = await self.provider.send(message_id, step.channel, to, notice)
            except StanchError as error:
                if error.code is not ErrorCode.WALLET_REFUSED:
                    raise
                refusal = Refusal(code=error.code, message=error.message)
                return Effect(result.model_copy(update={"state": None, "refusal": refusal}))
            sent = NoticeSent(
                notice_id=step.notice_id,
                contact_id=step.contact_id,
                channel=step.channel,
                round=step.round,
                template=step.template,
                version=step.version,
                language=step.language,
                message_id=message_id,
                at=running.started_at,
                look_at=running.started_at + FIRST_LOOK if receipts else None,
            )
            return Effect(result, changes=(sent,))

        return await self.steps.run(step, StepKind.NOTICE, NoticeResult, effect, origin=Origin())
