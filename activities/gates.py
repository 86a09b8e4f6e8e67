"""The gate right before an effect at the wallet: what people decided is read again, unless its effect has happened already."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from dataclasses import dataclass

from activities.ports import DecisionStore
from activities.steps import Running, Steps
from activities.wallet_ports import Receipts
from models.contracts.incidents import Decision
from models.contracts.steps import Receipt, Refusal, StepInput
from models.errors import ErrorCode, StanchError


class Overtaken(StanchError):
    """People's yes stands, but what it is about has changed since: a refusal to be recorded, not a fault."""

    def __init__(self, message: str) -> None:
        super().__init__(ErrorCode.REFUSED_BY_RULE, message)

    @property
    def refusal(self) -> Refusal:
        """As it stands in the step's result."""
        return Refusal(code=self.code, message=self.message)


@dataclass(frozen=True)
class Gate:
    """Guards what is done by a decision.

    An answer of the wallet can get lost, and before the next attempt the decision may stop standing: its question was closed,
    a claim contested, an owner's proof voided. What was done meanwhile is done. So where the gate says no, the wallet is asked
    for the receipt of this very step, and what it says is recorded; only where nothing was done the no holds.
    """

    steps: Steps
    wallet: Receipts
    decisions: DecisionStore

    async def passed(
        self, step: StepInput, running: Running, request_id: str, ask: Callable[[], Awaitable[Decision]]
    ) -> tuple[Decision, Receipt | None]:
        """The decision, and the receipt of a former attempt where only that is to be recorded.

        Errors: those of `ask`; WALLET_UNREACHABLE while a former request may still be on its way.
        """
        if running.receipt is not None:
            return await self.decisions.made(request_id), running.receipt
        try:
            return await ask(), None
        except StanchError as refused:
            receipt = await self.steps.happened(step, self.wallet, refused, but=running.attempt_id)
        return await self.decisions.made(request_id), receipt
