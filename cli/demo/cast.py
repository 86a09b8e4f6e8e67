"""Starting the sandbox's people: programs that know only what such a person would."""

from __future__ import annotations

from typing import TYPE_CHECKING

from cli.processes import Part

if TYPE_CHECKING:
    from cli.demo.scenario import Person
    from cli.running.house import House


def part_of(person: Person, house: House, *, victim: str, seed: int) -> Part:
    """The program of one person, ready as soon as it runs: it ends by itself, or with us."""
    environ = dict(house.sandbox_environ)
    account = ["--account", victim] if person.login is None or person.called_about else []
    if person.login is not None:
        environ["SANDBOX_CREDENTIAL"] = house.words.logins[person.login.value].credential
    return Part(
        name=person.name,
        arguments=["-m", "sandbox", person.name, *account, "--seed", str(seed), *person.arguments],
        environ=environ,
        # Everything it ever says begins with nothing.
        ready_line="",
    )
