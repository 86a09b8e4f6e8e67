"""The sandbox's own controls (/sandbox/...): worlds, ledgers, records. Not part of any wallet's contract."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any, Final, Self

import httpx2

from models.errors import ErrorCode, StanchError

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

SECONDS: Final = 120.0
"""Loading a ledger of some hundred thousand transfers is one request."""


class SandboxClient:
    """The controls of one sandbox. Use as a context; errors are StanchError(WALLET_UNREACHABLE) or INVALID."""

    def __init__(self, url: str, admin_key: str, wallet_key: str) -> None:
        self._wallet_key = wallet_key
        self._http = httpx2.Client(
            base_url=url, headers={"Authorization": f"Bearer {admin_key}"}, timeout=SECONDS, trust_env=False
        )

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._http.close()

    def has_world(self) -> bool:
        """Whether accounts are there already."""
        return self._send("GET", "/sandbox/world", expected=404) is not None

    def seed(self, seed: int, **size: int) -> dict[str, Any]:
        """Replace the world by the one of this seed; `size` is `accounts` and `transfers`. Returns its summary."""
        return self._must("POST", "/sandbox/seed", content=json.dumps({"seed": seed, **size}).encode())

    def load_ledger(self, lines: Iterable[Mapping[str, Any]]) -> dict[str, Any]:
        """Replace the world by an outside ledger: accounts, then transfers in posting order. Returns its summary."""
        content = b"".join(json.dumps(line, separators=(",", ":")).encode() + b"\n" for line in lines)
        return self._must("POST", "/sandbox/ledger", content=content, kind="application/x-ndjson")

    def report_alarms_to(self, gateway_url: str, credential: str) -> None:
        """Tell the wallet's detector where its alarms go."""
        body = {"gateway_url": gateway_url, "alarm_key": credential}
        self._must("POST", "/sandbox/detector", content=json.dumps(body).encode())

    def answer_recalls_to(self, gateway_url: str, credential: str) -> None:
        """Tell the institutions behind the exits where their answers go."""
        body = {"gateway_url": gateway_url, "recall_key": credential}
        self._must("POST", "/sandbox/bank/gateway", content=json.dumps(body).encode())

    def alarms(self) -> list[dict[str, Any]]:
        """What the detector raised."""
        return list(self._must("GET", "/sandbox/alarms")["alarms"])

    def attempts(self, account_id: str) -> dict[str, Any]:
        """What was refused to whoever used this account."""
        return self._must("GET", f"/sandbox/attempts?account_id={account_id}")

    def balance(self, account_id: str, currency: str) -> int:
        """What an account holds now, minor units."""
        state = self._must("GET", f"/v1/accounts/{account_id}", key=self._wallet_key)
        return next((int(each["balance"]) for each in state["balances"] if each["currency"] == currency), 0)

    def transfers_after(self, seq: int) -> list[dict[str, Any]]:
        """Transfers posted since, by the wallet's own feed; 1,000 at most."""
        path = f"/v1/transfers?after_seq={seq}&limit=1000"
        return list(self._must("GET", path, key=self._wallet_key)["transfers"])

    def _must(
        self,
        method: str,
        path: str,
        *,
        content: bytes | None = None,
        kind: str = "application/json",
        key: str | None = None,
    ) -> dict[str, Any]:
        answer = self._send(method, path, content=content, kind=kind, key=key)
        assert answer is not None
        return answer

    def _send(
        self,
        method: str,
        path: str,
        *,
        content: bytes | None = None,
        kind: str = "application/json",
        expected: int | None = None,
        key: str | None = None,
    ) -> dict[str, Any] | None:
        headers = {"Content-Type": kind, **({"Authorization": f"Bearer {key}"} if key else {})}
        try:
            answer = self._http.request(method, path, content=content, headers=headers)
        except httpx2.HTTPError as error:
            raise StanchError(
                ErrorCode.WALLET_UNREACHABLE,
                f"The sandbox wallet did not answer ({type(error).__name__}); nothing of yours is lost. Look at its log, then try again.",
            ) from error
        if answer.status_code == expected:
            return None
        document: dict[str, Any] = answer.json()
        if answer.status_code >= 400:
            raise StanchError(
                ErrorCode.INVALID, f"The sandbox wallet refused: {document.get('detail', answer.status_code)}"
            )
        return document
