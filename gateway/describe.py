"""`python -m gateway.describe > docs/gateway-api.yaml`: the API's description, for those who write clients."""

from __future__ import annotations

import sys

import yaml

from gateway.application import description


def text() -> str:
    """The description as YAML."""
    return yaml.safe_dump(description(), sort_keys=False, allow_unicode=True, width=140)


if __name__ == "__main__":
    sys.stdout.write(text())
