"""What the steps need to ask money back from other institutions. `adapters/wiring.py` builds the real ones."""

from __future__ import annotations

from typing import Protocol

from models.contracts.recalls import (
    ParsedAnswer,
    RecalledTransfer,
    RecallFacts,
    RecallMessage,
    RecallTotals,
    SentMessage,
)


class Institutions(Protocol):
    """Other institutions, as recalls reach them (docs/recalls.md)."""

    def addressee(self, transfer: RecalledTransfer) -> str | None:
        """The name of the institution behind an exit, by its BIC, its exit account, or its kind; None when none is set up."""
        ...

    def may_answer(self, institution: str | None, operator: str) -> bool:
        """Whether this login may answer for this institution."""
        ...

    async def send(self, message: RecallMessage) -> SentMessage:
        """Hand over one message; the same `message_id` again is the same message.

        Errors: NO_INSTITUTION (none is set up for this exit), INSTITUTION_REFUSED (it said no to the message itself),
        INSTITUTION_UNREACHABLE (it cannot be known whether it has the message: try again).
        """
        ...


class Recalls(Protocol):
    """Recalls as the database holds them."""

    async def facts(self, recall_id: str) -> RecallFacts | None:
        """One recall with what waits to be taken up; None when unknown."""
        ...

    async def answer(self, answer_id: str) -> ParsedAnswer:
        """A matched answer, opened and read. Errors: NOT_FOUND, ERASED."""
        ...

    async def totals(self, incident_id: str) -> tuple[RecallTotals, ...]:
        """Per currency: what is pending, recalled and lost (see RecallTotals); nothing where nothing was asked."""
        ...

    async def standing_totals(self, incident_id: str) -> tuple[RecallTotals, ...]:
        """The same, of what the traces that stand call stolen, for the account by remedy."""
        ...

    async def ask_withdrawal(self, incident_id: str, transfer_seq: int) -> bool:
        """Commit that this recall is to be withdrawn (its theft was none); its workflow is woken for it.

        False when there is no open recall of this transfer. An incident that ends as a false alarm or released withdraws all
        of its recalls without being asked.
        """
        ...
