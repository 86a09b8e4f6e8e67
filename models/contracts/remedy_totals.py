"""All incidents by remedy: the sums of those that add up, and the names of those that do not."""

from __future__ import annotations

from models.contracts.base import Currency, Message
from models.contracts.recovery import Remedy


class LeftOut(Message):
    """An incident whose money in this currency does not add up to what was stolen: it is in no sum."""

    incident_id: str
    currency: Currency


class RemedyTotals(Message):
    """All incidents by remedy, per currency: each cell is the sum of that cell over those that add up.

    `incidents`: so many were looked at. `complete`: each adds up. Else `left_out` names those that do not, and the sums are not
    all of the stolen money.
    """

    currencies: dict[Currency, Remedy]
    incidents: int
    complete: bool
    left_out: tuple[LeftOut, ...]
