"""What became of the owner's link, for whoever approves the return: new secrets were set by it, or nobody has come yet."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime

from temporalio import activity

from activities.wallet_ports import Wallet
from models.contracts.resets import LookAtLinkInput, LookAtLinkResult
from models.contracts.wallet import AccountState, OwnerLinkState
from models.registered import Activity

RENEW = "renew_credentials"
UNTOLD = "the wallet does not tell whether it was used"


@dataclass
class LookAtLink:
    """Reads the account at the wallet: a look, not a step. The question that binds its words is one."""

    wallet: Wallet

    @activity.defn(name=Activity.LOOK_AT_LINK)
    async def run(self, request: LookAtLinkInput) -> LookAtLinkResult:
        """In words. Errors: WALLET_UNREACHABLE."""
        account = await self.wallet.account(request.account_id)
        return LookAtLinkResult(words=link_words(account, f"{request.incident_id}/{request.episode}"))


def link_words(account: AccountState, reference: str) -> str:
    """Every use of a link of this case, when and through which contact, by kind and id; then where one still waits.

    The same words for the same facts, since people agree to exactly these.
    """
    if account.owner_links is None:
        return UNTOLD
    links = sorted(
        (each for each in account.owner_links if each.reference == reference and each.purpose == RENEW),
        key=lambda each: (each.created_at, each.link_id),
    )
    told = [
        f"used {_moment(each.used_at)} through {_contact(account, each)}"
        + (" and set a new authenticator" if each.authenticator_id is not None else "")
        for each in links
        if each.used_at is not None
    ]
    waiting = [each for each in links if each.used_at is None and each.ended_at is None]
    told += [f"not used yet, sent to {_contact(account, each)}" for each in waiting[-1:]]
    return "; ".join(told) or "none was sent that could be used"


def _contact(account: AccountState, link: OwnerLinkState) -> str:
    kinds = {point.id: point.kind.value for point in account.contact_points}
    name = link.contact_point_id
    return (
        "a contact that the wallet does not name" if name is None else f"{kinds.get(name, 'contact')} {name}"
    )


def _moment(at: datetime) -> str:
    return f"{at.astimezone(UTC):%Y-%m-%dT%H:%M:%SZ}"
