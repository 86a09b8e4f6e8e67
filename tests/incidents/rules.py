"""The rules by which a house lives, changed for as long as a test wants."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import Any

from adapters.policies import read_policy
from models.contracts.policy import Policy
from settings import Settings

LONG = 3600
"""Seconds of a clock that must not run out while a test looks elsewhere."""


class Rules:
    """Port `Policies`: the demo's rules, changed for as long as a test wants."""

    def __init__(self, policy: Policy) -> None:
        self._policy = policy
        self.are_changed = False

    def current(self) -> Policy:
        """The rules in force."""
        return self._policy

    @contextmanager
    def changed(self, *, stage_seconds: int | None = None, **parts: Mapping[str, Any]) -> Iterator[None]:
        """Other numbers in these parts of the policy, for incidents that are opened inside."""
        before = self._policy
        changes: dict[str, Any] = {
            name: getattr(before, name).model_copy(update=dict(numbers)) for name, numbers in parts.items()
        }
        if stage_seconds is not None:
            changes["stages"] = tuple(
                stage.model_copy(update={"seconds": stage_seconds}) for stage in before.stages
            )
        self._policy, self.are_changed = before.model_copy(update=changes), True
        try:
            yield
        finally:
            self._policy, self.are_changed = before, False


def rules() -> Rules:
    """Stages of a second, and no other clock that runs out by itself."""
    policy = read_policy(Settings().policy_dir, "demo")
    return Rules(
        policy.model_copy(
            update={
                "stages": tuple(stage.model_copy(update={"seconds": 1}) for stage in policy.stages),
                "freeze": policy.freeze.model_copy(
                    update={"provisional_seconds": LONG, "escalate_seconds": LONG}
                ),
                "trace": policy.trace.model_copy(update={"round_pause_seconds": 0}),
            }
        )
    )
