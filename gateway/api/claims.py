"""What a claimant does, let in by the token of their claim: it opens this door and proves nothing."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated, Any, Literal

from fastapi import APIRouter
from pydantic import Field, StringConstraints
from starlette.requests import Request
from starlette.responses import Response

from gateway.api.description import body_of, responses
from gateway.api.incidents import answer
from gateway.parts import Parts, parts_of
from gateway.reading import raw_body, read
from models.contracts.base import Message
from models.contracts.identity import Claim, FactorKind
from models.errors import ErrorCode, StanchError
from use_cases.identity.documents import DocumentSession
from use_cases.identity.link_code import LinkCode
from use_cases.identity.look import ClaimantsView
from use_cases.identity.own_secrets import PasskeyChallenge

router = APIRouter(tags=["identity"])

LIVE = (
    ErrorCode.UNAUTHENTICATED,
    ErrorCode.TOO_MANY_ATTEMPTS,
    ErrorCode.REFUSED_BY_RULE,
    ErrorCode.ALARM_WAITING,
    ErrorCode.WALLET_UNREACHABLE,
    ErrorCode.DATABASE_UNREACHABLE,
    ErrorCode.ERASED,
)
PRESENTING = (
    *LIVE,
    ErrorCode.TOO_LARGE,
    ErrorCode.INVALID,
    ErrorCode.CODE_WRONG,
)

Base64Url = Annotated[str, StringConstraints(pattern="^[A-Za-z0-9_-]{1,8192}$")]


class PresentedCode(Message):
    """A code of the authenticator app, or a saved recovery code."""

    factor: Literal["totp", "recovery_code"]
    code: Annotated[str, StringConstraints(pattern="^[0-9A-Za-z-]{6,64}$")]


class AssertionResponse(Message):
    """AuthenticatorAssertionResponse, as navigator.credentials.get() gives it, in base64url."""

    clientDataJSON: Base64Url  # noqa: N815 - WebAuthn's name
    authenticatorData: Base64Url  # noqa: N815 - WebAuthn's name
    signature: Base64Url
    userHandle: Base64Url | None = None  # noqa: N815 - WebAuthn's name


class PasskeyAssertion(Message):
    """PublicKeyCredential.toJSON() of an assertion."""

    id: Base64Url
    rawId: Base64Url  # noqa: N815 - WebAuthn's name
    type: Literal["public-key"]
    response: AssertionResponse
    authenticatorAttachment: Annotated[str, Field(max_length=32)] | None = None  # noqa: N815 - WebAuthn's name
    clientExtensionResults: dict[str, Any] = Field(default_factory=dict)  # noqa: N815 - WebAuthn's name


class FactorAccepted(Message):
    """It counts for this claim."""

    accepted: Literal[True]


class ContactsAsked(Message):
    """The same answer whether the account has trusted contacts or not."""

    asked: Literal[True]


class CodesAsked(Message):
    """The same answer whether the account has contacts of old or not, and whether a code was due."""

    asked: Literal[True]


class VerdictTaken(Message):
    """The provider need not tell this again. Whether it changed anything is not said."""

    taken: Literal[True]


async def claim_of(request: Request, parts: Parts) -> Claim:
    """The claim of the bearer token. Errors: TOO_MANY_ATTEMPTS, before and after the token is looked at; UNAUTHENTICATED."""
    await parts.pacing.address(request)
    claim = await parts.identity.claims.enter(_token(request))
    await parts.pacing.claim(claim.claim_id)
    return claim


def _token(request: Request) -> str:
    scheme, _, token = request.headers.get("authorization", "").partition(" ")
    return token if scheme.lower() == "bearer" else ""


@router.get(
    "/v1/identity/claim",
    operation_id="showOwnClaim",
    summary="How one's own claim stands.",
    responses=responses(200, ClaimantsView, *LIVE),
    response_model=None,
)
async def show_own_claim(request: Request) -> Response:
    """Always the same ways; contacts, masked, only once the claimant is the proven owner."""
    parts = parts_of(request)
    return answer(await parts.identity.look.mine(await claim_of(request, parts)))


@router.get(
    "/v1/identity/claim/link-code",
    operation_id="showLinkCode",
    summary="The code that the wallet's link for new secrets asks for besides.",
    responses=responses(
        200,
        LinkCode,
        ErrorCode.UNAUTHENTICATED,
        ErrorCode.TOO_MANY_ATTEMPTS,
        ErrorCode.DATABASE_UNREACHABLE,
        ErrorCode.ERASED,
    ),
    response_model=None,
)
async def show_link_code(request: Request) -> Response:
    """Only for the claim that is the proven owner's, also when it is too old for anything else; null for everybody else."""
    parts = parts_of(request)
    await parts.pacing.address(request)
    claim = await parts.identity.link_code.enter(_token(request))
    await parts.pacing.claim(claim.claim_id)
    return answer(await parts.identity.link_code.run(claim))


@router.post(
    "/v1/identity/claim/codes",
    operation_id="presentCode",
    summary="Present a code of the authenticator app or a saved recovery code.",
    responses=responses(200, FactorAccepted, *PRESENTING),
    response_model=None,
    openapi_extra=body_of(PresentedCode),
)
async def present_code(request: Request) -> Response:
    """A wrong code, a factor set since the theft and one that is not there get the same answer."""
    parts = parts_of(request)
    claim = await claim_of(request, parts)
    body = await read(request, PresentedCode)
    kind: Literal[FactorKind.TOTP, FactorKind.RECOVERY_CODE] = (
        FactorKind.TOTP if body.factor == "totp" else FactorKind.RECOVERY_CODE
    )
    await parts.identity.secrets.code(claim, kind, body.code)
    return _accepted(parts, claim)


@router.post(
    "/v1/identity/claim/passkey/challenge",
    operation_id="askPasskey",
    status_code=201,
    summary="Something to sign with a passkey, once, for this claim.",
    responses=responses(201, PasskeyChallenge, *LIVE),
    response_model=None,
)
async def ask_passkey(request: Request) -> Response:
    """No credential is named, so nobody learns which exist."""
    parts = parts_of(request)
    return answer(await parts.identity.secrets.challenge(await claim_of(request, parts)), 201)


@router.post(
    "/v1/identity/claim/passkey",
    operation_id="presentPasskey",
    summary="Present the passkey's assertion over the challenge.",
    responses=responses(200, FactorAccepted, *PRESENTING),
    response_model=None,
    openapi_extra=body_of(PasskeyAssertion),
)
async def present_passkey(request: Request) -> Response:
    """The challenge is used up whatever comes of it."""
    parts = parts_of(request)
    claim = await claim_of(request, parts)
    body = await read(request, PasskeyAssertion)
    await parts.identity.secrets.passkey(claim, body.model_dump(mode="json", exclude_none=True))
    return _accepted(parts, claim)


@router.post(
    "/v1/identity/claim/document",
    operation_id="beginDocument",
    status_code=201,
    summary="Where to show document and face.",
    responses=responses(201, DocumentSession, *LIVE),
    response_model=None,
)
async def begin_document(request: Request) -> Response:
    """A page of the provider; its word comes to us by itself."""
    parts = parts_of(request)
    return answer(await parts.identity.documents.begin(await claim_of(request, parts)), 201)


@router.post(
    "/v1/identity/claim/trusted-contacts",
    operation_id="askTrustedContacts",
    status_code=202,
    summary="Ask the account's trusted contacts to vouch for the claimant.",
    responses=responses(202, ContactsAsked, *LIVE),
    response_model=None,
)
async def ask_trusted_contacts(request: Request) -> Response:
    """Each gets a code and is told what passing it on confirms; the codes are answered like any other."""
    parts = parts_of(request)
    await parts.identity.vouching.run(await claim_of(request, parts))
    return answer(ContactsAsked(asked=True), 202)


@router.post(
    "/v1/identity/claim/messages",
    operation_id="askForCodes",
    status_code=202,
    summary="Ask for new one-time codes, once those that were sent have run out.",
    responses=responses(202, CodesAsked, *LIVE),
    response_model=None,
)
async def ask_for_codes(request: Request) -> Response:
    """They go to contacts of old that have no good code, as often as may be; no count of failures begins anew."""
    parts = parts_of(request)
    await parts.identity.again.run(await claim_of(request, parts))
    return answer(CodesAsked(asked=True), 202)


@router.post(
    "/v1/identity/documents/callback",
    operation_id="takeDocumentVerdict",
    summary="The provider's signed word (Standard Webhooks).",
    responses=responses(
        200,
        VerdictTaken,
        ErrorCode.UNAUTHENTICATED,
        ErrorCode.TOO_MANY_ATTEMPTS,
        ErrorCode.REFUSED_BY_RULE,
        ErrorCode.ALARM_WAITING,
        ErrorCode.TOO_LARGE,
        ErrorCode.INVALID,
        ErrorCode.WALLET_UNREACHABLE,
        ErrorCode.DATABASE_UNREACHABLE,
    ),
    response_model=None,
    openapi_extra={
        "requestBody": {"required": True, "content": {"application/json": {"schema": {"type": "object"}}}}
    },
)
async def take_document_verdict(request: Request) -> Response:
    """Headers `webhook-id`, `webhook-timestamp`, `webhook-signature`; told twice, it counts once."""
    parts = parts_of(request)
    headers: Mapping[str, str] = request.headers
    try:
        incident_id = await parts.identity.documents.callback(headers, await raw_body(request))
    except StanchError as error:
        if error.matches(ErrorCode.UNAUTHENTICATED):
            # A provider may have much to say; who only pretends to be one may not try for ever.
            await parts.pacing.address(request)
        raise
    if incident_id is not None:
        parts.afterwards.later(incident_id, lambda: parts.wake.now(incident_id))
    return answer(VerdictTaken(taken=True))


def _accepted(parts: Parts, claim: Claim) -> Response:
    parts.afterwards.later(claim.incident_id, lambda: parts.wake.now(claim.incident_id))
    return answer(FactorAccepted(accepted=True))
