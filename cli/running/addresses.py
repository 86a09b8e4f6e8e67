"""Where everything a house needs is: embedded, unless the environment names something else."""

from __future__ import annotations

import json
import os
from collections.abc import Mapping
from dataclasses import dataclass, field

from cli.embedded import roles
from cli.embedded.ports import LOOPBACK
from cli.embedded.postgres import EmbeddedPostgres
from cli.embedded.temporal import EmbeddedTemporal
from cli.processes import Server
from cli.running.secret_words import SecretWords

OWN_DATABASE = "STANCH_DATABASE_URL"
OWN_TEMPORAL = ("TEMPORAL_ADDRESS", "TEMPORAL_CONFIG_FILE", "TEMPORAL_PROFILE")
OWN_WALLET = "STANCH_WALLET_URL"

INSTITUTION = "sandbox-bank"
"""The name of everything behind the exits of the wallet in a box, and of its login."""

OURS = ("STANCH_", "TEMPORAL_")
NOT_THEIRS = frozenset(
    {"STANCH_RUNTIME", "STANCH_GATEWAY_URL", "STANCH_CREDENTIAL", "STANCH_OWNER_DATABASE_URL"}
)
"""What is for commands, or for the owner of the tables: no business of gateway and worker."""


@dataclass(kw_only=True)
class Addresses:
    """`postgres` and `temporal` are the embedded servers, None where another one was named."""

    named: Mapping[str, str]
    """The environment we were started in."""
    gateway_port: int
    sandbox_port: int
    postgres: EmbeddedPostgres | None
    temporal: EmbeddedTemporal | None
    own_wallet: bool = field(init=False)

    def __post_init__(self) -> None:
        self.own_wallet = bool(self.named.get(OWN_WALLET))

    @property
    def servers(self) -> list[Server]:
        """What must be started first."""
        return [server for server in (self.postgres, self.temporal) if server is not None]

    @property
    def gateway_url(self) -> str:
        """Where people and programs come in."""
        return f"http://{LOOPBACK}:{self.gateway_port}"

    @property
    def sandbox_url(self) -> str:
        """The wallet in a box: its contract, its public side, its outbox."""
        return f"http://{LOOPBACK}:{self.sandbox_port}"

    @property
    def database_url(self) -> str:
        """The database for everybody else: a role that owns nothing."""
        return self.postgres.url() if self.postgres is not None else self.named[OWN_DATABASE]

    @property
    def owner_database_url(self) -> str | None:
        """The database for the owner of the tables; None when somebody else brings it up to date."""
        if self.postgres is not None:
            return self.postgres.url(role=roles.OWNER)
        return self.named.get("STANCH_OWNER_DATABASE_URL")

    @property
    def sandbox_database_url(self) -> str | None:
        """The wallet's own database; None when it must be named by the environment."""
        if self.postgres is not None:
            return self.postgres.url("sandbox", roles.SANDBOX)
        return self.named.get("SANDBOX_DATABASE_URL")

    def engine_environ(self, words: SecretWords, policy: str) -> dict[str, str]:
        """What gateway, worker and commands need. What the environment names itself wins over what we would choose."""
        environ = {
            "STANCH_MASTER_KEY": words.master_key,
            "STANCH_POLICY": policy,
            "STANCH_GATEWAY_HOST": LOOPBACK,
        }
        if self.postgres is not None:
            environ["STANCH_DATABASE_URL"] = self.postgres.url()
        if self.temporal is not None:
            # A profile file of the user's would add its keys to our address.
            environ |= {**self.temporal.environ, "TEMPORAL_CONFIG_FILE": os.devnull}
        if not self.own_wallet:
            environ |= {
                "STANCH_WALLET_URL": self.sandbox_url,
                "STANCH_WALLET_KEY": words.wallet_key,
                "STANCH_MESSAGE_URL": self.sandbox_url,
                "STANCH_MESSAGE_KEY": words.message_key,
                "STANCH_RECALL_ROUTES": json.dumps(self._recall_routes(words)),
                "STANCH_DOCUMENT_URL": self.sandbox_url,
                "STANCH_DOCUMENT_KEY": words.provider_key,
                "STANCH_DOCUMENT_SECRET": words.provider_secret,
                "STANCH_DOCUMENT_CALLBACK_URL": f"{self.gateway_url}/v1/identity/documents/callback",
            }
        own = {
            name: value
            for name, value in self.named.items()
            if name.startswith(OURS) and name not in NOT_THEIRS
        }
        return {**environ, **own, "STANCH_GATEWAY_PORT": str(self.gateway_port)}

    def _recall_routes(self, words: SecretWords) -> list[dict[str, object]]:
        """The institutions of the wallet in a box: banks by ISO 20022, the others by the neutral form."""
        where: dict[str, object] = {
            "name": INSTITUTION,
            "url": f"{self.sandbox_url}/bank/recalls",
            "key": words.wallet_key,
        }
        return [
            {**where, "form": "camt056", "exit_kinds": ["bank"]},
            {**where, "form": "neutral", "exit_kinds": ["card", "cash", "crypto", "merchant"]},
        ]

    def sandbox_environ(self, words: SecretWords) -> dict[str, str]:
        """What the wallet in a box needs, and the people's programs with it."""
        return {
            "SANDBOX_DATABASE_URL": self.sandbox_database_url or "",
            "SANDBOX_HOST": LOOPBACK,
            "SANDBOX_PORT": str(self.sandbox_port),
            "SANDBOX_URL": self.sandbox_url,
            "SANDBOX_KEY": words.wallet_key,
            "SANDBOX_MESSAGE_KEY": words.message_key,
            "SANDBOX_ADMIN_KEY": words.admin_key,
            "SANDBOX_PROVIDER_KEY": words.provider_key,
            "SANDBOX_PROVIDER_SECRET": words.provider_secret,
            "SANDBOX_GATEWAY_URL": self.gateway_url,
        }
