"""The gateway is what docs/gateway-api.yaml says, to whatever is asked of it."""

from __future__ import annotations

from pathlib import Path

import pytest
import schemathesis
from hypothesis import HealthCheck, settings
from schemathesis import Case
from schemathesis.checks import positive_data_acceptance

from gateway.describe import text
from tests.running_gateway import DETECTOR, RunningGateway

ROOT = Path(__file__).resolve().parent.parent.parent
PUBLISHED = ROOT / "docs" / "gateway-api.yaml"

EXAMPLES = 25
"""Per operation and run: enough to reach every field once, few enough for half a minute together."""

described = schemathesis.openapi.from_path(str(PUBLISHED))
# Every request here is authenticated; what happens without a credential is tested in test_roles.
described.raw_schema["components"].pop("securitySchemes")


@described.parametrize()
@settings(
    max_examples=EXAMPLES,
    deadline=None,
    derandomize=True,
    database=None,
    suppress_health_check=list(HealthCheck),
)
def test_whatever_is_asked_the_gateway_answers_as_described(case: Case, gateway: RunningGateway) -> None:
    who = DETECTOR if case.operation.label == "POST /v1/alarms" else "supervisor"
    if isinstance(case.body, dict) and case.operation.label == "POST /v1/alarms":
        # Otherwise hardly any alarm would be this credential's own.
        case.body["source"] = DETECTOR
    case.call_and_validate(
        base_url=gateway.url,
        headers={"Authorization": f"Bearer {gateway.credentials[who]}"},
        # JSON Schema has no words for "not in the future", "no NUL" and "an id that exists".
        excluded_checks=[positive_data_acceptance],
    )


@pytest.mark.fast
def test_the_published_description_is_the_applications_own() -> None:
    assert PUBLISHED.read_text(encoding="utf-8") == text(), (
        "python -m gateway.describe > docs/gateway-api.yaml"
    )
