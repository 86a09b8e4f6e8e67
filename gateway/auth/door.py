"""The door: from a bearer credential to an operator who may do what is asked."""

from __future__ import annotations

import asyncio
import hmac
from collections import OrderedDict
from dataclasses import dataclass
from time import monotonic
from typing import TYPE_CHECKING, Any

from gateway.auth.permissions import PERMISSIONS, Operation
from models.errors import ErrorCode, StanchError
from use_cases.admission import Admission
from use_cases.create_operator import CREDENTIAL, credential_digest

if TYPE_CHECKING:
    from collections.abc import Callable, Coroutine

    from starlette.requests import Request

    from models.contracts.alarms import Sender

    Lookup = Callable[[str], Coroutine[Any, Any, Sender | None]]

REMEMBERED_SECONDS = 5.0
"""A disabled operator is out after this long at the latest; meanwhile no request pays a round trip for being known."""

REMEMBERED_OPERATORS = 1024


@dataclass(frozen=True)
class Known:
    """An operator as the database said at some moment."""

    digest: str
    sender: Sender
    until: float


class Door:
    """Lets operators in.

    `by_credential` finds an operator by the credential's sha256 (use_cases.ports.Operators), within what `admission` grants. Only existing operators are
    remembered: strangers with made-up credentials cannot push anybody out of the memory.
    """

    def __init__(self, by_credential: Lookup, admission: Admission) -> None:
        self._by_credential = by_credential
        self._admission = admission
        self._asking: dict[str, asyncio.Task[Sender | None]] = {}
        self._known: OrderedDict[str, Known] = OrderedDict()

    async def enter(self, request: Request, operation: Operation) -> Sender:
        """The operator behind the request's credential.

        Errors: UNAUTHENTICATED; FORBIDDEN when the role may not do this; DATABASE_UNREACHABLE.
        """
        sender = await self._sender(request.headers.get("authorization", ""))
        if sender.role not in PERMISSIONS[operation]:
            raise StanchError(
                ErrorCode.FORBIDDEN,
                f"The role {sender.role.value} may not do this. Nothing was changed; ask somebody who may.",
            )
        return sender

    async def _sender(self, header: str) -> Sender:
        scheme, _, credential = header.partition(" ")
        if scheme.lower() != "bearer" or not CREDENTIAL.fullmatch(credential):
            raise unauthenticated()
        digest = credential_digest(credential)
        known = self._known.get(digest)
        if known is not None and known.until > monotonic() and hmac.compare_digest(known.digest, digest):
            return known.sender
        sender = await self._looked_up(digest)
        if sender is None:
            self._known.pop(digest, None)
            raise unauthenticated()
        self._known[digest] = Known(digest, sender, monotonic() + REMEMBERED_SECONDS)
        self._known.move_to_end(digest)
        if len(self._known) > REMEMBERED_OPERATORS:
            self._known.popitem(last=False)
        return sender

    async def _looked_up(self, digest: str) -> Sender | None:
        """Ask the database once, however many requests of one operator arrive together."""
        asking = self._asking.get(digest)
        if asking is None:
            asking = asyncio.create_task(self._admission.run(lambda: self._by_credential(digest)))
            self._asking[digest] = asking
            asking.add_done_callback(lambda _: self._asking.pop(digest, None))
        return await asyncio.shield(asking)


def unauthenticated() -> StanchError:
    """No credential, or none we know; which of the two is not said."""
    return StanchError(
        ErrorCode.UNAUTHENTICATED,
        "A valid credential is needed (Authorization: Bearer stanch_...). Nothing was changed.",
    )
