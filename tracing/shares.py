"""What each rule would give to victims who claim the same held units (DESIGN 8)."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass


@dataclass(frozen=True)
class Claimant:
    """One victim's claim: `theft_seq` is the posting of their first theft, `stolen` their whole loss, minor units."""

    incident_id: str
    theft_seq: int
    stolen: int


def earliest(amount: int, claimants: Sequence[Claimant]) -> dict[str, int]:
    """First in time, first in right (nemo dat): who was robbed first gets all of it; the later thief stole it from them."""
    first = min(claimants, key=lambda each: (each.theft_seq, each.incident_id))
    return {first.incident_id: amount}


def rest(amount: int, due: Mapping[str, int], given: Mapping[str, int]) -> dict[str, int]:
    """Of what is left of a hold, what is still due to each: their share of the whole hold less what they had of it.

    Where that is more than is left (a claim came late, after others were paid), what is left is shared in proportion to it.
    """
    owed = {incident_id: max(0, share - given.get(incident_id, 0)) for incident_id, share in due.items()}
    owed = {incident_id: share for incident_id, share in owed.items() if share}
    if sum(owed.values()) <= amount:
        return owed
    return pro_rata(amount, [Claimant(incident_id, 0, share) for incident_id, share in owed.items()])


def pro_rata(amount: int, claimants: Sequence[Claimant]) -> dict[str, int]:
    """In proportion to the losses (Barlow Clowes v Vaughan 1991). Units left over by rounding go to the largest rests."""
    whole = sum(each.stolen for each in claimants)
    shares = {each.incident_id: amount * each.stolen // whole for each in claimants}
    by_rest = sorted(claimants, key=lambda each: (-(amount * each.stolen % whole), each.incident_id))
    for each in by_rest[: amount - sum(shares.values())]:
        shares[each.incident_id] += 1
    return {incident_id: share for incident_id, share in shares.items() if share}
