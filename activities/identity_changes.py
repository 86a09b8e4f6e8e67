"""What a doubt about the owner changes, as data (beside activities/changes.py)."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class KeepFreeze:
    """The freeze of this episode does not end by its clock any more: more than one claimant has shown something."""
