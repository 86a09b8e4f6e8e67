"""When an incident's claim on stolen money ends with it: one rule for everybody who asks."""

from __future__ import annotations

from models.names import Outcome


def claim_dropped(outcome: Outcome | None, *, proven: bool) -> bool:
    """Whether this ending says that nothing was stolen, as far as anybody proved: then holds, recalls and mules' accounts are
    let go.

    A false alarm is the proven owner's own word. A release is one only where no proof stands (`proven`: of any episode, for
    what an owner was robbed of in the first is not given up because nobody came in the second). No other ending says
    anything about the theft: `not_frozen` is the wallet's word, `impostor` is about a claimant. None: not ended.
    """
    if outcome is Outcome.FALSE_ALARM:
        return True
    return outcome is Outcome.RELEASED and not proven


MAY_DROP = frozenset(each for each in Outcome if claim_dropped(each, proven=False))
"""Endings for which it matters whether a proof stands, or that drop the claim anyhow."""
