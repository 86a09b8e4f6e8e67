"""One running house: servers, wallet, tables, logins, gateway, worker, in the order they need each other."""

from __future__ import annotations

import asyncio
import os
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from typing import TYPE_CHECKING, Final

from cli.processes import Part, Processes
from cli.running.addresses import INSTITUTION
from cli.running.secret_words import SecretWords
from cli.runtime import Login, Runtime
from cli.sandbox_client import SandboxClient
from models.names import Role

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from pathlib import Path

    from cli.running.addresses import Addresses

DETECTOR: Final = "sandbox-detector"
"""The name of the wallet's detector, which is also the source of its alarms."""

FIRST_FEED: Final = timedelta(seconds=60)

ENGINE: Final = frozenset({"sandbox", "gateway", "worker"})
"""The parts without which nothing goes on."""

NAMES: Final = {
    Role.TRIGGER: DETECTOR,
    Role.AGENT: "first-agent",
    Role.SUPERVISOR: "first-supervisor",
    Role.AUDITOR: "first-auditor",
    Role.INSTITUTION: INSTITUTION,
}


class House:
    """Parts run under `processes`, which ends them; keys and logins are kept in `folder`."""

    def __init__(self, processes: Processes, addresses: Addresses, folder: Path, *, policy: str) -> None:
        self.addresses = addresses
        self.words = SecretWords.of(folder)
        self._processes = processes
        self._folder = folder
        self._policy = policy

    @property
    def clock(self) -> str:
        """How durations are to be read: `real`, or `demo` where they run in seconds."""
        from adapters.policies import read_policy
        from settings import Settings

        return read_policy(Settings().policy_dir, self._policy).clock

    @property
    def engine_environ(self) -> dict[str, str]:
        """What a process of the engine needs in its environment."""
        return self.addresses.engine_environ(self.words, self._policy)

    @property
    def sandbox_environ(self) -> dict[str, str]:
        """What the sandbox's server and its people need in theirs."""
        environ = self.addresses.sandbox_environ(self.words)
        for name, role in (("SANDBOX_ALARM_KEY", Role.TRIGGER), ("SANDBOX_RECALL_KEY", Role.INSTITUTION)):
            login = self.words.logins.get(role.value)
            if login is not None:
                environ[name] = login.credential
        return environ

    @property
    def runtime(self) -> Runtime:
        """What other commands may know of this house."""
        urls = {"gateway": self.addresses.gateway_url}
        if not self.addresses.own_wallet:
            urls["wallet"] = self.addresses.sandbox_url
        if self.addresses.temporal is not None and self.addresses.temporal.ui_url:
            urls["temporal"] = self.addresses.temporal.ui_url
        environ = dict(self.engine_environ)
        if self.addresses.owner_database_url:
            environ["STANCH_OWNER_DATABASE_URL"] = self.addresses.owner_database_url
        if not self.addresses.own_wallet:
            environ |= self.sandbox_environ
        return Runtime(
            process=os.getpid(),
            gateway_url=self.addresses.gateway_url,
            urls=urls,
            logins=dict(self.words.logins),
            environ=environ,
        )

    def open(
        self,
        tell: Callable[[str], None],
        *,
        furnish: Callable[[SandboxClient], None],
        beside: Callable[[], Sequence[Part]] = tuple,
    ) -> None:
        """Start everything and wait until it is ready.

        `furnish` fills the wallet in a box while the engine starts; the parts that `beside` gives are started with the
        engine, once the wallet is filled and logins are made.

        Raises StanchError with a sentence; what has been started is ended by `processes`.
        """
        if self.addresses.servers:
            tell("starting PostgreSQL and Temporal")
            self._processes.serve(*self.addresses.servers)
        boxed = not self.addresses.own_wallet
        with ThreadPoolExecutor(max_workers=2, thread_name_prefix="house") as aside:
            tell("making tables and logins, filling the wallet")
            tables = aside.submit(self._make_tables_and_logins)
            if boxed:
                self._processes.start(self._sandbox())
                with self.sandbox_client() as sandbox:
                    furnish(sandbox)
            tables.result()
            tell("starting gateway and worker")
            index = aside.submit(self._follow_wallet) if boxed else None
            self._processes.start(self._gateway(), self._worker(), *beside())
            if index is not None:
                index.result()
                trigger = self.words.logins[Role.TRIGGER.value]
                institution = self.words.logins[Role.INSTITUTION.value]
                with self.sandbox_client() as sandbox:
                    sandbox.report_alarms_to(self.addresses.gateway_url, trigger.credential)
                    sandbox.answer_recalls_to(self.addresses.gateway_url, institution.credential)

    def sandbox_client(self) -> SandboxClient:
        """The controls of the wallet in a box."""
        return SandboxClient(self.addresses.sandbox_url, self.words.admin_key, self.words.wallet_key)

    def _follow_wallet(self) -> None:
        """Let the index follow: the first trace finds it where a house at work has it."""
        asyncio.run(self._feed())

    async def _feed(self) -> None:
        from adapters.sql.engine import make_engine
        from adapters.transfers.index import SqlTransferIndex
        from adapters.wallet.connection import WalletConnection
        from adapters.wallet.transfers import WalletTransferSource

        engine = make_engine(self.addresses.database_url, pool=2)
        wallet = WalletConnection(self.addresses.sandbox_url, self.words.wallet_key)
        try:
            await SqlTransferIndex(engine, WalletTransferSource(wallet)).catch_up(budget=FIRST_FEED)
        finally:
            await wallet.close()
            await engine.dispose()

    def _make_tables_and_logins(self) -> None:
        from cli.administration import make_operator
        from cli.migrations import upgrade

        owner = self.addresses.owner_database_url
        if owner is not None:
            upgrade(owner)
        for role, name in NAMES.items():
            if role.value not in self.words.logins:
                made = make_operator(name, role, self.addresses.database_url)
                self.words.logins[role.value] = Login(name=name, credential=made.credential)
                self.words.keep(self._folder)

    def _sandbox(self) -> Part:
        return Part(
            name="sandbox",
            arguments=["-m", "sandbox"],
            environ=self.sandbox_environ,
            health_url=f"{self.addresses.sandbox_url}/health",
        )

    def _gateway(self) -> Part:
        return Part(
            name="gateway",
            arguments=["-m", "gateway"],
            environ=self.engine_environ,
            health_url=f"{self.addresses.gateway_url}/health",
        )

    def _worker(self) -> Part:
        return Part(
            name="worker", arguments=["-m", "worker"], environ=self.engine_environ, ready_line="worker ready"
        )
