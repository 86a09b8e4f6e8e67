"""A story as data: which of the sandbox's people act, and how it should end. The engine never learns its name."""

from __future__ import annotations

from dataclasses import dataclass

from cli.demo.events import Who
from models.names import Outcome, Role


@dataclass(frozen=True, kw_only=True)
class Person:
    """A program of the sandbox. `login` is the role whose credential it gets, for those who work at the gateway.

    Staff are told nothing about anybody's account, unless somebody on the phone tells it (`called_about`).
    """

    name: str
    arguments: tuple[str, ...] = ()
    login: Role | None = None
    called_about: bool = False


@dataclass(frozen=True, kw_only=True)
class Scenario:
    """`people` act from the beginning; `starter` begins the story, where no alarm of somebody else does.

    It ends well when the incident closes with this outcome after so many re-freezes.
    """

    name: str
    people: tuple[Person, ...]
    starter: Person | None
    begins: str = "a thief is at work on {victim}"
    spender: Who = Who.THIEF
    """Who moves the account's money at the beginning."""
    outcome: Outcome
    refreezes: int = 0

    @property
    def everybody(self) -> tuple[Person, ...]:
        """All who act."""
        return (*self.people, self.starter) if self.starter else self.people


OWNER = Person(name="owner")
AGENT = Person(name="agent", login=Role.AGENT)
SUPERVISOR = Person(name="supervisor", login=Role.SUPERVISOR)
THIEF = Person(name="thief")

RESTORED = Scenario(
    name="restored", people=(OWNER, AGENT, SUPERVISOR), starter=THIEF, outcome=Outcome.RESTORED
)
"""The account is stolen in front of our eyes, and given back."""

RESTORED_LEDGER = Scenario(
    name="restored", people=(OWNER, AGENT, SUPERVISOR), starter=None, outcome=Outcome.RESTORED
)
"""The same on a ledger of somebody else: the theft lies in the past, so there is no thief to race with."""

FALSE_ALARM = Scenario(
    name="false_alarm",
    people=(
        OWNER,
        Person(name="agent", login=Role.AGENT, arguments=("--choose", "return_account=false_alarm")),
        SUPERVISOR,
    ),
    starter=Person(name="traveller"),
    begins="the owner of {victim} travels, with a new phone and a new number",
    spender=Who.OWNER,
    outcome=Outcome.FALSE_ALARM,
)
"""The owner did it all; the detector could not know. The same proof is needed as after a theft."""

SILENCE = Scenario(
    name="silence",
    people=(),
    starter=Person(name="hotline", login=Role.AGENT, called_about=True),
    begins="somebody calls the hotline about {victim}, and the line breaks off",
    outcome=Outcome.RELEASED,
)
"""A report that nobody ever proves: its freeze ends by its own clock."""

RELAPSE = Scenario(
    name="relapse",
    people=(
        Person(name="owner", arguments=("--stays",)),
        AGENT,
        SUPERVISOR,
        Person(name="returning-thief"),
    ),
    starter=THIEF,
    outcome=Outcome.RESTORED,
    refreezes=1,
)
"""The thief phishes the new password too and comes back in the cool-down: frozen again, and the story from its start."""

IMPOSTOR = Scenario(
    name="impostor",
    people=(Person(name="owner", arguments=("--asked-nothing",)), SUPERVISOR),
    starter=Person(name="pretender", login=Role.AGENT, called_about=True),
    begins="somebody asks for {victim} on the phone, as if they were the owner",
    outcome=Outcome.IMPOSTOR,
)
"""Nothing was stolen yet: the recovery itself is attacked. Two people decide, and the real owner hears of it."""

SCENARIOS = {story.name: story for story in (RESTORED, FALSE_ALARM, IMPOSTOR, SILENCE, RELAPSE)}
