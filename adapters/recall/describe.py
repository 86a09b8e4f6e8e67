"""`python -m adapters.recall.describe > docs/recall.schema.json`: the neutral form, for institutions that are no banks."""

from __future__ import annotations

import json
import sys
from typing import Any

from pydantic.json_schema import models_json_schema

from adapters.recall.neutral import NeutralAnswer, NeutralRecall


def schema() -> dict[str, Any]:
    """JSON Schema of what is sent (`NeutralRecall`) and of what comes back (`NeutralAnswer`)."""
    _, definitions = models_json_schema(
        [(NeutralRecall, "validation"), (NeutralAnswer, "validation")],
        title="Stanch: a recall of stolen money and its answer",
    )
    refs = [{"$ref": f"#/$defs/{each.__name__}"} for each in (NeutralRecall, NeutralAnswer)]
    return {
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "$id": "stanch-recall/1",
        **definitions,
        "oneOf": refs,
    }


if __name__ == "__main__":
    sys.stdout.write(json.dumps(schema(), indent=2) + "\n")
