"""What a victim is told of their money when the incident is closed."""

from __future__ import annotations

from models.contracts.base import Currency, Message
from models.contracts.recovery import Remedy


class VictimsFigures(Message):
    """The account by remedy, per currency. `remedies` is None where it does not add up now: then no figure is given.

    `stopped`: payments that were stopped on their way, in every episode, whoever had ordered them.
    """

    remedies: dict[Currency, Remedy] | None
    stopped: int
