"""Recalls: what was asked of other institutions, and how they answer."""

from __future__ import annotations

import re
from typing import Annotated, Any, Literal

from fastapi import APIRouter, Query
from starlette.requests import Request
from starlette.responses import Response

from gateway.api.description import responses
from gateway.api.incidents import READING, READING_ONE, answer, known_form
from gateway.auth.permissions import Operation
from gateway.parts import parts_of
from gateway.reading import read_bytes
from models.contracts.base import Message
from models.contracts.recalls import AnswerView, Quarantine
from models.errors import ErrorCode, StanchError
from use_cases.look_up_recalls import AnswerContent, RecallDetail, RecallList

router = APIRouter(tags=["recalls"])

TYPES = frozenset({"application/xml", "text/xml", "application/json"})
IDENTIFIER = re.compile(r"[0-9A-Z]{26}")
Limit = Annotated[int, Query(ge=1, le=200)]
IncidentId = Annotated[str, Query(pattern="^[0-7][0-9A-HJKMNP-TV-Z]{25}$")]

ANSWERING = (
    ErrorCode.UNAUTHENTICATED,
    ErrorCode.FORBIDDEN,
    ErrorCode.TOO_LARGE,
    ErrorCode.INVALID,
    ErrorCode.DATABASE_UNREACHABLE,
)

BODY: dict[str, Any] = {
    "requestBody": {
        "required": True,
        "content": {
            # No schema: what breaks one is kept all the same.
            "application/xml": {"schema": {"description": "ISO 20022 camt.029.001.14, about one payment."}},
            "application/json": {"schema": {"description": "NeutralAnswer of docs/recall.schema.json."}},
        },
    }
}


class AnswerReceipt(Message):
    """That an answer is kept, and what was made of it. `quarantined` means: people look at it; nothing was done with it."""

    answer_id: str
    verdict: Literal["received", "matched", "duplicate", "quarantined"]
    quarantine: Quarantine | None
    detail: str | None


class AnswerList(Message):
    """Answers, newest first."""

    answers: tuple[AnswerView, ...]


@router.post(
    "/v1/recalls/answers",
    operation_id="answerRecall",
    status_code=202,
    summary="Answer a recall. Whatever arrives is kept word for word; repeating it is safe.",
    responses=responses(202, AnswerReceipt, *ANSWERING),
    response_model=None,
    openapi_extra=BODY,
)
async def answer_recall(request: Request) -> Response:
    """An answer that cannot be used is kept too, put aside and shown: see `quarantine`."""
    parts = parts_of(request)
    sender = await parts.door.enter(request, Operation.ANSWER_RECALL)
    raw = await read_bytes(request, TYPES)
    return answer(_receipt(await parts.answer_recall.run(raw, sender=sender)), 202)


@router.get(
    "/v1/recalls/answers",
    operation_id="listRecallAnswers",
    summary="Answers, newest first.",
    responses=responses(200, AnswerList, *READING),
    response_model=None,
)
async def list_answers(
    request: Request,
    verdict: Literal["received", "matched", "duplicate", "quarantined"] | None = None,
    limit: Limit = 50,
) -> Response:
    """Without their content."""
    parts = parts_of(request)
    await parts.door.enter(request, Operation.LOOK)
    found = await parts.look_up_recalls.answers(verdict=verdict, limit=limit)
    return answer(AnswerList(answers=tuple(found)))


@router.get(
    "/v1/recalls/answers/{answer_id}",
    operation_id="readRecallAnswer",
    summary="One answer, word for word.",
    responses=responses(200, AnswerContent, *READING_ONE, ErrorCode.ERASED),
    response_model=None,
)
async def read_answer(request: Request, answer_id: str) -> Response:
    """Also one that nobody could make sense of."""
    parts = parts_of(request)
    await parts.door.enter(request, Operation.LOOK)
    return answer(await parts.look_up_recalls.content(_known(answer_id)))


@router.get(
    "/v1/recalls",
    operation_id="listRecalls",
    summary="Recalls, newest first, and every answer that was put aside.",
    responses=responses(200, RecallList, *READING),
    response_model=None,
)
async def list_recalls(
    request: Request,
    incident_id: IncidentId | None = None,
    state: Literal["open", "closed"] | None = None,
    limit: Limit = 50,
) -> Response:
    """With the totals of the incident, where one is named."""
    parts = parts_of(request)
    await parts.door.enter(request, Operation.LOOK)
    known = None if incident_id is None else known_form(incident_id)
    return answer(await parts.look_up_recalls.list(incident_id=known, state=state, limit=limit))


@router.get(
    "/v1/recalls/{recall_id}",
    operation_id="readRecall",
    summary="One recall: what was said and what was answered.",
    responses=responses(200, RecallDetail, *READING_ONE),
    response_model=None,
)
async def read_recall(request: Request, recall_id: str) -> Response:
    """Asked, promised and received beside each other."""
    parts = parts_of(request)
    await parts.door.enter(request, Operation.LOOK)
    return answer(await parts.look_up_recalls.recall(_known(recall_id)))


def _receipt(view: AnswerView) -> AnswerReceipt:
    quarantine, detail = view.quarantine, view.detail
    if quarantine is Quarantine.NOT_THEIRS:
        # Whether somebody else has such a recall is not for this sender to know.
        quarantine, detail = Quarantine.UNMATCHED, "it names no recall of ours"
    return AnswerReceipt.model_validate(
        {"answer_id": view.answer_id, "verdict": view.verdict, "quarantine": quarantine, "detail": detail}
    )


def _known(identifier: str) -> str:
    if not IDENTIFIER.fullmatch(identifier):
        raise StanchError(
            ErrorCode.NOT_FOUND, "There is nothing with this id. Nothing was done; check the id."
        )
    return identifier
