"""A forgotten password, for whoever forgot it. No credential: a token that proves nothing, and codes that do."""

from __future__ import annotations

from typing import Annotated, Literal, Self

from fastapi import APIRouter
from pydantic import Field, StringConstraints, model_validator
from starlette.requests import Request
from starlette.responses import Response

from gateway.api.description import body_of, responses
from gateway.api.incidents import answer
from gateway.parts import Parts, parts_of
from gateway.reading import read
from models.contracts.base import Message
from models.contracts.credential import CredentialFacts
from models.contracts.wallet import ContactKind
from models.errors import ErrorCode, StanchError
from use_cases.credential.check_up import CheckUpView
from use_cases.credential.recoveries import Begun, OwnRecovery

router = APIRouter(tags=["credentials"])

PACED = (ErrorCode.TOO_MANY_ATTEMPTS, ErrorCode.DATABASE_UNREACHABLE)
BY_TOKEN = (ErrorCode.UNAUTHENTICATED, *PACED)
READING_BODY = (ErrorCode.INVALID, ErrorCode.TOO_LARGE)
AFTER_RENEWAL = (ErrorCode.REFUSED_BY_RULE, ErrorCode.ACCOUNT_UNKNOWN, ErrorCode.WALLET_UNREACHABLE)


class BeginCredential(Message):
    """The phone number or the email address by which the wallet knows somebody: exactly one of them."""

    phone: Annotated[str, StringConstraints(pattern=r"^\+?[0-9 ().-]{5,32}$")] | None = None
    email: (
        Annotated[str, StringConstraints(pattern=r"^[^@\s\x00-\x1f]{1,128}@[^@\s\x00-\x1f]{1,125}$")] | None
    ) = None

    @model_validator(mode="after")
    def _one(self) -> Self:
        if (self.phone is None) == (self.email is None):
            message = "give either phone or email"
            raise ValueError(message)
        return self


class CredentialCode(Message):
    """The reference and the code of a message."""

    challenge_id: Annotated[str, StringConstraints(pattern="^[0-9A-Z]{26}$")]
    code: Annotated[str, StringConstraints(pattern="^[0-9]{6,10}$")]


class CodeCounts(Message):
    """It counts. What else is needed shows in the state alone."""

    accepted: Literal[True]


class HelpAsked(Message):
    """The same answer whether there is anything to help with or not."""

    asked: Literal[True]


class Strange(Message):
    """Which of the shown changes the owner does not know; none: simply that something is wrong."""

    strange: Annotated[tuple[str, ...], Field(max_length=100)] = ()


class AccountStopped(Message):
    """The incident that goes on from here. `freeze`: done, pending (the engine insists) or held_back (an agent looks)."""

    incident_id: str
    freeze: str


async def recovery_of(request: Request, parts: Parts) -> CredentialFacts:
    """The recovery of the bearer token. Errors: TOO_MANY_ATTEMPTS, UNAUTHENTICATED."""
    await parts.pacing.address(request)
    scheme, _, token = request.headers.get("authorization", "").partition(" ")
    facts = await parts.credential.recoveries.enter(token if scheme.lower() == "bearer" else "")
    await parts.pacing.claim(facts.recovery_id)
    return facts


async def alarmed_by(request: Request, parts: Parts) -> CredentialFacts:
    """As `recovery_of`, but whoever has a token is let in however fast they looked before: an alarm waits for nobody."""
    scheme, _, token = request.headers.get("authorization", "").partition(" ")
    try:
        return await parts.credential.recoveries.enter(token if scheme.lower() == "bearer" else "")
    except StanchError as error:
        if error.matches(ErrorCode.UNAUTHENTICATED):
            await parts.pacing.address(request)
        raise


@router.post(
    "/v1/credential-recoveries",
    operation_id="beginCredentialRecovery",
    status_code=202,
    summary="Begin when the password is forgotten: by phone number or email address.",
    responses=responses(202, Begun, *READING_BODY, *PACED),
    response_model=None,
    openapi_extra=body_of(BeginCredential),
)
async def begin_credential_recovery(request: Request) -> Response:
    """The same answer in the same time, whoever it is and whether there is an account: nobody has looked by then.

    If there is one and nothing speaks against it, codes go to contacts that have stood for long, and only to those.
    """
    parts = parts_of(request)
    await parts.pacing.address(request)
    body = await read(request, BeginCredential)
    kind = ContactKind.PHONE if body.phone is not None else ContactKind.EMAIL
    begun = await parts.credential.recoveries.begin(kind, body.phone or body.email or "")
    wake(parts, begun.recovery_id)
    return answer(begun, 202)


@router.get(
    "/v1/credential-recovery",
    operation_id="showOwnCredentialRecovery",
    summary="How one's own recovery stands.",
    responses=responses(200, OwnRecovery, *BY_TOKEN),
    response_model=None,
)
async def show_own_credential_recovery(request: Request) -> Response:
    """`begun` until the owner is proven, `over` when the time for it is."""
    parts = parts_of(request)
    return answer(parts.credential.recoveries.shown(await recovery_of(request, parts)))


@router.post(
    "/v1/credential-recovery/codes",
    operation_id="answerCredentialCode",
    summary="Answer a one-time code.",
    responses=responses(200, CodeCounts, ErrorCode.CODE_WRONG, *READING_BODY, *BY_TOKEN),
    response_model=None,
    openapi_extra=body_of(CredentialCode),
)
async def answer_credential_code(request: Request) -> Response:
    """Whatever keeps a code from counting has one answer."""
    parts = parts_of(request)
    facts = await recovery_of(request, parts)
    body = await read(request, CredentialCode)
    await parts.credential.recoveries.answer(facts, body.challenge_id, body.code)
    wake(parts, facts.recovery_id)
    return answer(CodeCounts(accepted=True))


@router.post(
    "/v1/credential-recovery/help",
    operation_id="askCredentialHelp",
    status_code=202,
    summary="Stuck: have people of the house look.",
    responses=responses(202, HelpAsked, *BY_TOKEN),
    response_model=None,
)
async def ask_credential_help(request: Request) -> Response:
    """Two of them decide; the link goes to a contact of old all the same."""
    parts = parts_of(request)
    facts = await recovery_of(request, parts)
    await parts.credential.recoveries.ask_help(facts)
    wake(parts, facts.recovery_id)
    return answer(HelpAsked(asked=True), 202)


@router.get(
    "/v1/credential-recovery/check-up",
    operation_id="showCheckUp",
    summary="What changed at the account lately, once the new password is set.",
    responses=responses(200, CheckUpView, *AFTER_RENEWAL, *BY_TOKEN),
    response_model=None,
)
async def show_check_up(request: Request) -> Response:
    """Labels as masked as the wallet has them: enough to know one's own."""
    parts = parts_of(request)
    return answer(await parts.credential.check_up.look(await recovery_of(request, parts)))


@router.post(
    "/v1/credential-recovery/alarm",
    operation_id="raiseCheckUpAlarm",
    status_code=202,
    summary="Something there is not mine: stop the account.",
    responses=responses(
        202,
        AccountStopped,
        ErrorCode.NOT_ACCEPTED,
        ErrorCode.ALARM_CONFLICT,
        ErrorCode.WALLET_REFUSED,
        *READING_BODY,
        *AFTER_RENEWAL,
        *BY_TOKEN,
    ),
    response_model=None,
    openapi_extra=body_of(Strange),
)
async def raise_check_up_alarm(request: Request) -> Response:
    """An alarm like any other, by the same road; said again it gets the same answer."""
    parts = parts_of(request)
    facts = await alarmed_by(request, parts)
    body = await read(request, Strange)
    with parts.afterwards.alarm():
        raised = await parts.credential.check_up.alarm(facts, body.strange)
    parts.afterwards.later(f"times {raised.alarm_id}", lambda: parts.raise_alarm.store_times(raised))
    wake(parts, raised.incident_id)
    return answer(AccountStopped(incident_id=raised.incident_id, freeze=raised.freeze.value), 202)


def wake(parts: Parts, case_id: str) -> None:
    """Have the engine look, soon; the committed row asks for it anyway."""
    parts.afterwards.later(case_id, lambda: parts.wake.now(case_id))
