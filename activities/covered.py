"""What each security item covers: `contacts` covers the people who may vouch for the owner, too. Pure."""

from __future__ import annotations

from models.contracts.wallet import AccountState, SecurityEntry, TrustedContact
from models.masking import masked
from models.names import SecurityItem


def entries_of(account: AccountState, item: SecurityItem) -> tuple[SecurityEntry, ...]:
    """The entries of an item, as the wallet lists them; of `contacts` also the trusted contacts, named as such and masked.

    Whoever may vouch for the owner opens the account as surely as a factor does: one that a thief leaves behind would be of
    old in the next theft.
    """
    entries = account.security.get(item, ())
    if item is not SecurityItem.CONTACTS:
        return entries
    return (*entries, *(_as_entry(each) for each in account.trusted_contacts))


def _as_entry(contact: TrustedContact) -> SecurityEntry:
    previous = None
    if contact.previous_value is not None and contact.previous_set_at is not None:
        previous = {
            "id": f"{contact.id}.previous",
            "label": f"trusted {contact.kind} {masked(contact.kind, contact.previous_value)}",
            "set_at": contact.previous_set_at.isoformat(),
        }
    return SecurityEntry(
        id=contact.id,
        label=f"trusted {contact.kind} {masked(contact.kind, contact.value)}",
        set_at=contact.set_at,
        active=contact.removed_at is None,
        ended_at=contact.removed_at,
        previous=previous,
        changed_at=contact.changed_at,
    )
