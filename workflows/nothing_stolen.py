"""What a recovery still does where its incident has dropped its claim: nobody keeps what only the claim had kept."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable

from temporalio import workflow

with workflow.unsafe.imports_passed_through():
    from activities.mules import LetMuleGo
    from models.contracts.mules import LetMuleGoInput, StandingMule
    from models.contracts.recovery import RecoverFundsInput, RecoveryDecision, RecoveryLook
    from models.names import DecisionKind
    from workflows.carrying_out import RELEASE, CarryingOut
    from workflows.hold_keeping import HoldKeeping
    from workflows.policies import STEP

SEEN_THROUGH = "nothing-stolen-is-seen-through"
"""Patch: where nothing was stolen, what people decided is carried out, mules get their accounts back, and holders are told."""

NOTHING_STOLEN = "nothing_stolen"
LETTING_GO = frozenset({DecisionKind.RELEASE_HOLD, DecisionKind.HOLD_OBJECTION, DecisionKind.RELEASE_MULE})


class LettingGo:
    """The end of a recovery without a theft."""

    def __init__(self, request: RecoverFundsInput, keeping: HoldKeeping, carrying: CarryingOut) -> None:
        self._request = request
        self._keeping = keeping
        self._carrying = carrying

    async def see_through(
        self, look: RecoveryLook, look_again: Callable[[], Awaitable[RecoveryLook]]
    ) -> None:
        """Carry out what lets go, give up what else was decided, end every hold, tell holders, give mules' accounts back.

        In this order, so that what two people chose is recorded as theirs. What keeps or takes has lost its object with
        the claim: its question is closed as `nothing_stolen`.
        """
        await self._carrying.carry_out([each for each in look.decisions if _lets_go(each)])
        await self._carrying.give_up(
            [each for each in look.decisions if not _lets_go(each)], how=NOTHING_STOLEN
        )
        await self._keeping.let_all_go(await look_again())
        look = await look_again()
        await self._keeping.tell(look)
        # Last: what the wallet refuses for one account is a question to people, and nobody else waits for its answer.
        await asyncio.gather(*(self._let_mule_go(mule) for mule in look.mules))

    async def _let_mule_go(self, mule: StandingMule) -> None:
        await workflow.execute_activity_method(
            LetMuleGo.run,
            LetMuleGoInput(
                incident_id=self._request.incident_id,
                episode=self._request.episode,
                step_key=f"release-mule/{mule.restriction.rpartition('/')[2]}",
                account_id=mule.account_id,
                restriction=mule.restriction,
            ),
            summary="give a mule's account back",
            **STEP,
        )


def _lets_go(decision: RecoveryDecision) -> bool:
    return decision.kind in LETTING_GO and decision.choice == RELEASE
