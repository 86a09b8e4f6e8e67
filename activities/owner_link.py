"""The owner sets new secrets through a one-use link of the wallet; nobody here ever chooses or sees one."""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import timedelta

from temporalio import activity

from activities.changes import CloseDecisionTasks
from activities.decisions import performer
from activities.freeze import FINAL_CODES
from activities.identity import trusted_contacts
from activities.origin import activity_origin
from activities.ports import DecisionStore
from activities.steps import Effect, Running, Steps
from activities.wallet_ports import Wallet
from models.contracts.resets import LinkAgainInput, OwnerLinkInput, OwnerLinkResult
from models.contracts.steps import Refusal
from models.contracts.wallet import ContactKind
from models.errors import ErrorCode, StanchError
from models.names import DecisionKind, StepKind
from models.registered import Activity

SEND = "send"

LINK_LIFETIME = timedelta(hours=24)
"""As long as an emailed recovery code may live (NIST SP 800-63B-4, 4.2.1.2)."""


@dataclass
class SendOwnerLink:
    """Has the wallet send its one-use link to an old contact point: by email where one stands, for SMS carries none."""

    steps: Steps
    wallet: Wallet

    @activity.defn(name=Activity.SEND_OWNER_LINK)
    async def run(self, step: OwnerLinkInput) -> OwnerLinkResult:
        """Record the wallet's receipt; refused when no old contact point stands (an agent must help then)."""

        async def effect(running: Running) -> Effect[OwnerLinkResult]:
            return await send_link(self.wallet, step, running, bound=step.bound)

        return await self.steps.run(
            step, StepKind.OWNER_LINK, OwnerLinkResult, effect, origin=activity_origin()
        )


@dataclass
class SendLinkAgain:
    """The same when an agent asks for it: the first one was lost, or ran out. Nobody chooses where it goes or what it sets."""

    steps: Steps
    wallet: Wallet
    decisions: DecisionStore

    @activity.defn(name=Activity.SEND_LINK_AGAIN)
    async def run(self, step: LinkAgainInput) -> OwnerLinkResult:
        """Record as `approval/{request}`, by whom it was asked for. Errors: REFUSED_BY_RULE, when it does not stand any more."""

        async def effect(running: Running) -> Effect[OwnerLinkResult]:
            decision = await self.decisions.verify(
                step.request_id, incident_id=step.incident_id, episode=step.episode, choice=SEND
            )
            sent = await send_link(self.wallet, step, running, bound=True)
            settled = CloseDecisionTasks((DecisionKind.OWNER_LINK,), running.started_at)
            return replace(sent, changes=(settled,), performer=performer(decision), reason=SEND)

        return await self.steps.run(
            step, StepKind.OWNER_LINK, OwnerLinkResult, effect, origin=activity_origin()
        )


async def send_link(
    wallet: Wallet, step: OwnerLinkInput | LinkAgainInput, running: Running, *, bound: bool
) -> Effect[OwnerLinkResult]:
    """The wallet's receipt, or the refusal: no old contact point stands, or the wallet says no for good."""
    account = await wallet.account(step.account_id)
    standing = {point.id for point in account.contact_points if point.removed_at is None}
    usable = [point for point in trusted_contacts(account, step.compromised_since) if point.id in standing]
    usable.sort(key=lambda point: (point.kind is not ContactKind.EMAIL, point.set_at, point.id))
    blank = OwnerLinkResult(step_key=step.step_key)
    if not usable:
        message = (
            "No contact point from before the compromise time stands. An agent must give the link by hand."
        )
        return Effect(
            blank.model_copy(update={"refusal": Refusal(code=ErrorCode.REFUSED_BY_RULE, message=message)})
        )
    try:
        receipt = await wallet.owner_link(
            step.account_id,
            usable[0].id,
            step.asked_at + LINK_LIFETIME,
            key=running.key,
            reference=f"{step.incident_id}/{step.episode}" if bound else None,
        )
    except StanchError as error:
        if error.code not in FINAL_CODES:
            raise
        refusal = Refusal(code=error.code, message=error.message)
        return Effect(blank.model_copy(update={"refusal": refusal}))
    sent = blank.model_copy(update={"contact_id": usable[0].id, "receipt_id": receipt.receipt_id})
    return Effect(sent, receipt)
