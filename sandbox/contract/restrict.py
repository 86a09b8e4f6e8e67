"""Placing a restriction: the hot path, without FastAPI's machinery and in one statement."""

from __future__ import annotations

import re

from pydantic import ValidationError
from starlette.requests import Request
from starlette.responses import Response

from sandbox.contract.bodies import PlaceRestriction
from sandbox.contract.writing import KEY_PATTERN, receipt_response
from sandbox.problems import Refusal, refusal
from sandbox.restricting import CALL
from sandbox.state import check_bearer, running
from sandbox.wallet import receipts

_KEY = re.compile(KEY_PATTERN)
_LONGEST_KEY = 200


async def place_restriction(request: Request) -> Response:
    """Restrict the account, once per key, and answer the receipt."""
    parts = running(request)
    check_bearer(request, parts.settings.wallet_key)
    key = request.headers.get("idempotency-key", "")
    if len(key) > _LONGEST_KEY or not _KEY.fullmatch(key):
        raise Refusal(422, "invalid", "Idempotency-Key is missing or malformed. Nothing was done.")
    try:
        wanted = PlaceRestriction.model_validate_json(await request.body())
    except ValidationError as error:
        first = error.errors(include_url=False, include_input=False)[0]
        place = ".".join(str(part) for part in first["loc"])
        raise Refusal(422, "invalid", f"body.{place}: {first['msg']}. Nothing was done.") from error
    account_id = request.path_params["account_id"]
    if "\x00" in account_id:
        raise refusal("account_unknown")
    digest = receipts.digest("POST", request.scope["path"], wanted.model_dump_json())
    outcome, answer = await parts.database.hot.fetchrow(
        CALL,
        key,
        digest,
        account_id,
        wanted.restriction_id,
        wanted.scope,
        wanted.placer,
        wanted.reason,
        wanted.expires_at,
    )
    if outcome not in ("done", "replayed"):
        raise refusal(outcome)
    return receipt_response(answer, replayed=outcome == "replayed")
