"""Where the owner's link may go: to a contact that the proven owner answered; never to one where an impostor reads. Pure."""

from __future__ import annotations

from collections.abc import Collection, Iterable
from datetime import datetime, timedelta
from typing import NamedTuple

from activities.contact_ports import ShownContact, StandingProof
from activities.identity import trusted_contacts
from activities.proving import contacts_of_old
from models.contracts.wallet import AccountState, ContactKind, ContactPoint


class LinkContact(NamedTuple):
    """Where the link goes. `confirmed`: it opens nothing without the code that only the proven claimant's session shows."""

    point: ContactPoint
    confirmed: bool


def values_at(account: AccountState, contact_ids: Collection[str]) -> frozenset[str]:
    """The numbers and addresses under these ids. A number that was replaced and restored has two ids, and one reader."""
    return frozenset(point.value for point in contacts_of_old(account) if point.id in contact_ids)


def link_contact(
    account: AccountState,
    since: datetime,
    window: timedelta,
    *,
    proof: StandingProof,
    shown: Iterable[ShownContact],
    impostors: Collection[str],
) -> LinkContact | None:
    """A contact of old that stands and that the standing proof rests on, e-mail first, for SMS should carry no link.

    Where a rival has answered there, too, or the proof rests on no contact (then one that no rival has answered), the link is
    not enough alone: nobody has shown who else reads it. That takes a claim, whose session shows the code. None where nothing
    is left. `window`: see IdentityRules.swap_window_seconds.
    """
    standing = {point.id for point in account.contact_points if point.removed_at is None}
    lost = values_at(account, impostors)
    usable = [
        point
        for point in trusted_contacts(account, since, window)
        if point.id in standing and point.value not in lost
    ]
    usable.sort(key=lambda point: (point.kind is not ContactKind.EMAIL, point.set_at, point.id))
    proven = values_at(account, proof.contacts)
    others = {each.contact_id for each in shown if each.claim_id != proof.claim_id}
    rivals = values_at(account, others)
    shown_alone = [point for point in usable if point.value in proven - rivals]
    if shown_alone:
        return LinkContact(shown_alone[0], confirmed=False)
    left = [point for point in usable if point.value in proven] or [
        point for point in usable if point.value not in rivals
    ]
    return LinkContact(left[0], confirmed=True) if left and proof.claim_id is not None else None
