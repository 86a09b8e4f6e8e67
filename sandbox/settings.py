"""What the sandbox reads from its environment."""

from __future__ import annotations

import os
from dataclasses import dataclass

DEFAULT_PORT = 8090


@dataclass(frozen=True)
class Settings:
    """Everything the server needs to know; see `from_environment` for the variables."""

    database_url: str
    host: str
    port: int
    wallet_key: str
    message_key: str
    admin_key: str
    gateway_url: str | None
    alarm_key: str | None
    bank_key: str
    recall_key: str | None
    provider_key: str
    provider_secret: str
    settle_seconds: float
    seed: int | None

    @classmethod
    def from_environment(cls) -> Settings:
        """Read SANDBOX_*.

        SANDBOX_DATABASE_URL (its own database), SANDBOX_HOST, SANDBOX_PORT, SANDBOX_KEY (bearer of the contract),
        SANDBOX_MESSAGE_KEY (bearer of the message gateway, default SANDBOX_KEY), SANDBOX_ADMIN_KEY,
        SANDBOX_GATEWAY_URL and SANDBOX_ALARM_KEY (where the detector alarms; without them it only records),
        SANDBOX_BANK_KEY (bearer of the institutions behind the exits, default SANDBOX_KEY) and SANDBOX_RECALL_KEY (with which
        they answer recalls at SANDBOX_GATEWAY_URL; without it they keep their answers).
        SANDBOX_PROVIDER_KEY and SANDBOX_PROVIDER_SECRET (bearer of the identity provider, and what it signs with; default
        SANDBOX_KEY), SANDBOX_SETTLE_SECONDS (how long a bank or card exit stays pending; cash and crypto a sixth of it).
        SANDBOX_SEED makes the world of that seed at start, unless there is one already.
        Errors: ValueError, saying which is missing or no number.
        """
        missing = [name for name in ("SANDBOX_DATABASE_URL", "SANDBOX_KEY") if not os.environ.get(name)]
        if missing:
            message = f"{' and '.join(missing)} must be set"
            raise ValueError(message)
        key = os.environ["SANDBOX_KEY"]
        return cls(
            database_url=os.environ["SANDBOX_DATABASE_URL"],
            host=os.environ.get("SANDBOX_HOST", "127.0.0.1"),
            port=int(os.environ.get("SANDBOX_PORT", DEFAULT_PORT)),
            wallet_key=key,
            message_key=os.environ.get("SANDBOX_MESSAGE_KEY") or key,
            admin_key=os.environ.get("SANDBOX_ADMIN_KEY") or key,
            gateway_url=os.environ.get("SANDBOX_GATEWAY_URL") or None,
            alarm_key=os.environ.get("SANDBOX_ALARM_KEY") or None,
            bank_key=os.environ.get("SANDBOX_BANK_KEY") or key,
            recall_key=os.environ.get("SANDBOX_RECALL_KEY") or None,
            provider_key=os.environ.get("SANDBOX_PROVIDER_KEY") or key,
            provider_secret=os.environ.get("SANDBOX_PROVIDER_SECRET") or key,
            settle_seconds=float(os.environ.get("SANDBOX_SETTLE_SECONDS", "30")),
            seed=int(os.environ["SANDBOX_SEED"]) if os.environ.get("SANDBOX_SEED") else None,
        )
