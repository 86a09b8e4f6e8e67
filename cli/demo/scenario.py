"""A story as data: which of the sandbox's people act, and how it should end. The engine never learns its name."""

from __future__ import annotations

from dataclasses import dataclass

from models.names import Outcome, Role


@dataclass(frozen=True, kw_only=True)
class Person:
    """A program of the sandbox. `login` is the role whose credential it gets, for those who work at the gateway."""

    name: str
    arguments: tuple[str, ...] = ()
    login: Role | None = None


@dataclass(frozen=True, kw_only=True)
class Scenario:
    """`people` act from the beginning; `thief` starts the story, where no alarm of somebody else does."""

    name: str
    people: tuple[Person, ...]
    thief: Person | None
    outcome: Outcome

    @property
    def everybody(self) -> tuple[Person, ...]:
        """All who act."""
        return (*self.people, self.thief) if self.thief else self.people


OWNER = Person(name="owner")
AGENT = Person(name="agent", login=Role.AGENT)
SUPERVISOR = Person(name="supervisor", login=Role.SUPERVISOR)
THIEF = Person(name="thief")

RESTORED = Scenario(name="restored", people=(OWNER, AGENT, SUPERVISOR), thief=THIEF, outcome=Outcome.RESTORED)
"""The account is stolen in front of our eyes, and given back."""

RESTORED_LEDGER = Scenario(
    name="restored", people=(OWNER, AGENT, SUPERVISOR), thief=None, outcome=Outcome.RESTORED
)
"""The same on a ledger of somebody else: the theft lies in the past, so there is no thief to race with."""
