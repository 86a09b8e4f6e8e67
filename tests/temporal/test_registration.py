"""A worker serves everything there is: what is defined anywhere in the tree is registered."""

import ast
from collections.abc import Iterator
from pathlib import Path
from typing import Any, cast

import pytest
from temporalio import activity, workflow

from activities.registry import Ports, activities
from models.registered import Activity, Workflow
from tests.reading_code import parsed
from workflows.registry import WORKFLOWS

pytestmark = pytest.mark.fast

ROOT = Path(__file__).resolve().parents[2]
PARTS = ("activities", "workflows", "use_cases", "adapters", "gateway", "cli")


def defined(decorator: str) -> set[str]:
    """`module:qualified name` of everything that carries the decorator."""
    return {
        f"{path.relative_to(ROOT).with_suffix('').as_posix().replace('/', '.')}:{name}"
        for part in PARTS
        for path in (ROOT / part).rglob("*.py")
        for name in _decorated(parsed(path), decorator, "")
    }


def _decorated(node: ast.AST, decorator: str, prefix: str) -> Iterator[str]:
    for child in ast.iter_child_nodes(node):
        if isinstance(child, ast.ClassDef | ast.FunctionDef | ast.AsyncFunctionDef):
            name = f"{prefix}{child.name}"
            if any(ast.unparse(each).split("(")[0] == decorator for each in child.decorator_list):
                yield name
            yield from _decorated(child, decorator, f"{name}.")


class _Anything:
    """Stands for every port: building activities calls none of them."""

    def __getattr__(self, name: str) -> Any:
        return self


def registered() -> list[Any]:
    ports = Ports(**{name: cast(Any, _Anything()) for name in Ports.__dataclass_fields__})
    return activities(ports)


def test_every_activity_of_the_tree_is_registered() -> None:
    found = {f"{each.__func__.__module__}:{each.__func__.__qualname__}" for each in registered()}
    assert found == defined("activity.defn")


def test_every_workflow_of_the_tree_is_registered() -> None:
    assert {f"{each.__module__}:{each.__qualname__}" for each in WORKFLOWS} == defined("workflow.defn")


def test_registered_names_are_the_ones_of_the_vocabulary() -> None:
    names = [activity._Definition.must_from_callable(each).name for each in registered()]
    assert sorted(cast("list[str]", names)) == sorted(each.value for each in Activity)
    kinds = [workflow._Definition.must_from_class(each).name for each in WORKFLOWS]
    assert sorted(cast("list[str]", kinds)) == sorted(each.value for each in Workflow)
