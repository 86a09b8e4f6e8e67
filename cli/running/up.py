"""`stanch up`: the whole house with durable data, until Ctrl-C."""

from __future__ import annotations

import os
import time
from collections import Counter
from typing import TYPE_CHECKING, Final, NoReturn

from cli.embedded.ports import free_port, is_free
from cli.embedded.postgres import EmbeddedPostgres
from cli.embedded.temporal import EmbeddedTemporal
from cli.exit_codes import ExitCode
from cli.processes import Ended, Processes, orderly_end
from cli.running.addresses import OWN_DATABASE, OWN_TEMPORAL, Addresses
from cli.running.house import House
from cli.runtime import NAME, home
from models.errors import ErrorCode, StanchError

if TYPE_CHECKING:
    from collections.abc import Mapping

    from cli.output import Output
    from cli.sandbox_client import SandboxClient

GATEWAY_PORT: Final = 8080
SANDBOX_PORT: Final = 8090
SEED: Final = 1
SECONDS_BETWEEN_LOOKS: Final = 0.5
RESTARTS: Final = 5
"""A part that ends by itself is started again so often, then the house is closed: it will not get better by itself."""


def run_up(output: Output) -> int:
    """Run until told to stop. Raises StanchError when it cannot start or a part keeps ending."""
    folder = home()
    folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    try:
        with orderly_end(), Processes(folder / "logs") as processes:
            house = House(
                processes, addresses(os.environ), folder, policy=os.environ.get("STANCH_POLICY", "production")
            )
            house.open(lambda doing: output.say(f"... {doing}"), furnish=_furnish_once)
            runtime = house.runtime
            path = runtime.write(folder)
            try:
                _greet(house, output)
                _watch(processes, house.addresses, output)
            finally:
                path.unlink(missing_ok=True)
    except Ended:
        pass
    output.say(f"Stopped. Data, keys and logs are kept in {folder}; `stanch up` continues open incidents.")
    return ExitCode.DONE


def addresses(environ: Mapping[str, str]) -> Addresses:
    """Embedded servers for what the environment does not name."""
    own_database = bool(environ.get(OWN_DATABASE))
    own_temporal = any(environ.get(name) for name in OWN_TEMPORAL)
    return Addresses(
        named=environ,
        gateway_port=_port(environ.get("STANCH_GATEWAY_PORT"), GATEWAY_PORT),
        sandbox_port=_port(environ.get("SANDBOX_PORT"), SANDBOX_PORT),
        postgres=None if own_database else EmbeddedPostgres(home() / "postgres"),
        temporal=None if own_temporal else EmbeddedTemporal(home() / "temporal", user_interface=True),
    )


def _port(named: str | None, usual: int) -> int:
    """The named port, else the usual one, else a free one."""
    if named:
        if named.isdigit() and 0 < int(named) < 65536:
            return int(named)
        raise StanchError(
            ErrorCode.INVALID, f"{named!r} is no port; nothing was started. Give a number from 1 to 65535."
        )
    return usual if is_free(usual) else free_port()


def _furnish_once(sandbox: SandboxClient) -> None:
    if not sandbox.has_world():
        sandbox.seed(SEED)


def _greet(house: House, output: Output) -> None:
    runtime = house.runtime
    output.document(
        {
            "process": runtime.process,
            "urls": dict(runtime.urls),
            "logins": {role: {"name": login.name} for role, login in runtime.logins.items()},
            "runtime": str(home() / NAME),
            "logs": str(home() / "logs"),
        }
    )
    for name, url in runtime.urls.items():
        output.say(f"{name:<12} {url}")
    output.say(
        f"Logins are in {home() / NAME}; other commands of this clone find the house by themselves. Logs: {home() / 'logs'}"
    )
    output.say("Running until Ctrl-C.")


def _watch(processes: Processes, addresses: Addresses, output: Output) -> NoReturn:
    """Start again what ends by itself; never returns."""
    restarts: Counter[str] = Counter()
    servers = {"PostgreSQL": addresses.postgres, "Temporal": addresses.temporal}

    def count(name: str, why: str) -> None:
        restarts[name] += 1
        if restarts[name] > RESTARTS:
            raise StanchError(
                ErrorCode.INTERNAL,
                f"The {name} ended {restarts[name]} times and everything was stopped; what is recorded is safe. {why}",
            )
        output.warn(f"the {name} ended and is started again.")

    while True:
        for name, server in servers.items():
            if server is not None and not server.running:
                count(name, f"Look at the logs in {home()}.")
                server.start()
        for name in processes.ended():
            count(name, processes[name].explain())
            processes.restart(name)
        time.sleep(SECONDS_BETWEEN_LOOKS)
