"""Rules read from `policies/*.toml`."""

from __future__ import annotations

import tomllib
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from pydantic import ValidationError

from models.alone import MAY_BE_ALONE
from models.contracts.identity import IdentityRules
from models.contracts.policy import Jurisdiction, Policy
from models.errors import ErrorCode, StanchError
from tracing.rules import Rule

JURISDICTIONS = "jurisdictions"
"""The file of profiles. A folder of policies without one uses those that come with the product."""

_OURS = Path(__file__).resolve().parent.parent / "policies"
_GIVEN = {"trace": ("rule", "hold_seconds"), "recovery": ("hold_periods", "tipping_off_forbidden")}
"""Section -> what a profile says for it. A policy may say a span of its own, but never trace by another rule."""

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
    """The policy `name` from `folder`, what it leaves open taken from the jurisdiction it names.

    Errors: INVALID, naming the file and the field, when it is missing or breaks its schema, names a rule or a jurisdiction
    that is not there, another rule than its jurisdiction's, or lets one person alone lift protection or move money; nothing
    starts on it.
    """
    file = folder / f"{name}.toml"
    try:
        said = tomllib.loads(file.read_text(encoding="utf-8"))
        if "jurisdiction" in said:
            said = _completed(said, file, read_jurisdictions(folder))
        policy = Policy.model_validate(said)
        _known(policy.trace.rule, f"{file.name} at trace.rule")
        _refuse_lifting_alone(policy, file)
        return policy
    except FileNotFoundError:
        names = sorted(
            each.stem for each in folder.glob("*.toml") if each.stem not in {IDENTITY, JURISDICTIONS}
        )
        known = ", ".join(names) or "none"
        message = (
            f"There is no policy named {name!r} (known: {known}). Nothing was started; set STANCH_POLICY."
        )
        raise StanchError(ErrorCode.INVALID, message) from None
    except (tomllib.TOMLDecodeError, ValidationError) as error:
        raise _invalid(f"The policy {file.name} is not valid at {_place(error)}") from error


def read_jurisdictions(folder: Path) -> dict[str, Jurisdiction]:
    """Every profile by name: the folder's, or those that come with the product. Errors: INVALID, as `read_policy`."""
    file = folder / f"{JURISDICTIONS}.toml"
    if not file.exists():
        file = _OURS / file.name
    try:
        tables = tomllib.loads(file.read_text(encoding="utf-8"))
        profiles = {
            name: Jurisdiction.model_validate({"name": name, **table}) for name, table in tables.items()
        }
    except (tomllib.TOMLDecodeError, ValidationError, TypeError) as error:
        raise _invalid(f"{file.name} is not valid at {_place(error)}") from error
    for name, profile in profiles.items():
        _known(profile.rule, f"{file.name} at {name}.rule")
        if profile.fallback is not None:
            _known(profile.fallback, f"{file.name} at {name}.fallback")
    return profiles


def _completed(said: dict[str, Any], file: Path, profiles: Mapping[str, Jurisdiction]) -> dict[str, Any]:
    """The policy with the profile itself, and what the profile gives, in it."""
    name = said["jurisdiction"]
    if name not in profiles:
        known = ", ".join(sorted(profiles)) or "none"
        raise _invalid(f"The policy {file.name} names the jurisdiction {name!r} (known: {known})")
    profile = profiles[name].model_dump()
    completed = said | {"jurisdiction": profile}
    for section, fields in _GIVEN.items():
        if isinstance(said.get(section), dict):
            completed[section] = {field: profile[field] for field in fields} | said[section]
    if completed.get("trace", profile)["rule"] != profile["rule"]:
        raise _invalid(
            f"The policy {file.name} traces by {completed['trace']['rule']}, its jurisdiction {name} by {profile['rule']}; "
            "one rule, never two"
        )
    return completed


def _known(rule: str, where: str) -> None:
    if rule not in set(Rule):
        known = ", ".join(Rule)
        raise _invalid(f"{where} names the rule {rule!r} (known: {known})")


def _refuse_lifting_alone(policy: Policy, file: Path) -> None:
    """Break-glass is for what leaves protection up, whoever writes the policy."""
    if policy.approval.alone:
        raise _invalid(
            f"The policy {file.name} says approval.alone, which names whole questions; name each choice in "
            "approval.break_glass instead"
        )
    for each in policy.approval.break_glass:
        if (each.kind, each.choice) not in MAY_BE_ALONE:
            known = ", ".join(sorted(f"{kind.value}: {choice}" for kind, choice in MAY_BE_ALONE))
            raise _invalid(
                f"The policy {file.name} lets one supervisor alone choose {each.choice!r} on {each.kind.value}, which may lift "
                f"protection or move money (what one may do alone: {known})"
            )


def _invalid(what: str) -> StanchError:
    return StanchError(ErrorCode.INVALID, f"{what}. Nothing was started; mend the file.")


def _place(error: Exception) -> str:
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
