"""How the API describes itself where FastAPI cannot see it: bodies we read ourselves, and problems."""

from __future__ import annotations

from typing import Any

from pydantic import BaseModel

from gateway.problems import STATUS
from models.contracts.base import Message
from models.errors import ErrorCode


class Problem(Message):
    """RFC 9457. `code` is stable and for programs; `detail` is for people."""

    type: str
    title: str
    status: int
    code: ErrorCode
    detail: str


def body_of(shape: type[BaseModel]) -> dict[str, Any]:
    """The requestBody of an operation that reads `shape` itself."""
    schema = _resolved(shape.model_json_schema())
    return {"requestBody": {"required": True, "content": {"application/json": {"schema": schema}}}}


def responses(status: int, shape: type[BaseModel], *refusals: ErrorCode) -> dict[int | str, dict[str, Any]]:
    """The responses of an operation: what it gives, and each code it refuses with."""
    return {status: {"model": shape}, **errors(*refusals)}


def errors(*codes: ErrorCode) -> dict[int | str, dict[str, Any]]:
    """The responses for these codes."""
    said: dict[int, list[str]] = {}
    for code in codes:
        said.setdefault(STATUS[code], []).append(f"`{code.value}`")
    return {
        status: {
            "description": ", ".join(names),
            "content": {"application/problem+json": {"schema": {"$ref": "#/components/schemas/Problem"}}},
        }
        for status, names in said.items()
    }


def with_problems(document: dict[str, Any]) -> dict[str, Any]:
    """Complete FastAPI's document: the problem's schema, and no promise of answers that we never give."""
    schemas = document.setdefault("components", {}).setdefault("schemas", {})
    for theirs in ("HTTPValidationError", "ValidationError"):
        schemas.pop(theirs, None)
    schemas["Problem"] = _resolved(Problem.model_json_schema())
    document["components"]["securitySchemes"] = {
        "bearer": {"type": "http", "scheme": "bearer", "description": "The credential of an operator."}
    }
    for path in document["paths"].values():
        for operation in path.values():
            responses = operation["responses"]
            if "401" in responses:
                operation["security"] = [{"bearer": []}]
            theirs = responses.get("422", {}).get("content", {}).get("application/json")
            if theirs is not None:
                responses.update({str(key): value for key, value in errors(ErrorCode.INVALID).items()})
    return document


def _resolved(schema: dict[str, Any]) -> dict[str, Any]:
    """A schema that stands by itself: its definitions put where they are used."""
    definitions = schema.pop("$defs", {})

    def resolve(part: Any) -> Any:
        if isinstance(part, dict):
            reference = part.get("$ref")
            if isinstance(reference, str):
                rest = {name: value for name, value in part.items() if name != "$ref"}
                return resolve(definitions[reference.rpartition("/")[2]] | rest)
            return {name: resolve(value) for name, value in part.items()}
        if isinstance(part, list):
            return [resolve(each) for each in part]
        return part

    resolved: dict[str, Any] = resolve(schema)
    return resolved
