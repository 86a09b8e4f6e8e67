"""Follows a story from outside: the gateway's API and the wallet's own records, nothing the engine keeps to itself."""

from __future__ import annotations

from datetime import datetime
from typing import TYPE_CHECKING, Any, Final

from cli.demo.events import Event, Kind, Small, Who
from cli.demo.sentences import told
from cli.demo.tales import Tale
from models.contracts.transfers import AccountKind
from models.money import sum_of_money

if TYPE_CHECKING:
    from collections.abc import Iterator

    from cli.child import Child
    from cli.gateway_client import GatewayClient
    from cli.sandbox_client import SandboxClient

EXITS: Final = {kind.value for kind in AccountKind if kind.is_exit}


class Observer:
    """`head_seq` is the last posting before the story: what comes after is the `spender`'s doing, and the engine's."""

    def __init__(
        self,
        gateway: GatewayClient,
        sandbox: SandboxClient,
        *,
        victim: str,
        currency: str,
        head_seq: int,
        spender: Who = Who.THIEF,
    ) -> None:
        self._spender = spender
        self._gateway = gateway
        self._sandbox = sandbox
        self._victim = victim
        self._currency = currency
        self._seq = head_seq
        self._attempts = 0
        self._alarms = 0
        self._steps = 0
        self._tales: list[Tale] = []
        self.incident_id: str | None = None
        self.view: dict[str, Any] | None = None

    @property
    def closed(self) -> bool:
        """Whether the incident has ended."""
        return self.view is not None and self.view["closed_at"] is not None

    def listen_to(self, person: Child) -> None:
        """Tell what this person tells, too."""
        self._tales.append(Tale(person))

    def look(self) -> list[Event]:
        """What happened since the last look."""
        if self.incident_id is None:
            incidents = self._gateway.get("/v1/incidents", account_id=self._victim, limit=1)["incidents"]
            self.incident_id = incidents[0]["incident_id"] if incidents else None
        if self.incident_id is not None:
            # The status before the steps: whatever was recorded before it closed is then in this look.
            self.view = self._gateway.get(f"/v1/incidents/{self.incident_id}")
        tales = [event for tale in self._tales for event in tale.look()]
        return [*tales, *self._moves(), *self._refusals(), *self._raised(), *self._recorded()]

    def _moves(self) -> Iterator[Event]:
        for transfer in self._sandbox.transfers_after(self._seq):
            self._seq = transfer["seq"]
            if transfer["hold_id"] is not None or transfer["reverses"] is not None:
                # Given back, or come back: told by the steps that did it.
                continue
            yield self._move(transfer)

    def _move(self, transfer: dict[str, Any]) -> Event:
        at, amount, currency = _instant(transfer["posted_at"]), transfer["amount"], transfer["currency"]
        if transfer["src"] == self._victim:
            does = "steals" if self._spender is Who.THIEF else "pays"
            text = f"{does} {sum_of_money(amount, currency)}: {transfer['src']} to {transfer['dst']}"
            return Event(at=at, who=self._spender, text=text)
        if transfer["dst_kind"] in EXITS:
            small = Small(kind=Kind.TAKEN_OUT, currency=currency, amount=amount, word=transfer["dst_kind"])
        else:
            small = Small(kind=Kind.PASSED_ON, currency=currency, amount=amount)
        return Event(at=at, who=Who.THIEF, small=small)

    def _refusals(self) -> Iterator[Event]:
        attempts = self._sandbox.attempts(self._victim)["attempts"]
        for attempt in attempts[self._attempts :]:
            small = Small(kind=Kind.REFUSED, word=attempt["action"].replace("_", " "))
            yield Event(at=_instant(attempt["at"]), who=Who.WALLET, small=small)
        self._attempts = len(attempts)

    def _raised(self) -> Iterator[Event]:
        alarms = self._sandbox.alarms()
        for alarm in alarms[self._alarms :]:
            named = len(alarm["body"]["stolen_transfers"])
            what = f"{named} suspicious transfers" if named else "a new device and a changed contact again"
            yield Event(
                at=_instant(alarm["raised_at"]), who=Who.WALLET, text=f"the detector raises an alarm: {what}"
            )
        self._alarms = len(alarms)

    def _recorded(self) -> Iterator[Event]:
        if self.incident_id is None:
            return
        steps = self._gateway.get(f"/v1/incidents/{self.incident_id}/steps")["steps"]
        for step in steps[self._steps :]:
            event = told(step, _instant(step["completed_at"]), self._currency)
            if event is not None:
                yield event
        self._steps = len(steps)


def _instant(text: str) -> datetime:
    return datetime.fromisoformat(text)
