"""What the workflow of an incident knows while it runs."""

from __future__ import annotations

import asyncio
from datetime import datetime, timedelta
from typing import Any

from temporalio import workflow
from temporalio.workflow import ChildWorkflowHandle

with workflow.unsafe.imports_passed_through():
    from models.contracts.incidents import (
        Decision,
        IncidentFacts,
        IncidentOpening,
    )
    from models.contracts.policy import Policy
    from models.lifecycle import PROVEN
    from models.names import Scope, SecurityItem


class StoryState:
    """What the database said last, and what was done since; the counters go on from run to run."""

    facts: IncidentFacts
    policy: Policy

    def __init__(self, opening: IncidentOpening) -> None:
        self.incident_id = opening.incident_id
        self.attempt = opening.attempt
        self.identity_round = opening.identity_round
        self.reset_round = opening.reset_round
        self.return_round = opening.return_round
        self.money_round = opening.money_round
        self.return_request = opening.return_request
        self.ending = opening.ending
        self.ending_request = opening.ending_request
        self.told = False
        self.continued = opening.continued
        self.reset_again = False
        self.woken = False
        self.proven = False
        self.factors = opening.factors
        self.receipts: dict[SecurityItem, str] = {}
        self.frozen_scopes: set[Scope] = set()
        self.frozen_seq: int | None = None
        self._decisions: tuple[Decision, ...] = ()
        self._asked = 0
        self._money_wanted = False
        self._money: asyncio.Task[None] | None = None
        self._child: ChildWorkflowHandle[Any, Any] | None = None

    def know(self, facts: IncidentFacts, policy: Policy) -> None:
        """Begin with what the database says; a run that goes on from another knows by it that the owner is proven."""
        self.facts = facts
        self.policy = policy
        self.proven = facts.status in PROVEN

    @property
    def refreezes(self) -> int:
        """How often the account was frozen again: every episode after the first is one."""
        return self.facts.episode - 1

    def compromised_since(self) -> datetime:
        """Since when the account is not trusted; set by the first alarm taken up."""
        return self.facts.compromised_since or self.facts.opened_at

    def patience(self) -> timedelta:
        """How long until the freeze's clock: provisional (renewable), or the escalation of a trigger's."""
        rules = self.policy.freeze
        begun = self.facts.frozen_at or self.facts.episode_opened_at
        seconds = (
            rules.provisional_seconds * (1 + min(self.facts.renewals, rules.renewals))
            if self.facts.provisional
            else rules.escalate_seconds
        )
        return begun + timedelta(seconds=seconds) - workflow.now()

    def note_frozen(self, scope: Scope, effective_seq: int | None) -> None:
        """A freeze of this episode stands."""
        self.frozen_scopes.add(scope)
        if effective_seq is not None and self.frozen_seq is None:
            self.frozen_seq = effective_seq
