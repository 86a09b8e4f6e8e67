"""What people were told, and telling them again."""

from __future__ import annotations

from typing import Annotated

from fastapi import APIRouter, Query
from pydantic import StringConstraints
from starlette.requests import Request
from starlette.responses import Response

from gateway.api.description import body_of, responses
from gateway.api.incidents import READING, READING_ONE, answer, known_form
from gateway.auth.permissions import Operation
from gateway.parts import parts_of
from gateway.reading import read
from models.contracts.base import Message
from models.contracts.notices import NoticeView
from models.errors import ErrorCode, StanchError
from models.ids import is_ulid
from models.names import NoticeState, ReachedBy
from use_cases.reach_person import PersonToReach

router = APIRouter(tags=["notices"])

Limit = Annotated[int, Query(ge=1, le=500)]


class NoticeList(Message):
    """Promised notices, newest first."""

    notices: tuple[NoticeView, ...]


class Reached(Message):
    """How somebody was told whom no notice had reached, and a sentence about it."""

    how: ReachedBy
    note: Annotated[str, StringConstraints(strip_whitespace=True, min_length=3, max_length=2000)]


@router.get(
    "/v1/notices",
    operation_id="listNotices",
    summary="Notices of every incident, newest first.",
    responses=responses(200, NoticeList, *READING),
    response_model=None,
)
async def list_notices(
    request: Request,
    state: NoticeState | None = None,
    unreached: Annotated[bool, Query()] = False,  # noqa: FBT002 - a query
    limit: Limit = 100,
) -> Response:
    """`unreached`: those that reached nobody. Somebody must call these people."""
    parts = parts_of(request)
    await parts.door.enter(request, Operation.LOOK)
    return answer(
        NoticeList(notices=tuple(await parts.tell.all(state=state, unreached=unreached, limit=limit)))
    )


@router.get(
    "/v1/incidents/{incident_id}/notices",
    operation_id="listIncidentNotices",
    summary="What the people of one incident were told, newest first.",
    responses=responses(200, NoticeList, *READING_ONE),
    response_model=None,
)
async def list_incident_notices(request: Request, incident_id: str, limit: Limit = 100) -> Response:
    """Each with its template and version, the contact ids it went to, and how far it got; never a text or an address."""
    parts = parts_of(request)
    await parts.door.enter(request, Operation.LOOK)
    return answer(
        NoticeList(notices=tuple(await parts.tell.of_incident(known_form(incident_id), limit=limit)))
    )


@router.get(
    "/v1/notices/{notice_id}",
    operation_id="readNotice",
    summary="One notice and its deliveries.",
    responses=responses(200, NoticeView, *READING_ONE),
    response_model=None,
)
async def read_notice(request: Request, notice_id: str) -> Response:
    """How far it got at which contact."""
    parts = parts_of(request)
    await parts.door.enter(request, Operation.LOOK)
    return answer(await parts.tell.one(_known(notice_id)))


@router.post(
    "/v1/notices/{notice_id}/resend",
    operation_id="resendNotice",
    status_code=202,
    summary="Tell it again, to every contact older than the compromise time.",
    responses=responses(202, NoticeView, *READING_ONE, ErrorCode.REFUSED_BY_RULE),
    response_model=None,
)
async def resend_notice(request: Request, notice_id: str) -> Response:
    """Under new message ids. A notice that waits is sent anyway, and one that was erased cannot be."""
    parts = parts_of(request)
    await parts.door.enter(request, Operation.CHOOSE)
    return answer(await parts.tell.again(_known(notice_id)), 202)


@router.get(
    "/v1/notices/{notice_id}/person",
    operation_id="readPersonToReach",
    summary="Whom to call, since a notice reached nobody.",
    responses=responses(
        200,
        PersonToReach,
        *READING_ONE,
        ErrorCode.REFUSED_BY_RULE,
        ErrorCode.WALLET_UNREACHABLE,
        ErrorCode.ERASED,
    ),
    response_model=None,
)
async def read_person(request: Request, notice_id: str) -> Response:
    """Contacts of before the theft, masked, by the wallet's ids; and how to do it."""
    parts = parts_of(request)
    await parts.door.enter(request, Operation.CHOOSE)
    return answer(await parts.reach_person.look(_known(notice_id)))


@router.post(
    "/v1/notices/{notice_id}/reached",
    operation_id="personReached",
    summary="The person was told otherwise: nobody needs to call any more.",
    responses=responses(
        200, NoticeView, *READING_ONE, ErrorCode.REFUSED_BY_RULE, ErrorCode.ERASED, ErrorCode.TOO_LARGE
    ),
    response_model=None,
    openapi_extra=body_of(Reached),
)
async def person_reached(request: Request, notice_id: str) -> Response:
    """A recorded step; the note is stored encrypted. Repeating changes nothing."""
    parts = parts_of(request)
    by = await parts.door.enter(request, Operation.CHOOSE)
    reached = await read(request, Reached)
    view = await parts.reach_person.reached(_known(notice_id), reached.how, reached.note, by=by)
    return answer(view)


def _known(notice_id: str) -> str:
    if not is_ulid(notice_id):
        raise StanchError(ErrorCode.NOT_FOUND, "There is no notice with this id. Check the id.")
    return notice_id
