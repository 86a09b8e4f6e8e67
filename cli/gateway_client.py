"""The gateway's API as commands call it: JSON in and out, its problems as our errors."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING, Any, Final, Self

import httpx2

from cli import runtime
from models.errors import ErrorCode, StanchError
from models.names import Role

if TYPE_CHECKING:
    from collections.abc import Mapping

SECONDS: Final = 15.0
"""Longer than the gateway ever works on one request, so silence means that it is not there."""

GATEWAY_URL: Final = "STANCH_GATEWAY_URL"
CREDENTIAL: Final = "STANCH_CREDENTIAL"


class GatewayClient:
    """A gateway and one login at it. Use as a context."""

    def __init__(self, url: str, credential: str) -> None:
        self._url = url
        # No proxy and no .netrc of the user's: a credential goes straight to the gateway.
        self._http = httpx2.Client(
            base_url=url, headers={"Authorization": f"Bearer {credential}"}, timeout=SECONDS, trust_env=False
        )

    @classmethod
    def of_environment(cls, login: Role | None = None, *, usual: Role = Role.AGENT) -> Self:
        """From STANCH_GATEWAY_URL and STANCH_CREDENTIAL, else from the running house with its `login` (or the `usual` one).

        Errors: INVALID when neither says where and as whom.
        """
        running = runtime.current()
        url = os.environ.get(GATEWAY_URL) or (running.gateway_url if running else None)
        credential = None if login else os.environ.get(CREDENTIAL)
        if credential is None and running is not None:
            known = running.logins.get((login or usual).value)
            credential = known.credential if known else None
        credential = credential or os.environ.get(CREDENTIAL)
        if not url or not credential:
            raise StanchError(
                ErrorCode.INVALID,
                f"It is not known {'as whom to come' if url else 'where the gateway is'}; nothing was sent. "
                f"Start `stanch up`, or set {GATEWAY_URL} and {CREDENTIAL}.",
            )
        return cls(url, credential)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._http.close()

    def get(self, path: str, **query: Any) -> dict[str, Any]:
        """The answer's JSON; queries that are None are left out. Raises StanchError for every problem."""
        return self._request(
            "GET", path, query={name: value for name, value in query.items() if value is not None}
        )[1]

    def post(self, path: str, body: Mapping[str, Any]) -> dict[str, Any]:
        """The answer's JSON. Raises StanchError for every problem."""
        return self._request("POST", path, body=body)[1]

    def post_with_status(self, path: str, body: Mapping[str, Any]) -> tuple[int, dict[str, Any]]:
        """Like `post`, with the HTTP status: 201 and 202 mean different things for an alarm."""
        return self._request("POST", path, body=body)

    def post_content(self, path: str, content: bytes, media_type: str) -> dict[str, Any]:
        """The answer's JSON to a body that is sent as it is. Raises StanchError for every problem."""
        return self._request("POST", path, content=content, headers={"Content-Type": media_type})[1]

    def _request(
        self,
        method: str,
        path: str,
        *,
        query: Mapping[str, Any] | None = None,
        body: Mapping[str, Any] | None = None,
        content: bytes | None = None,
        headers: Mapping[str, str] | None = None,
    ) -> tuple[int, dict[str, Any]]:
        try:
            answer = self._http.request(
                method,
                path,
                params=dict(query or {}),
                json=body,
                content=content,
                headers=dict(headers or {}),
            )
        except httpx2.HTTPError as error:
            raise StanchError(
                ErrorCode.NOT_ACCEPTED,
                f"The gateway at {self._url} did not answer ({type(error).__name__}); repeating the same request is safe. "
                "Look whether it runs: `stanch doctor`.",
            ) from error
        try:
            document = answer.json()
        except ValueError:
            document = None
        if not isinstance(document, dict):
            raise StanchError(
                ErrorCode.NOT_ACCEPTED,
                f"What answers at {self._url} ({answer.status_code}) is not the gateway; nothing was done. Check {GATEWAY_URL}.",
            )
        if answer.status_code >= 400:
            raise _problem(answer.status_code, document)
        return answer.status_code, document


def _problem(status: int, problem: Mapping[str, Any]) -> StanchError:
    """The gateway's problem as the error it is: same code, same sentence."""
    try:
        code = ErrorCode(problem.get("code", ""))
    except ValueError:
        code = ErrorCode.NOT_ACCEPTED if status >= 500 else ErrorCode.INVALID
    said = str(problem.get("detail") or problem.get("title") or f"The gateway answered {status}.")
    return StanchError(code, said)
