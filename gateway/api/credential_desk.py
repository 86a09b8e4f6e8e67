"""Forgotten passwords, for people of the house: begin for a caller, list, look."""

from __future__ import annotations

from typing import Annotated, Any

from fastapi import APIRouter, Query
from starlette.requests import Request
from starlette.responses import Response

from gateway.api.description import responses
from gateway.api.incidents import READING, READING_ONE, answer, known_form
from gateway.auth.permissions import Operation
from gateway.parts import parts_of
from models.contracts.base import Message
from models.contracts.credential import CredentialFacts
from models.contracts.steps import RecordedStep
from use_cases.ports import DecisionView

router = APIRouter(tags=["credentials"])

Limit = Annotated[int, Query(ge=1, le=500)]


class CredentialList(Message):
    """Newest first."""

    recoveries: tuple[CredentialFacts, ...]


class CredentialView(Message):
    """One recovery: by ids, times and kinds. No number, no address, no code."""

    recovery: CredentialFacts
    steps: tuple[dict[str, Any], ...]
    decisions: tuple[DecisionView, ...]


@router.get(
    "/v1/credential-recoveries",
    operation_id="listCredentialRecoveries",
    summary="Recoveries that found an account, newest first.",
    responses=responses(200, CredentialList, *READING),
    response_model=None,
)
async def list_credential_recoveries(request: Request, limit: Limit = 100) -> Response:
    """What was begun for nobody's number is in no list."""
    parts = parts_of(request)
    await parts.door.enter(request, Operation.LOOK)
    return answer(CredentialList(recoveries=tuple(await parts.credential.look.listed(limit))))


@router.get(
    "/v1/credential-recoveries/{recovery_id}",
    operation_id="showCredentialRecovery",
    summary="One recovery with its steps, and what people are asked.",
    responses=responses(200, CredentialView, *READING_ONE),
    response_model=None,
)
async def show_credential_recovery(request: Request, recovery_id: str) -> Response:
    """The question of the kind `credential` is decided like any other, under /v1/decisions."""
    parts = parts_of(request)
    await parts.door.enter(request, Operation.LOOK)
    found = await parts.credential.look.one(known_form(recovery_id))
    return answer(
        CredentialView(
            recovery=found.facts,
            steps=tuple(_step(each) for each in found.steps),
            decisions=tuple(found.decisions),
        )
    )


def _step(step: RecordedStep) -> dict[str, Any]:
    return step.model_dump(
        mode="json",
        include={"step_id", "step_key", "kind", "status", "actor", "role", "reason", "completed_at"},
    )
