"""Every setting, typed, from environment or TOML. Imported only by entry points and `adapters/wiring.py`.

Environment variables begin with `STANCH_`; a TOML file named by `STANCH_CONFIG` holds the same names in lower case
without the prefix. The environment wins. Temporal is configured by `TEMPORAL_*` (temporalio.envconfig).
"""

from __future__ import annotations

import os
from pathlib import Path
from typing import Final, Literal, Self
from urllib.parse import urlsplit

from pydantic import (
    BaseModel,
    ConfigDict,
    Field,
    SecretStr,
    ValidationError,
    field_validator,
    model_validator,
)
from pydantic_settings import (
    BaseSettings,
    PydanticBaseSettingsSource,
    SettingsConfigDict,
    TomlConfigSettingsSource,
)

from models.contracts.transfers import KindOfAccount
from models.errors import ErrorCode, StanchError
from models.names import Severity, StaffAlertKind

CONFIG: Final = "STANCH_CONFIG"

DRIVER: Final = "postgresql+asyncpg"
"""The one engine and the one driver; an address in the usual form means them, too."""


class RecallRoute(BaseModel):
    """One institution that recalls go to (adapters/recall/routes.py says how one is chosen)."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    name: str = Field(pattern=r"^[a-z0-9][a-z0-9-]{0,39}$")
    form: Literal["camt056", "neutral"]
    bics: frozenset[str] = frozenset()
    exit_accounts: frozenset[str] = frozenset()
    exit_kinds: frozenset[KindOfAccount] = frozenset()
    operators: frozenset[str] = frozenset()
    """Logins of the role `institution` that may answer for it."""
    url: str | None = None
    key: SecretStr = SecretStr("")
    signing_key: SecretStr | None = None
    """base64; signs each message as Standard Webhooks do."""
    outbox: Path | None = None
    inbox: Path | None = None

    @model_validator(mode="after")
    def _one_way_out(self) -> Self:
        if (self.url is None) == (self.outbox is None):
            raise ValueError("a recall route has either a url or an outbox")
        return self


class StaffTarget(BaseModel):
    """Where staff are alerted: one address of Apprise's (chat, pager, mailbox) under a name that holds no secret."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    name: str = Field(pattern=r"^[a-z0-9][a-z0-9-]{0,39}$")
    url: SecretStr
    kinds: frozenset[StaffAlertKind] = frozenset()
    """None: every kind."""
    least: Severity = Severity.WARNING


class Settings(BaseSettings):
    """What a process needs to know. Secrets print as stars."""

    model_config = SettingsConfigDict(env_prefix="STANCH_", extra="ignore", frozen=True)

    database_url: SecretStr = SecretStr("postgresql+asyncpg://stanch_app@127.0.0.1:5432/stanch")
    """Application role: reads and writes rows, owns no table."""
    owner_database_url: SecretStr | None = None
    """Owner role, for migrations only."""
    wallet_url: str = "http://127.0.0.1:8081"
    wallet_key: SecretStr = SecretStr("")
    wallet_timeout_ms: int = Field(default=2000, ge=50)
    """How long one call to the wallet may take before it counts as slow (DESIGN 4)."""
    replica_url: SecretStr | None = None
    """A read replica of the wallet's database: where it is given, transfers are read there instead of the wallet's feed."""
    replica_mapping: Path | None = None
    """TOML: which tables and columns there are what (adapters/transfers/replica_mapping.py)."""
    message_url: str = "http://127.0.0.1:8081"
    message_key: SecretStr = SecretStr("")
    document_url: str | None = None
    """A provider that looks at documents and faces; without one that factor is not there."""
    document_key: SecretStr = SecretStr("")
    document_secret: SecretStr = SecretStr("")
    """What the provider signs its callbacks with."""
    document_callback_url: str = "http://127.0.0.1:8080/v1/identity/documents/callback"
    """Where the provider reaches this gateway."""
    smtp_url: SecretStr | None = None
    """Mails of notices go here: smtps://user:password@host, smtp+starttls://…, smtp://… (STARTTLS where it is offered).
    Not set: they go through the message gateway, as text messages always do."""
    mail_from: str = "Stanch <no-reply@localhost>"
    notice_company: str = "Stanch"
    """In whose name people are told."""
    notice_help: str | None = None
    """The help line as notices name it; not set: `the number in your wallet app`."""
    master_key: SecretStr | None = None
    """32 bytes, base64: wraps the data key of every incident."""
    policy: str = "production"
    policy_dir: Path = Path(__file__).parent / "policies"
    identity_rules: Path = Path(__file__).parent / "policies" / "identity.toml"
    """What proves the owner, clause by clause."""
    gateway_host: str = "127.0.0.1"
    gateway_port: int = 8080
    trusted_proxies: tuple[str, ...] = ()
    """Addresses of our own reverse proxies; what they say in X-Forwarded-For is whose requests are counted."""
    task_queue: str = "stanch"
    database_pool: int = Field(default=20, ge=1)
    intake_budget_ms: int = Field(default=450, ge=50)
    """How long intake may wait for the database before it answers `not accepted`."""
    hand_over_budget_ms: int = Field(default=1000, ge=50)
    workflow_task_timeout_seconds: int = Field(default=5, ge=1)
    recall_bic: str = ""
    """Our own BIC, as it stands in a camt.056."""
    recall_routes: tuple[RecallRoute, ...] = ()
    """JSON in the environment, tables in the TOML file."""
    staff_alerts: tuple[StaffTarget, ...] = ()
    """Who of the staff is alerted to what. JSON in the environment, tables in the TOML file."""
    staff_language: Literal["en", "zh-Hans", "en+zh-Hans"] = "en"
    """In which staff read their alerts; both, one after the other, where they speak either."""
    worker_metrics: str | None = None
    """Address for the worker's Prometheus metrics, e.g. 127.0.0.1:9464."""
    log_level: Literal["debug", "info", "warning", "error"] = "info"

    @field_validator("database_url", "owner_database_url")
    @classmethod
    def _postgresql(cls, url: SecretStr | None) -> SecretStr | None:
        if url is None:
            return None
        scheme, _, rest = url.get_secret_value().partition("://")
        # A port that is no number is an error of the look at it.
        if scheme not in {DRIVER, "postgresql", "postgres"} or urlsplit(f"//{rest}").port == 0:
            raise ValueError("not the address of a PostgreSQL database")
        return SecretStr(f"{DRIVER}://{rest}")

    @classmethod
    def settings_customise_sources(
        cls,
        settings_cls: type[BaseSettings],
        init_settings: PydanticBaseSettingsSource,
        env_settings: PydanticBaseSettingsSource,
        dotenv_settings: PydanticBaseSettingsSource,
        file_secret_settings: PydanticBaseSettingsSource,
    ) -> tuple[PydanticBaseSettingsSource, ...]:
        """Explicit arguments, then the environment, then the TOML file."""
        del dotenv_settings, file_secret_settings
        sources: tuple[PydanticBaseSettingsSource, ...] = (init_settings, env_settings)
        file = os.environ.get(CONFIG)
        if file:
            if not Path(file).is_file():
                raise FileNotFoundError(file)
            sources += (TomlConfigSettingsSource(settings_cls, Path(file)),)
        return sources


def read_settings() -> Settings:
    """The settings of this process. Errors: INVALID, naming what cannot be used and never its value."""
    try:
        return Settings()
    except ValidationError as error:
        names = ", ".join(
            sorted({f"STANCH_{str(fault['loc'][0]).upper()}" for fault in error.errors() if fault["loc"]})
        )
        raise StanchError(
            ErrorCode.INVALID, f"These settings cannot be used: {names}; nothing was done. Correct them."
        ) from None
    except (OSError, ValueError) as error:
        raise StanchError(
            ErrorCode.INVALID,
            f"The file that {CONFIG} names cannot be read ({type(error).__name__}); nothing was done. Correct it.",
        ) from None
