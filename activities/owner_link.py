"""The owner sets new secrets through a one-use link of the wallet; nobody here ever chooses or sees one."""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import timedelta

from temporalio import activity

from activities.changes import CloseDecisionTasks
from activities.contact_ports import ContactHistory
from activities.decisions import performer
from activities.freeze import FINAL_CODES
from activities.link_contact import LinkContact, link_contact
from activities.origin import activity_origin
from activities.ports import DecisionStore, Secrets
from activities.steps import Effect, Running, Steps
from activities.wallet_ports import Wallet
from models.contracts.identity import IdentityRules
from models.contracts.resets import LinkAgainInput, OwnerLinkInput, OwnerLinkResult
from models.contracts.steps import Refusal
from models.errors import ErrorCode, StanchError
from models.names import DecisionKind, StepKind
from models.registered import Activity

SEND = "send"

LINK_LIFETIME = timedelta(hours=24)
"""As long as an emailed recovery code may live (NIST SP 800-63B-4, 4.2.1.2)."""


CONFIRMATION_DIGITS = 8
"""A wallet lets a link be tried a few times only, so nobody guesses this many."""


@dataclass
class OwnerLinks:
    """Has the wallet send its one-use link. Nobody chooses where it goes: the standing proof and the contacts decide."""

    wallet: Wallet
    history: ContactHistory
    secrets: Secrets
    rules: IdentityRules

    async def send(
        self, step: OwnerLinkInput | LinkAgainInput, running: Running, *, bound: bool
    ) -> Effect[OwnerLinkResult]:
        """The wallet's receipt, or the refusal: nobody is proven, no contact is left, or the wallet says no for good."""
        chosen = await self._contact(step)
        blank = OwnerLinkResult(step_key=step.step_key)
        if chosen is None:
            message = (
                "There is no proven owner, or no contact point from before the compromise time that nobody else has answered. "
                "No link was sent; an agent must give it by hand."
            )
            return _refused(blank, ErrorCode.REFUSED_BY_RULE, message)
        code = await link_code(self.secrets, step.incident_id, step.step_key) if chosen.confirmed else None
        try:
            receipt = await self.wallet.owner_link(
                step.account_id,
                chosen.point.id,
                step.asked_at + LINK_LIFETIME,
                key=running.key,
                reference=f"{step.incident_id}/{step.episode}" if bound else None,
                confirmation=code,
            )
        except StanchError as error:
            if error.code not in FINAL_CODES:
                raise
            return _refused(blank, error.code, error.message)
        sent = {
            "contact_id": chosen.point.id,
            "receipt_id": receipt.receipt_id,
            # By the wallet's word: an earlier attempt may have made the link, and an older wallet know of no such code.
            "confirmed": receipt.result.get("asks_confirmation") is True,
        }
        return Effect(blank.model_copy(update=sent), receipt)

    async def _contact(self, step: OwnerLinkInput | LinkAgainInput) -> LinkContact | None:
        proof = await self.history.proof(step.incident_id, step.episode)
        if proof is None:
            return None
        return link_contact(
            await self.wallet.account(step.account_id),
            step.compromised_since,
            timedelta(seconds=self.rules.swap_window_seconds),
            proof=proof,
            shown=await self.history.shown(step.incident_id),
            impostors=await self.history.of_impostors(step.incident_id),
        )


async def link_code(secrets: Secrets, incident_id: str, step_key: str) -> str:
    """The code that a link asks for besides. Derived, so it stands in no step: whoever may see it is shown it anew."""
    return await secrets.code(incident_id, f"owner-link/{step_key}", 1, CONFIRMATION_DIGITS)


def _refused(blank: OwnerLinkResult, code: ErrorCode, message: str) -> Effect[OwnerLinkResult]:
    return Effect(blank.model_copy(update={"refusal": Refusal(code=code, message=message)}))


@dataclass
class SendOwnerLink:
    """Has the wallet send its link after the reset: to a contact that the proven owner answered, by email where one did."""

    steps: Steps
    links: OwnerLinks

    @activity.defn(name=Activity.SEND_OWNER_LINK)
    async def run(self, step: OwnerLinkInput) -> OwnerLinkResult:
        """Record the wallet's receipt; refused when no contact point is left for it (an agent must help then)."""

        async def effect(running: Running) -> Effect[OwnerLinkResult]:
            return await self.links.send(step, running, bound=step.bound)

        return await self.steps.run(
            step, StepKind.OWNER_LINK, OwnerLinkResult, effect, origin=activity_origin()
        )


@dataclass
class SendLinkAgain:
    """The same when an agent asks for it: the first one was lost, or ran out. Nobody chooses where it goes or what it sets."""

    steps: Steps
    links: OwnerLinks
    decisions: DecisionStore

    @activity.defn(name=Activity.SEND_LINK_AGAIN)
    async def run(self, step: LinkAgainInput) -> OwnerLinkResult:
        """Record as `approval/{request}`, by whom it was asked for. Errors: REFUSED_BY_RULE, when it does not stand any more."""

        async def effect(running: Running) -> Effect[OwnerLinkResult]:
            decision = await self.decisions.verify(
                step.request_id, incident_id=step.incident_id, episode=step.episode, choice=SEND
            )
            sent = await self.links.send(step, running, bound=True)
            settled = CloseDecisionTasks((DecisionKind.OWNER_LINK,), running.started_at)
            return replace(sent, changes=(settled,), performer=performer(decision), reason=SEND)

        return await self.steps.run(
            step, StepKind.OWNER_LINK, OwnerLinkResult, effect, origin=activity_origin()
        )
