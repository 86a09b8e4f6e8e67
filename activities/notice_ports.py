"""The Protocols that notices need from the outside; the others are in activities/ports.py."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta
from typing import NamedTuple, Protocol

from models.contracts.notices import Delivery, DueNotice
from models.names import DeliveryState, NoticeState


class Written(NamedTuple):
    """A notice in words. `sms` has no links; `html` says what `text` says."""

    subject: str
    text: str
    html: str
    sms: str


class NoticeTexts(Protocol):
    """The words of every notice, in the languages there are."""

    def version(self, template: str) -> int:
        """The version of a template's words. Errors: INVALID, for an unknown template."""
        ...

    def language(self, told: str | None) -> str:
        """The tag under which `write` knows this language; both languages in one message where the wallet tells none."""
        ...

    def write(self, template: str, language: str, reference: str, fields: Mapping[str, str]) -> Written:
        """The notice about the incident `reference`. Errors: INVALID, when a field is missing or not what it should be."""
        ...


class NoticeProvider(Protocol):
    """SMS and mail companies, as notices need them. Neither an address nor a text is in any error."""

    async def send(self, message_id: str, channel: str, to: str, notice: Written) -> bool:
        """Hand over; the same id again is delivered once where the provider knows ids. True when a receipt can be asked for.

        Errors: WALLET_UNREACHABLE (send again under the same id); WALLET_REFUSED (never).
        """
        ...

    async def receipt(self, message_id: str, channel: str) -> DeliveryState:
        """What became of it. Errors: WALLET_UNREACHABLE."""
        ...


class NoticeStore(Protocol):
    """Promised notices and their deliveries. Rows are written in the transaction of the step that promises them."""

    async def due(self, limit: int, lease: timedelta) -> list[DueNotice]:
        """Lease up to `limit` notices whose time has come; each is ours alone until the lease ends."""
        ...

    async def fields(self, notice: DueNotice) -> dict[str, str]:
        """What fills its template. Errors: ERASED."""
        ...

    async def deliveries(self, notice_id: str) -> list[Delivery]:
        """Every message that a provider has taken for it, oldest first."""
        ...

    async def first_look(self, incident_id: str, values: Mapping[str, str], at: datetime) -> frozenset[str]:
        """The names in `values` (contact id to value) that stood, with the same value, at the incident's first look.

        The first call is that look. Only keyed digests are stored. Errors: ERASED.
        """
        ...

    async def left_out(self, notice_id: str, contacts: Sequence[str]) -> None:
        """Note the contact ids that were refused at the last look."""
        ...

    async def again(self, notice: DueNotice, error: str, after: timedelta) -> None:
        """Try again: `after`, doubled with every attempt, at most ten minutes."""
        ...

    async def hurry(self, error: str) -> None:
        """What failed by this error is due now: what it waited for is back."""
        ...

    async def settle(self, notice: DueNotice, state: NoticeState, error: str | None) -> None:
        """It is over, unless another round was asked for meanwhile."""
        ...

    async def to_look_at(self, limit: int) -> list[Delivery]:
        """Deliveries whose receipt should be asked for now; the next look is later each time."""
        ...

    async def told(self, delivery: Delivery, state: DeliveryState) -> None:
        """Record the provider's word. A lost message makes its notice due again, under a new id."""
        ...
