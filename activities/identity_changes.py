"""What a doubt about the owner changes, as data (beside activities/changes.py)."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime


@dataclass(frozen=True)
class KeepFreeze:
    """The freeze of this episode does not end by its clock any more: more than one claimant has shown something."""


@dataclass(frozen=True)
class WithdrawClaim:
    """The claim was a mistake: it ends, and what was shown in it counts no more. Never one that has proven the owner.

    `alone`: one person's word, refused when anything was shown in it.
    """

    claim_id: str
    at: datetime
    alone: bool


@dataclass(frozen=True)
class AlertAgainst:
    """Something speaks against a claimant: staff hear of it, once for each claim and what it is."""

    claim_id: str
    what: str
    at: datetime
