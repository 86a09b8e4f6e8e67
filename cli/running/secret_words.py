"""Keys and credentials of a house: made at random once, kept beside its data, readable by us alone."""

from __future__ import annotations

import base64
import json
import os
import secrets
from dataclasses import asdict, dataclass, field
from typing import TYPE_CHECKING, Final

from cli.runtime import Login

if TYPE_CHECKING:
    from pathlib import Path

NAME: Final = "secrets.json"
MASTER_KEY_BYTES: Final = 32


def _random() -> str:
    return secrets.token_urlsafe(32)


def _master_key() -> str:
    return base64.b64encode(secrets.token_bytes(MASTER_KEY_BYTES)).decode()


@dataclass(kw_only=True)
class SecretWords:
    """`master_key` wraps every incident's data key: without it nothing personal can be read again."""

    master_key: str = field(default_factory=_master_key)
    wallet_key: str = field(default_factory=_random)
    message_key: str = field(default_factory=_random)
    admin_key: str = field(default_factory=_random)
    provider_key: str = field(default_factory=_random)
    provider_secret: str = field(default_factory=_random)
    logins: dict[str, Login] = field(default_factory=dict)

    @classmethod
    def of(cls, folder: Path) -> SecretWords:
        """The ones kept in `folder`, made if there are none."""
        try:
            stored = json.loads((folder / NAME).read_text())
        except FileNotFoundError:
            made = cls()
            made.keep(folder)
            return made
        logins = {role: Login(**login) for role, login in stored.pop("logins").items()}
        return cls(**stored, logins=logins)

    def keep(self, folder: Path) -> None:
        """Write them, all or nothing."""
        path, half = folder / NAME, folder / f"{NAME}.half"
        half.unlink(missing_ok=True)
        with os.fdopen(os.open(half, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "w") as file:
            json.dump(asdict(self), file, indent=1)
            file.flush()
            os.fsync(file.fileno())
        half.replace(path)
