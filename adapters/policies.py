"""Rules read from `policies/*.toml`."""

from __future__ import annotations

import tomllib
from dataclasses import dataclass
from pathlib import Path

from pydantic import ValidationError

from models.contracts.policy import Policy
from models.errors import ErrorCode, StanchError


def read_policy(folder: Path, name: str) -> Policy:
    """The policy `name` from `folder`.

    Errors: INVALID, naming the file and the field, when it is missing or breaks its schema; nothing starts on it.
    """
    file = folder / f"{name}.toml"
    try:
        return Policy.model_validate(tomllib.loads(file.read_text(encoding="utf-8")))
    except FileNotFoundError:
        known = ", ".join(sorted(each.stem for each in folder.glob("*.toml"))) or "none"
        message = (
            f"There is no policy named {name!r} (known: {known}). Nothing was started; set STANCH_POLICY."
        )
        raise StanchError(ErrorCode.INVALID, message) from None
    except (tomllib.TOMLDecodeError, ValidationError) as error:
        where = (
            ".".join(str(part) for part in error.errors()[0]["loc"])
            if isinstance(error, ValidationError)
            else str(error)
        )
        message = f"The policy {file.name} is not valid at {where}. Nothing was started; mend the file."
        raise StanchError(ErrorCode.INVALID, message) from error


@dataclass(frozen=True)
class FixedPolicy:
    """The policy a process was started with (port `Policies`)."""

    policy: Policy

    def current(self) -> Policy:
        """The rules in force."""
        return self.policy
