"""Rules read from `policies/*.toml`."""

from __future__ import annotations

import tomllib
from dataclasses import dataclass
from pathlib import Path

from pydantic import ValidationError

from models.contracts.identity import IdentityRules
from models.contracts.policy import Policy
from models.errors import ErrorCode, StanchError

IDENTITY = "identity"
"""The name of the one file of identity rules; it is no policy by itself."""


def read_identity_rules(file: Path) -> IdentityRules:
    """What proves the owner. Errors: INVALID, as for a policy; nothing starts on it."""
    try:
        return IdentityRules.model_validate(tomllib.loads(file.read_text(encoding="utf-8")))
    except FileNotFoundError:
        message = "There are no identity rules (policies/identity.toml). Nothing was started; set STANCH_POLICY_DIR."
        raise StanchError(ErrorCode.INVALID, message) from None
    except (tomllib.TOMLDecodeError, ValidationError) as error:
        message = (
            f"The identity rules are not valid at {_place(error)}. Nothing was started; mend identity.toml."
        )
        raise StanchError(ErrorCode.INVALID, message) from error


def read_policy(folder: Path, name: str) -> Policy:
    """The policy `name` from `folder`.

    Errors: INVALID, naming the file and the field, when it is missing or breaks its schema; nothing starts on it.
    """
    file = folder / f"{name}.toml"
    try:
        return Policy.model_validate(tomllib.loads(file.read_text(encoding="utf-8")))
    except FileNotFoundError:
        names = sorted(each.stem for each in folder.glob("*.toml") if each.stem != IDENTITY)
        known = ", ".join(names) or "none"
        message = (
            f"There is no policy named {name!r} (known: {known}). Nothing was started; set STANCH_POLICY."
        )
        raise StanchError(ErrorCode.INVALID, message) from None
    except (tomllib.TOMLDecodeError, ValidationError) as error:
        message = (
            f"The policy {file.name} is not valid at {_place(error)}. Nothing was started; mend the file."
        )
        raise StanchError(ErrorCode.INVALID, message) from error


def _place(error: tomllib.TOMLDecodeError | ValidationError) -> str:
    """The field that breaks the schema, or what the parser says."""
    if not isinstance(error, ValidationError):
        return str(error)
    first = error.errors()[0]
    return ".".join(str(part) for part in first["loc"]) or first["msg"]


@dataclass(frozen=True)
class FixedPolicy:
    """The policy a process was started with (port `Policies`)."""

    policy: Policy

    def current(self) -> Policy:
        """The rules in force."""
        return self.policy
