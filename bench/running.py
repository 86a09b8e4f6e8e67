"""The house that is measured: real processes, a PostgreSQL that waits for the disk, Temporal on disk."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import httpx2

from bench import bare_workflow
from cli.embedded import roles
from cli.embedded.ports import LOOPBACK, free_port
from cli.embedded.postgres import EmbeddedPostgres
from cli.embedded.temporal import EmbeddedTemporal
from cli.processes import Part, Processes
from cli.running.addresses import Addresses
from cli.running.house import House
from models.names import Role

POLICY = "production"
SEED = 7


@dataclass(frozen=True)
class Measured:
    """What is up, and how to reach it."""

    house: House
    processes: Processes
    floor_url: str
    owner_url: str
    victim: str

    def rest(self) -> None:
        """Stop the worker: the machine is left to whoever is measured."""
        self.processes["worker"].stop(seconds=30)

    def work(self) -> None:
        """Start it again; it opens at once what was begun meanwhile."""
        self.processes.restart("worker")

    def client(self, role: Role = Role.TRIGGER) -> httpx2.AsyncClient:
        """A client of the gateway with one login; its connections are kept."""
        credential = self.house.words.logins[role.value].credential
        return httpx2.AsyncClient(
            base_url=self.house.addresses.gateway_url,
            headers={"Authorization": f"Bearer {credential}"},
            timeout=60,
            trust_env=False,
        )

    def wallet(self) -> httpx2.AsyncClient:
        """A client of the wallet's contract."""
        return httpx2.AsyncClient(
            base_url=self.house.addresses.sandbox_url,
            headers={"Authorization": f"Bearer {self.house.words.wallet_key}"},
            timeout=60,
            trust_env=False,
        )


@contextmanager
def running(folder: Path) -> Iterator[Measured]:
    """Everything up until the block ends."""
    for name in [name for name in os.environ if name.startswith(("STANCH_", "TEMPORAL_", "SANDBOX_"))]:
        del os.environ[name]
    postgres, temporal = EmbeddedPostgres(throwaway=True, fsync=True), EmbeddedTemporal(throwaway=True)
    addresses = Addresses(
        named={}, gateway_port=free_port(), sandbox_port=free_port(), postgres=postgres, temporal=temporal
    )
    world: dict[str, str] = {}
    with Processes(folder) as processes:
        house = House(processes, addresses, folder, policy=POLICY)
        house.open(
            lambda line: print(f"... {line}", flush=True),
            furnish=lambda sandbox: world.update(victim=sandbox.seed(SEED)["victim"]["account_id"]),
        )
        os.environ.update(house.engine_environ)
        floor_port = free_port()
        processes.start(_floor(house, postgres, floor_port), _bare(temporal))
        yield Measured(
            house=house,
            processes=processes,
            floor_url=f"http://{LOOPBACK}:{floor_port}",
            owner_url=postgres.url(role=roles.OWNER),
            victim=world["victim"],
        )


def _floor(house: House, postgres: EmbeddedPostgres, port: int) -> Part:
    environ = {
        "FLOOR_DATABASE_URL": postgres.create_database("floor"),
        "FLOOR_WALLET_URL": house.addresses.sandbox_url,
        "FLOOR_WALLET_KEY": house.words.wallet_key,
        "FLOOR_PORT": str(port),
    }
    return Part(
        name="floor",
        arguments=["-m", "bench.floor"],
        environ=environ,
        health_url=f"http://{LOOPBACK}:{port}/health",
    )


def _bare(temporal: EmbeddedTemporal) -> Part:
    return Part(
        name="bare-worker",
        arguments=["-m", "bench.bare_workflow"],
        environ=temporal.environ,
        ready_line=bare_workflow.READY,
    )
