"""The messages about what is offered back: questions about payments that were put, and what is known when one is put."""

from __future__ import annotations

from models.contracts.base import Currency, Message, Total
from models.names import DecisionKind


class PaymentQuestion(Message):
    """A question to people about payments: `choices` are the texts of its action that a yes binds.

    `claimants`: the incidents that compete for its hold, where it says so. `open`: nobody has closed it yet.
    """

    task_id: str
    kind: DecisionKind
    currency: Currency
    choices: dict[str, str]
    claimants: tuple[str, ...]
    open: bool


class StaleQuestion(Message):
    """An open question about payments that cannot be made as it says any more."""

    task_id: str
    kind: DecisionKind


class PaidSoFar(Message):
    """What one incident's holds have paid, and what was paid to each of some accounts by whomever: minor units of one
    currency, with what open questions ask for.
    """

    incident: Total
    payees: dict[str, Total]


class Objections(Message):
    """Objections against one hold: the questions that nobody has decided yet. `heard`: people have decided one, and kept the hold."""

    task_ids: tuple[str, ...]
    heard: bool

    @property
    def keep_back(self) -> bool:
        """Whether nothing is paid for now. Who was heard once cannot keep the money back by objecting again and again."""
        return bool(self.task_ids) and not self.heard
