"""Somebody whom no notice has reached: whom to call and how, and that one of our people has told them."""

from __future__ import annotations

from dataclasses import dataclass

from activities.changes import NoticeReached
from activities.ports import Clock, Incidents
from activities.steps import Effect, Running, Steps
from activities.wallet_ports import Wallet
from models.contracts.alarms import Sender
from models.contracts.base import Message
from models.contracts.notices import NoticeView, PersonReachedInput, PersonReachedResult
from models.contracts.steps import Origin
from models.errors import ErrorCode, StanchError
from models.ids import new_id
from models.masking import masked
from models.names import UNREACHED, Actor, NoticeState, ReachedBy, StepKind
from use_cases.identity.look import MaskedContact
from use_cases.notice_contacts import NoticeContacts
from use_cases.ports import NoticeDesk

CALL = (
    "Call from the house's own line, on one of these contacts only. Say what the notice says, and its reference. Ask for no "
    "code and no password. Then close it: stanch notice reached NOTICE --by call --note '...'"
)
FIND = (
    "No contact of before the theft is left. Reach the person as the house does otherwise (a letter to the known address, "
    "a visit to a branch), and believe nobody who calls by themselves. Then close it: stanch notice reached NOTICE --by "
    "letter --note '...'"
)


class ContactToCall(MaskedContact):
    """One contact, by the wallet's id."""

    contact_id: str


class PersonToReach(Message):
    """Whom to tell what, and how. `contacts` are of before the theft; the wallet has their values under their ids."""

    notice_id: str
    incident_id: str
    template: str
    account_id: str
    state: NoticeState
    why: str | None
    contacts: tuple[ContactToCall, ...]
    how: str


@dataclass
class ReachPerson:
    """Reads one notice that reached nobody, and closes it when its person was told."""

    desk: NoticeDesk
    contacts: NoticeContacts
    wallet: Wallet
    incidents: Incidents
    steps: Steps
    clock: Clock

    async def look(self, notice_id: str) -> PersonToReach:
        """Errors: NOT_FOUND; REFUSED_BY_RULE (nobody needs to call); WALLET_UNREACHABLE; ERASED."""
        view = await self._unreached(notice_id)
        if view.state is NoticeState.REACHED:
            raise _needless()
        account = await self.wallet.account(view.account_id)
        due = await self.desk.whom(notice_id)
        found = await self.contacts.of(due, account) or []
        return PersonToReach(
            notice_id=notice_id,
            incident_id=view.incident_id,
            template=view.template,
            account_id=view.account_id,
            state=view.state,
            why=view.last_error,
            contacts=tuple(
                ContactToCall(contact_id=each.id, kind=each.kind, masked=masked(each.kind, each.value))
                for each in found
            ),
            how=(CALL if found else FIND).replace("NOTICE", notice_id),
        )

    async def reached(self, notice_id: str, how: ReachedBy, note: str, *, by: Sender) -> NoticeView:
        """Record that the person was told, and how; the note is sealed. Repeating changes nothing.

        Records: PERSON_REACHED. Errors: NOT_FOUND; REFUSED_BY_RULE (it waits, or has reached somebody); ERASED.
        """
        view = await self._unreached(notice_id)
        if view.state is NoticeState.REACHED:
            return view
        facts = await self.incidents.facts(view.incident_id)
        step = PersonReachedInput(
            incident_id=view.incident_id,
            episode=1 if facts is None else facts.episode,
            step_key=f"reached/{notice_id}/{view.round}",
            notice_id=notice_id,
            round=view.round,
            how=how,
            note=note,
        )

        async def effect(running: Running) -> Effect[PersonReachedResult]:
            result = PersonReachedResult(step_key=step.step_key, notice_id=notice_id, how=how)
            told = NoticeReached(notice_id, view.round, running.started_at)
            return Effect(result, changes=(told,), reason=how.value)

        await self.steps.run(
            step,
            StepKind.PERSON_REACHED,
            PersonReachedResult,
            effect,
            origin=Origin(gateway_attempt=new_id()),
            actor=Actor(by.role.value),
            role=by.name,
        )
        return await self._known(notice_id)

    async def _unreached(self, notice_id: str) -> NoticeView:
        view = await self._known(notice_id)
        if view.state not in {*UNREACHED, NoticeState.REACHED}:
            raise _needless()
        return view

    async def _known(self, notice_id: str) -> NoticeView:
        view = await self.desk.notice(notice_id)
        if view is None:
            raise StanchError(ErrorCode.NOT_FOUND, "There is no notice with this id. Check the id.")
        return view


def _needless() -> StanchError:
    return StanchError(
        ErrorCode.REFUSED_BY_RULE,
        "This notice reached its person, still waits, or can tell nothing any more. Nothing was changed; nobody needs to call.",
    )
