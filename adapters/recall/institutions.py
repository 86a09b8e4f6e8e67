"""Port `Institutions`: from a message to bytes, by the route of the exit, over its channel."""

from __future__ import annotations

from typing import Protocol

import httpx2

from adapters.recall import camt056, neutral
from adapters.recall.file_drop import FileDrop
from adapters.recall.https import HttpsDrop
from adapters.recall.routes import Route, nobody, route_of
from models.contracts.recalls import MessageKind, RecalledTransfer, RecallMessage, SentMessage


class Drop(Protocol):
    """One way to hand over bytes."""

    async def send(self, message_id: str, form: str, content: bytes) -> None:
        """The same id again is the same message. Errors: INSTITUTION_REFUSED, INSTITUTION_UNREACHABLE."""
        ...


class RoutedInstitutions:
    """Implements ports.Institutions. A redirect is not followed: a recall goes where the settings say and nowhere else."""

    def __init__(self, routes: tuple[Route, ...], *, own_bic: str) -> None:
        self._routes = routes
        self._own_bic = own_bic
        self._client = httpx2.AsyncClient(timeout=None, trust_env=False, follow_redirects=False)

    def addressee(self, transfer: RecalledTransfer) -> str | None:
        """See ports.Institutions."""
        route = route_of(self._routes, transfer)
        return None if route is None else route.name

    def may_answer(self, institution: str | None, operator: str) -> bool:
        """See ports.Institutions. A login may answer for the institution it is named after, and where it is listed."""
        return any(
            route.name == institution and (operator == route.name or operator in route.operators)
            for route in self._routes
        )

    async def send(self, message: RecallMessage) -> SentMessage:
        """See ports.Institutions. A withdrawal is always neutral: ISO 20022 has no camt.056 that takes one back."""
        route = route_of(self._routes, message.transfer)
        if route is None:
            raise nobody()
        form = "neutral" if message.kind is MessageKind.WITHDRAWAL else route.form
        content = (
            camt056.build(message, own_bic=self._own_bic) if form == "camt056" else neutral.build(message)
        )
        channel, drop = self._drop(route)
        await drop.send(message.message_id, form, content)
        return SentMessage(institution=route.name, format=form, channel=channel, content=content)

    async def close(self) -> None:
        """Close every connection."""
        await self._client.aclose()

    def _drop(self, route: Route) -> tuple[str, Drop]:
        if route.url is not None:
            return "https", HttpsDrop(self._client, route.url, route.key, route.signing_key)
        if route.outbox is not None:
            return "file", FileDrop(route.outbox)
        raise nobody()
