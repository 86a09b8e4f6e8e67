"""Holds, thefts, mules and the account by remedy."""

from __future__ import annotations

from enum import StrEnum
from typing import Annotated

from fastapi import APIRouter, Query
from pydantic import AwareDatetime, BeforeValidator, Field
from starlette.requests import Request
from starlette.responses import Response

from gateway.api.decisions import CHANGING, Reason, decided, known_identifier
from gateway.api.description import body_of, responses
from gateway.api.incidents import READING, READING_ONE, UlidText, answer, known_form
from gateway.auth.permissions import Operation
from gateway.parts import parts_of
from gateway.reading import MOMENT, read
from models.contracts.base import Message, Moment, OpaqueId
from models.contracts.mules import MuleFreezeView
from models.contracts.recovery import HoldView, RemedyView
from models.contracts.remedy_totals import RemedyTotals
from models.errors import ErrorCode
from use_cases.ports import DecisionView

router = APIRouter(tags=["recovery"])

THEFTS = (*CHANGING, ErrorCode.THEFT_UNKNOWN, ErrorCode.THEFT_NOT_VICTIMS)


def _moment(said: object) -> object:
    """A time with its offset, in a year that calendars have on both sides of it; a number is none."""
    if isinstance(said, str) and MOMENT.fullmatch(said) and YEARS[0] <= said[:4] <= YEARS[1]:
        return said
    raise ValueError("must be a time with its offset, as 2026-03-01T10:07:12Z")


YEARS = ("1990", "9000")

Instant = Annotated[AwareDatetime, BeforeValidator(_moment)]
"""A time in a query."""


class HoldAction(StrEnum):
    """What may be asked about a hold."""

    RENEW = "renew"
    RELEASE = "release"


class TheftAction(StrEnum):
    """`withdraw`: that one was the owner's own. `confirm`: an unproven report named it. Each takes two people."""

    ADD = "add"
    WITHDRAW = "withdraw"
    CONFIRM = "confirm"


class MuleAction(StrEnum):
    """The whole account of a mule; it takes two people."""

    FREEZE = "freeze"
    RELEASE = "release"


class Objection(Message):
    """What the holder of held money says against the hold; stored encrypted."""

    statement: Reason


class HoldRequest(Message):
    """For a renewal `reason` is its legal basis."""

    action: HoldAction
    reason: Reason


class TheftRequest(Message):
    """Transfers of the incident's account that are to count as stolen, or not to count any more."""

    action: TheftAction
    transfer_ids: Annotated[tuple[OpaqueId, ...], Field(min_length=1, max_length=100)]
    reason: Reason


class CompromiseTimeRequest(Message):
    """Since when the account is not to be trusted."""

    compromised_since: Moment
    reason: Reason


class MuleRequest(Message):
    """Freeze or release the whole account through which stolen money passed."""

    account_id: OpaqueId
    action: MuleAction
    reason: Reason


class HoldList(Message):
    """Newest first, two hundred at most."""

    holds: tuple[HoldView, ...]


class MuleFreezeList(Message):
    """The longest first, two hundred at most."""

    mule_freezes: tuple[MuleFreezeView, ...]


@router.get(
    "/v1/holds",
    operation_id="listHolds",
    summary="Holds, newest first.",
    responses=responses(200, HoldList, *READING),
    response_model=None,
)
async def list_holds(request: Request, incident_id: Annotated[UlidText | None, Query()] = None) -> Response:
    """Of one incident, or of all."""
    parts = parts_of(request)
    await parts.door.enter(request, Operation.LOOK)
    return answer(HoldList(holds=tuple(await parts.recover.holds(incident_id=incident_id))))


@router.get(
    "/v1/mule-freezes",
    operation_id="listMuleFreezes",
    summary="Mules' whole accounts that people had restricted, the longest first.",
    responses=responses(200, MuleFreezeList, *READING),
    response_model=None,
)
async def list_mule_freezes(
    request: Request,
    incident_id: Annotated[UlidText | None, Query()] = None,
    every: Annotated[bool, Query()] = False,  # noqa: FBT002 - a query's own default
) -> Response:
    """Those that stand, with their age; with `every`, ended ones, too. They have no expiry: people end them."""
    parts = parts_of(request)
    await parts.door.enter(request, Operation.LOOK)
    found = await parts.recover.mules(incident_id=incident_id, every=every)
    return answer(MuleFreezeList(mule_freezes=tuple(found)))


@router.get(
    "/v1/holds/{hold_id}",
    operation_id="readHold",
    summary="One hold.",
    responses=responses(200, HoldView, *READING_ONE),
    response_model=None,
)
async def read_hold(request: Request, hold_id: str) -> Response:
    """Its amount, its clocks, what its holder was told."""
    parts = parts_of(request)
    await parts.door.enter(request, Operation.LOOK)
    return answer(await parts.recover.hold(known_identifier(hold_id)))


@router.post(
    "/v1/holds/{hold_id}/objections",
    operation_id="objectToHold",
    status_code=201,
    summary="Take down what the holder says against a hold.",
    responses=responses(201, DecisionView, *CHANGING),
    response_model=None,
    openapi_extra=body_of(Objection),
)
async def object_to_hold(request: Request, hold_id: str) -> Response:
    """Opens the question whether the hold is kept; two people decide it."""
    parts = parts_of(request)
    by = await parts.door.enter(request, Operation.CHOOSE)
    body = await read(request, Objection)
    view = await parts.recover.object(known_identifier(hold_id), body.statement, by=by)
    return decided(parts, view, 201)


@router.post(
    "/v1/holds/{hold_id}/requests",
    operation_id="requestHold",
    status_code=201,
    summary="Ask for one more period, or to let the hold go.",
    responses=responses(201, DecisionView, *CHANGING),
    response_model=None,
    openapi_extra=body_of(HoldRequest),
)
async def request_hold(request: Request, hold_id: str) -> Response:
    """Waits for another person's approval."""
    parts = parts_of(request)
    by = await parts.door.enter(request, Operation.CHOOSE)
    body = await read(request, HoldRequest)
    ask = parts.recover.renew if body.action is HoldAction.RENEW else parts.recover.release
    return decided(parts, await ask(known_identifier(hold_id), body.reason, by=by), 201)


@router.post(
    "/v1/incidents/{incident_id}/thefts",
    operation_id="changeThefts",
    status_code=201,
    summary="Add transfers to the thefts of an incident, or withdraw them.",
    responses=responses(201, DecisionView, *THEFTS),
    response_model=None,
    openapi_extra=body_of(TheftRequest),
)
async def change_thefts(request: Request, incident_id: str) -> Response:
    """The money is traced anew, and the holds follow."""
    parts = parts_of(request)
    by = await parts.door.enter(request, Operation.CHOOSE)
    body = await read(request, TheftRequest)
    view = await parts.recover.thefts(
        known_form(incident_id), body.action, body.transfer_ids, body.reason, by=by
    )
    return decided(parts, view, 201)


@router.post(
    "/v1/incidents/{incident_id}/compromise-time",
    operation_id="moveCompromiseTime",
    status_code=201,
    summary="Ask to move the time since when the account is not trusted.",
    responses=responses(201, DecisionView, *CHANGING),
    response_model=None,
    openapi_extra=body_of(CompromiseTimeRequest),
)
async def move_compromise_time(request: Request, incident_id: str) -> Response:
    """Later takes two people. The money is traced anew; moved earlier, proofs that rely on anything set since are void."""
    parts = parts_of(request)
    by = await parts.door.enter(request, Operation.CHOOSE)
    body = await read(request, CompromiseTimeRequest, moments=("compromised_since",))
    view = await parts.recover.compromised_since(
        known_form(incident_id), body.compromised_since, body.reason, by=by
    )
    return decided(parts, view, 201)


@router.post(
    "/v1/incidents/{incident_id}/mules",
    operation_id="requestMule",
    status_code=201,
    summary="Ask to freeze or release the whole account of a mule.",
    responses=responses(201, DecisionView, *CHANGING),
    response_model=None,
    openapi_extra=body_of(MuleRequest),
)
async def request_mule(request: Request, incident_id: str) -> Response:
    """Never automatic: two people."""
    parts = parts_of(request)
    by = await parts.door.enter(request, Operation.CHOOSE)
    body = await read(request, MuleRequest)
    view = await parts.recover.mule(known_form(incident_id), body.account_id, body.action, body.reason, by=by)
    return decided(parts, view, 201)


@router.get(
    "/v1/incidents/{incident_id}/remedy",
    operation_id="readRemedy",
    summary="Where every stolen unit stands: returned, on hold, recalled, at large or lost.",
    responses=responses(200, RemedyView, *READING_ONE, ErrorCode.REFUSED_BY_RULE),
    response_model=None,
)
async def read_remedy(request: Request, incident_id: str) -> Response:
    """The cells add up to what was stolen, or no figures are given."""
    parts = parts_of(request)
    await parts.door.enter(request, Operation.LOOK)
    return answer(await parts.account_by_remedy.of_incident(known_form(incident_id)))


@router.get(
    "/v1/remedy",
    operation_id="readRemedyTotals",
    summary="All stolen money by remedy: the sums over all incidents.",
    responses=responses(200, RemedyTotals, *READING),
    response_model=None,
)
async def read_remedy_totals(
    request: Request,
    since: Annotated[Instant | None, Query(description="Incidents opened then or later.")] = None,
    until: Annotated[Instant | None, Query(description="Incidents opened before.")] = None,
    currency: Annotated[str | None, Query(pattern="^[A-Z]{3}$")] = None,
) -> Response:
    """For supervisors and auditors. As of one moment; an incident that does not add up is in no sum, and is named."""
    parts = parts_of(request)
    await parts.door.enter(request, Operation.LOOK_AT_TOTALS)
    return answer(await parts.account_by_remedy.in_total(since=since, until=until, currency=currency))
