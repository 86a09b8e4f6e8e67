"""Give a person or a program a credential."""

from __future__ import annotations

import hashlib
import re
import secrets
from dataclasses import dataclass

from activities.ports import Clock
from models.contracts.base import Message
from models.errors import ErrorCode, StanchError
from models.ids import new_id
from models.names import Role
from use_cases.ports import Operators

NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9_.\-]{0,63}")
"""As an alarm's `source`, because a trigger's name is the source of its alarms."""

CREDENTIAL = re.compile(r"stanch_[a-z]{1,16}_[A-Za-z0-9_\-]{43}")


class NewOperator(Message):
    """The only moment at which the credential can be read: only its sha256 is kept."""

    operator_id: str
    name: str
    role: Role
    credential: str


def credential_digest(credential: str) -> str:
    """What is kept of a credential. A plain sha256 suffices: it holds 256 random bits, there is nothing to guess."""
    return hashlib.sha256(credential.encode()).hexdigest()


@dataclass
class CreateOperator:
    """Makes operators."""

    operators: Operators
    clock: Clock

    async def run(self, name: str, role: Role) -> NewOperator:
        """Commit a new operator and give its credential, once. Errors: INVALID (name), REFUSED_BY_RULE (name taken)."""
        if not NAME.fullmatch(name):
            raise StanchError(
                ErrorCode.INVALID,
                "name: 1 to 64 letters, digits, dots, dashes or underscores, beginning with a letter or digit. "
                "Nothing was created.",
            )
        created = NewOperator(
            operator_id=new_id(),
            name=name,
            role=role,
            credential=f"stanch_{role.value}_{secrets.token_urlsafe(32)}",
        )
        await self.operators.create(
            operator_id=created.operator_id,
            name=name,
            role=role,
            digest=credential_digest(created.credential),
            at=self.clock.now(),
        )
        return created
