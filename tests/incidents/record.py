"""Record the histories of a forgotten password: `python -m tests.incidents.record`. Never over a folder that is out."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from pathlib import Path

from adapters.temporal.replay import replay_history
from cli.embedded import roles
from cli.embedded.ports import free_port
from cli.embedded.postgres import EmbeddedPostgres
from cli.embedded.temporal import EmbeddedTemporal
from models.names import DecisionKind, Role
from tests.conftest import migrate
from tests.incidents.forgetting import Forgetful, forgetful
from tests.incidents.house import House, open_house
from tests.replay.recording import SHAPE, cleaned, write
from tests.running_sandbox import RunningSandbox, run_sandbox
from workflows.registry import WORKFLOWS


async def renewed(owner: Forgetful) -> None:
    """Two codes, the link, a new password."""
    await owner.begin()
    await owner.prove()
    used = {"token": owner.link(), "password": "a new one that is long"}
    owner.house.sandbox.client.post("/public/links/use", json=used).raise_for_status()
    assert await owner.ended() == "renewed"


async def helped(owner: Forgetful) -> None:
    """Stuck; two people decide that nothing more comes of it."""
    await owner.begin()
    await owner.codes(2)
    (await owner.ask("POST", "/help")).raise_for_status()
    house = owner.house
    asked = await house.question(owner.recovery_id, DecisionKind.CREDENTIAL)
    chosen = await house.parts.decide.request(
        asked.task_id, "close", "Another voice.", by=house.people[Role.AGENT]
    )
    await house.approve(chosen.requests[-1].request_id)
    await house.parts.wake.now(owner.recovery_id)
    assert await owner.ended() == "declined"


async def nobody(owner: Forgetful) -> None:
    """A number that no account has."""
    await owner.begin(phone="+4915500000009")
    assert await owner.ended() == "nobody"


STORIES: dict[str, Callable[[Forgetful], Awaitable[None]]] = {
    "renewed": renewed,
    "helped": helped,
    "nobody": nobody,
}


async def tell(house: House) -> None:
    """Tell and write every story."""
    for name, story in STORIES.items():
        async with forgetful(house) as owner:
            await story(owner)
            audited = await house.audit(owner.recovery_id)
            assert audited.findings == (), audited.findings
            (history,) = await house.histories.fetch(owner.recovery_id)
            clean = cleaned(history)
            replayed = await replay_history(clean, WORKFLOWS)
            assert replayed.findings == (), replayed.findings
            path = write(clean, f"{name}-RecoverCredential")
            print(f"{path.relative_to(Path.cwd())}  {len(clean.events)} events")


async def record(database_url: str, sandbox: RunningSandbox, temporal: EmbeddedTemporal) -> None:
    """In a house of its own."""
    async with open_house(
        database_url=database_url, sandbox=sandbox, temporal=temporal.environ, queue="record"
    ) as house:
        await tell(house)


def main() -> None:
    """Start what is needed, tell, end."""
    with (
        EmbeddedPostgres(throwaway=True) as postgres,
        EmbeddedTemporal(throwaway=True) as temporal,
    ):
        migrate(postgres.url(role=roles.OWNER))
        with run_sandbox(postgres.url("sandbox", roles.SANDBOX), free_port()) as sandbox:
            sandbox.seed(31)
            print(f"shape {SHAPE}")
            asyncio.run(record(postgres.url(), sandbox, temporal))


if __name__ == "__main__":
    main()
