"""What the holder of held money is told: always on the holder's own account, and under the hold's own reference."""

from __future__ import annotations

from datetime import datetime

from activities.changes import QueueNotice
from models.contracts.money import ClaimedHold
from models.names import NoticeTemplate

TOLD, WITHHELD = "told", "withheld"
"""What a claim says of its holder. `withheld`: while the profile forbids tipping off, until the hold has ended."""

UPHELD, REJECTED = "upheld", "rejected"
"""How an objection may be decided, as its notice names it."""


def to_holder(
    template: NoticeTemplate, hold_id: str, account_id: str, currency: str, amount: int, **more: str
) -> QueueNotice:
    """A notice to a holder. Its reference is the hold: the incident is somebody else's case."""
    fields = {"amount": str(amount), "currency": currency, "reference": hold_id, **more}
    return QueueNotice(template, fields=fields, account_id=account_id)


def of_hold(claim: ClaimedHold) -> QueueNotice:
    """That money is held and until when; or, once the hold has ended, what became of it."""
    amount, state = claim.hi - claim.lo, "held"
    if claim.state == "ended":
        amount, state = (claim.returned, "given_back") if claim.returned else (amount, "released")
    return to_holder(
        NoticeTemplate.MONEY_HELD,
        claim.hold_id,
        claim.account_id,
        claim.currency,
        amount,
        state=state,
        until=claim.expires_at.isoformat(),
    )


def of_the_end(claim: ClaimedHold) -> tuple[QueueNotice, ...]:
    """What became of the money of a hold that ended before an objection was decided. Where its holder was not to know of it, they
    are told of its end anyway.
    """
    return () if claim.told == WITHHELD else (of_hold(claim),)


def of_decision(claim: ClaimedHold, decided: str, *, at: datetime) -> tuple[QueueNotice, ...]:
    """How an objection was decided. Nothing while the hold is withheld from its holder: its end is told then."""
    if claim.told == WITHHELD:
        return ()
    amount = claim.hi - claim.lo - claim.returned
    told = to_holder(
        NoticeTemplate.OBJECTION_DECIDED,
        claim.hold_id,
        claim.account_id,
        claim.currency,
        amount,
        decision=decided,
        at=at.isoformat(),
    )
    return (told,)
