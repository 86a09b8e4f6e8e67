"""The sandbox is what docs/wallet-contract.yaml says, to whatever is asked of it."""

from __future__ import annotations

import re
import secrets
from collections.abc import MutableMapping
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import httpx2
import pytest
import schemathesis
from hypothesis import HealthCheck, settings
from schemathesis import Case
from schemathesis.checks import positive_data_acceptance
from schemathesis.schemas import BaseSchema

from sandbox.problems import REFUSALS
from tests.running_sandbox import ROOT, RunningSandbox

EXAMPLES = 15
"""Per operation and run: enough to reach every field once, few enough to stay under half a minute together."""

KEY = re.compile(r"[A-Za-z0-9][A-Za-z0-9_.:/\-]{0,199}")

wallet = schemathesis.openapi.from_path(str(ROOT / "docs/wallet-contract.yaml"))
gateway = schemathesis.openapi.from_path(str(ROOT / "docs/message-gateway.yaml"))
# Every request here is authenticated; what happens without a key is tested in test_idempotency.
wallet.raw_schema.pop("security")
gateway.raw_schema.pop("security")
asking = settings(
    max_examples=EXAMPLES,
    deadline=None,
    derandomize=True,
    database=None,
    suppress_health_check=list(HealthCheck),
)


@wallet.parametrize()
@asking
def test_whatever_is_asked_the_wallet_answers_as_its_contract_says(
    case: Case, running_sandbox: RunningSandbox
) -> None:
    if "account_id" in case.path_parameters and secrets.randbelow(2):
        case.path_parameters["account_id"] = f"acc-{secrets.randbelow(900):04d}"
    headers: MutableMapping[str, Any] = case.headers
    if headers and KEY.fullmatch(str(headers.get("Idempotency-Key", ""))):
        # Another valid key: the same one with another request is refused, and rightly.
        headers["Idempotency-Key"] = f"fuzz-{secrets.token_hex(8)}"
    # OpenAPI has no words for "exactly one of these parameters".
    one_of_three = case.operation.label == "GET /v1/accounts"
    case.call_and_validate(
        base_url=running_sandbox.url,
        headers={"Authorization": f"Bearer {running_sandbox.wallet_key}"},
        excluded_checks=[positive_data_acceptance] if one_of_three else [],
    )


@gateway.parametrize()
@asking
def test_whatever_is_sent_the_gateway_answers_as_its_contract_says(
    case: Case, running_sandbox: RunningSandbox
) -> None:
    case.call_and_validate(
        base_url=running_sandbox.url, headers={"Authorization": f"Bearer {running_sandbox.message_key}"}
    )


class Checked:
    """Asks the sandbox, and holds every answer against the contract."""

    def __init__(self, schema: BaseSchema, sandbox: RunningSandbox) -> None:
        self._schema = schema
        self._sandbox = sandbox
        self.answered: set[tuple[str, str, int]] = set()

    def ask(self, method: str, template: str, status: Any = 200, **more: Any) -> dict[str, Any]:
        names = {name: more.pop(name) for name in list(more) if f"{{{name}}}" in template and name != "key"}
        if "receipt" in more:
            names["key"] = more.pop("receipt")
        response: httpx2.Response = self._sandbox.ask(method, template.format(**names), **more)
        self._schema[template][method].validate_response(response)
        assert response.status_code == status, response.text
        self.answered.add((method, template, status))
        answer: dict[str, Any] = response.json()
        return answer


def test_the_whole_story_of_an_account_is_told_in_the_contracts_words(sandbox: RunningSandbox) -> None:
    """Every operation answers 200 at least once with a body that the contract describes."""
    checked = Checked(wallet, sandbox)
    ask = checked.ask
    later = (datetime.now(UTC) + timedelta(hours=1)).isoformat()
    account_id, holder = sandbox.rich_account(), sandbox.rich_account()
    one = f"{account_id}/1"
    ask("GET", "/health")
    theft = sandbox.steal(account_id, [1000, 1000])
    pending = sandbox.owner(holder).pay("exit-bank-01", 500)["transfer_id"]
    in_flight = theft.thief.order("scheduled_payment", "mer-001", 5, seconds=3600)

    restriction = {"restriction_id": f"{one}/full", "scope": "full", "placer": "stanch", "reason": "a test"}
    ask("POST", "/v1/accounts/{account_id}/restrictions", account_id=account_id, body=restriction)
    ask("POST", "/v1/accounts/{account_id}/restrictions", 404, account_id="acc-nobody", body=restriction)
    ask("GET", "/v1/restrictions", params={"placer": "stanch"})
    ask("GET", "/v1/accounts", params={"id": account_id})
    ask("GET", "/v1/accounts", 422, params={"id": account_id, "phone": "+86130000"})
    ask("GET", "/v1/accounts/{account_id}", account_id=account_id)
    ask("GET", "/v1/accounts/{account_id}", 404, account_id="acc-nobody")

    since = {"since": theft.compromised_since.isoformat()}
    ask("GET", "/v1/accounts/{account_id}/payments", account_id=account_id, params=since)
    ask("GET", "/v1/accounts/{account_id}/payments", 404, account_id="acc-nobody", params=since)
    stopping = {"payment_id": in_flight, "body": {"reason": "a test"}}
    ask("POST", "/v1/payments/{payment_id}/stop", **stopping)
    ask("POST", "/v1/payments/{payment_id}/stop", 404, **stopping | {"payment_id": "pay-nobody"})

    hold: dict[str, Any] = {"hold_id": f"{one}/hold/1", "placer": "stanch", "currency": "CNY", "amount": 900}
    hold |= {"reason": "a test", "expires_at": later}
    ask("POST", "/v1/accounts/{account_id}/holds", account_id=holder, body=hold)
    ask("GET", "/v1/holds", params={"placer": "stanch"})
    named = {"hold_id": hold["hold_id"]}
    ask("POST", "/v1/holds/{hold_id}/shrink", **named, body={"amount": 800})
    ask("POST", "/v1/holds/{hold_id}/shrink", 409, **named, body={"amount": 801})
    ask("POST", "/v1/holds/{hold_id}/renew", **named, body={"expires_at": later})
    giving = {"to_account_id": account_id, "amount": 300, "reason": "a test"}
    ask("POST", "/v1/holds/{hold_id}/return", **named, body=giving)
    ask("POST", "/v1/holds/{hold_id}/release", **named, body={"reason": "a test"})
    ask("POST", "/v1/holds/{hold_id}/return", 409, **named, body=giving)
    ask("POST", "/v1/holds/{hold_id}/release", 404, hold_id="no/such", body={"reason": "a test"})

    ask("GET", "/v1/transfers", params={"after_seq": 0, "limit": 10_000})
    ask("GET", "/v1/transfers/{transfer_id}", transfer_id=theft.transfers[0])
    ask("GET", "/v1/transfers/{transfer_id}", 404, transfer_id="trf-none")
    ask("POST", "/v1/transfers/{transfer_id}/cancel", transfer_id=pending, body={"reason": "a test"})
    ask(
        "POST",
        "/v1/transfers/{transfer_id}/cancel",
        409,
        transfer_id=theft.transfers[0],
        body={"reason": "a test"},
    )
    ask("GET", "/v1/openings", params={"limit": 10_000})

    since = {"set_since": theft.compromised_since.isoformat(), "reason": "a test"}
    for item in sandbox.state(account_id)["security"]:
        path = "/v1/accounts/{account_id}/security/{item}/reset"
        ask("POST", path, account_id=account_id, item=item, body=since)
    enrolled = {"kind": "recovery_codes", "set_at": "2026-01-01T00:00:00Z"}
    saved = sandbox.control("POST", f"/people/{holder}/factors", enrolled)
    checking = {"account_id": holder, "body": {"kind": "recovery_codes", "code": saved["codes"][0]}}
    path = "/v1/accounts/{account_id}/factors/{factor_id}/verify"
    ask("POST", path, factor_id=saved["id"], **checking)
    ask("POST", path, 404, factor_id="none", **checking)
    link = {"purpose": "renew_credentials", "contact_point_id": f"{account_id}-phone-1", "expires_at": later}
    ask("POST", "/v1/accounts/{account_id}/owner-links", account_id=account_id, body=link)

    stage = {"stage_id": f"{one}/stage/1", "outgoing_per_day": {"CNY": 5}, "outgoing_total_blocked": False}
    stage |= {"new_payees_allowed": False, "withdrawals_allowed": False}
    ask("PUT", "/v1/accounts/{account_id}/stage-limits", account_id=account_id, body=stage)
    ask("GET", "/v1/accounts/{account_id}", account_id=account_id)
    releasing = {"restriction_ids": [f"{one}/full"], "reason": "a test"}
    ask(
        "POST",
        "/v1/accounts/{account_id}/restrictions/release",
        account_id=account_id,
        body=releasing,
        key=f"{one}/r",
    )
    ask("POST", "/v1/accounts/{account_id}/restrictions", 409, account_id=account_id, body=restriction)
    closing: dict[str, Any] = {
        "destination": {"kind": "wallet", "account_id": holder},
        "balances": {"CNY": 1},
    }
    closing |= {"restriction_ids": [], "reason": "a test"}
    ask("POST", "/v1/accounts/{account_id}/close", 409, account_id=account_id, body=closing)
    closing["balances"] = {
        each["currency"]: each["balance"] for each in sandbox.state(account_id)["balances"] if each["balance"]
    }
    ask("POST", "/v1/accounts/{account_id}/close", account_id=account_id, body=closing)
    lifting: dict[str, Any] = {"params": {"stage_id": stage["stage_id"]}}
    ask("DELETE", "/v1/accounts/{account_id}/stage-limits", account_id=account_id, **lifting)
    ask("GET", "/v1/receipts/{key}", receipt=f"{one}/r")
    ask("GET", "/v1/receipts/{key}", 404, receipt="never")
    answered = {(method, template) for method, template, status in checked.answered if status == 200}
    every = {
        (method.upper(), path)
        for path, methods in wallet.raw_schema["paths"].items()
        for method in methods
        if method != "parameters"
    }
    assert every - answered == set()


@pytest.mark.fast
def test_every_refusal_of_the_sandbox_is_a_code_the_contract_names() -> None:
    text = Path(ROOT / "docs/wallet-contract.yaml").read_text(encoding="utf-8")
    described = text[text.index("    Problem:\n      type: object") :][:1200]
    assert {code for code in REFUSALS if code not in described} == set()
