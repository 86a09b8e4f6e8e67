"""The shape of each workflow, read from its source: the commands it gives to Temporal, in the order they are written.

Write them anew with `python -m tests.replay.shapes`.
"""

from __future__ import annotations

import ast
import json
from collections.abc import Iterator
from pathlib import Path

from tests.reading_code import parsed

WORKFLOWS = Path(__file__).resolve().parents[2] / "workflows"
BASELINE = Path(__file__).parent / "fingerprints.json"

COMMANDS = frozenset(
    {
        "execute_activity",
        "execute_activity_method",
        "start_activity",
        "start_activity_method",
        "execute_local_activity",
        "execute_local_activity_method",
        "start_local_activity",
        "start_local_activity_method",
        "execute_child_workflow",
        "start_child_workflow",
        "continue_as_new",
        "sleep",
        "wait_condition",
        "patched",
        "deprecate_patch",
        "upsert_memo",
        "upsert_search_attributes",
        "uuid4",
        "signal",
        "cancel",
    }
)
"""What leaves events in a history, or decides which are left."""

HANDLERS = frozenset({"signal", "update", "query", "run", "init", "defn"})

Method = ast.FunctionDef | ast.AsyncFunctionDef

Shape = dict[str, dict[str, list[str]]]
"""File -> function -> commands."""


def shapes(folder: Path = WORKFLOWS) -> Shape:
    """The shape of every file that has a workflow or gives commands."""
    trees = {path.name: parsed(path) for path in sorted(folder.glob("*.py"))}
    telling = _telling([method for tree in trees.values() for _, method in _methods(tree)])
    found: Shape = {}
    for name, tree in trees.items():
        functions = {where: _commands(method, telling) for where, method in _methods(tree)}
        functions = {where: commands for where, commands in functions.items() if commands}
        if functions:
            classes = {node.name: _class(node) for node in ast.walk(tree) if isinstance(node, ast.ClassDef)}
            found[name] = {**{each: shape for each, shape in classes.items() if shape}, **functions}
    return found


def _methods(tree: ast.Module) -> Iterator[tuple[str, Method]]:
    for node in ast.walk(tree):
        if isinstance(node, ast.ClassDef):
            for child in node.body:
                if isinstance(child, ast.FunctionDef | ast.AsyncFunctionDef):
                    yield f"{node.name}.{child.name}", child


def _telling(methods: list[Method]) -> frozenset[str]:
    """Names of methods that give commands, themselves or through others: their order counts too."""
    telling: frozenset[str] = frozenset()
    while True:
        more = frozenset(method.name for method in methods if _commands(method, telling))
        if more <= telling:
            return telling
        telling |= more


def _class(node: ast.ClassDef) -> list[str]:
    return [f"class({ast.unparse(base)})" for base in node.bases] + _handlers(node)


def _handlers(node: ast.ClassDef | Method) -> list[str]:
    """Decorators of the SDK: what a workflow is called and listens to."""
    names = []
    for decorator in node.decorator_list:
        text = ast.unparse(decorator)
        if text.startswith("workflow.") and text.removeprefix("workflow.").split("(")[0] in HANDLERS:
            names.append(f"@{text}")
    return names


def _commands(method: Method, telling: frozenset[str]) -> list[str]:
    calls = [node for node in ast.walk(method) if isinstance(node, ast.Call)]
    commands = _handlers(method)
    for call in sorted(calls, key=lambda call: (call.lineno, call.col_offset)):
        if not isinstance(call.func, ast.Attribute):
            continue
        name = call.func.attr
        if name in COMMANDS:
            commands.append(f"{name}({_given(call)})")
        elif name in telling and ast.unparse(call.func.value) == "self":
            commands.append(f"self.{name}()")
    return commands


def _given(call: ast.Call) -> str:
    """What is called; conditions and durations may be reworded freely, but a timeout is a timer."""
    timed = any(word.arg == "timeout" for word in call.keywords)
    if isinstance(call.func, ast.Attribute) and call.func.attr in ("wait_condition", "sleep"):
        return "timeout=..." if timed else "..."
    return ast.unparse(call.args[0]) if call.args else ""


def main() -> None:
    """Write the baseline."""
    BASELINE.write_text(json.dumps(shapes(), indent=1, sort_keys=True) + "\n")


if __name__ == "__main__":
    main()
