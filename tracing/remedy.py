"""Where stolen money stands by remedy: stolen = returned + on_hold + recall_pending + recalled + at_large + lost, exactly.

By place says where a unit lies; by remedy what is being done about it. Every unit is in one cell of each, and what cannot be
put into exactly one is not reported.
"""

from __future__ import annotations

from dataclasses import dataclass

from models.contracts.recovery import Remedy
from models.contracts.transfers import Flow


@dataclass(frozen=True, kw_only=True)
class Known:
    """What is known of one currency of one incident, minor units.

    `flow`: the last trace. `back_here`: units it finds in wallet accounts that reversals brought back out of exits, on hold or
    not; `held_by_us`: the others on which holds of this incident stand. `paid_since`: units of either kind paid to the owner
    by transfers that the trace does not see yet; `awarded_since`: those paid to another claimant. `awarded`: what the trace
    finds paid to others by a decision, a part of what it counts as exited. `came_back`: what reversals have
    brought since the trace, of it `came_to_owner` to the owner's own account, and `moved_on` what its payer has spent again.
    `pending` and `written_off`: recalls that are open, and closed without money.
    """

    flow: Flow
    back_here: int = 0
    held_by_us: int = 0
    paid_since: int = 0
    awarded: int = 0
    awarded_since: int = 0
    came_back: int = 0
    came_to_owner: int = 0
    moved_on: int = 0
    pending: int = 0
    written_off: int = 0


def remedy(currency: str, known: Known) -> Remedy:
    """The cells. Raises ArithmeticError when a unit would be in two of them, or in none: that is never reported."""
    flow = known.flow
    still_held = flow.held - known.paid_since - known.awarded_since
    still_outside = flow.exited - known.awarded - known.came_back
    just_back = known.came_back - known.came_to_owner - known.moved_on
    free = still_held - known.held_by_us - known.back_here
    nowhere = still_outside - known.pending - known.written_off
    cells = {
        "returned": flow.returned + known.paid_since + known.came_to_owner,
        "on_hold": known.held_by_us,
        "recall_pending": known.pending,
        "recalled": known.back_here + just_back,
        "at_large": free + flow.pooled + flow.pruned + nowhere + known.moved_on,
        "lost": known.written_off + known.awarded + known.awarded_since,
    }
    wrong = [
        name for name, amount in (*cells.items(), ("in accounts", free), ("outside", nowhere)) if amount < 0
    ]
    if wrong or flow.stolen != sum(cells.values()):
        raise ArithmeticError(
            f"what is known of {currency} does not add up to what was stolen ({', '.join(wrong) or 'sum'}): {known}"
        )
    return Remedy(currency=currency, stolen=flow.stolen, **cells)


def in_total(remedies: list[Remedy]) -> dict[str, Remedy]:
    """The sums over incidents, per currency: the same identity holds for them."""
    totals: dict[str, Remedy] = {}
    for each in remedies:
        known = totals.get(each.currency)
        amounts = {
            name: getattr(each, name) + (getattr(known, name) if known is not None else 0)
            for name in Remedy.model_fields
            if name != "currency"
        }
        totals[each.currency] = Remedy(currency=each.currency, **amounts)
    return totals
