"""The import rules are live: they hold now, and a forbidden import would be found."""

from __future__ import annotations

import ast
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from tests.reading_code import parsed

ROOT = Path(__file__).resolve().parents[2]
PACKAGES = (
    "models", "tracing", "ledger", "activities", "workflows", "use_cases", "adapters", "gateway", "cli", "sandbox",
)  # fmt: skip

# (where, what is imported there, the contract that must break)
FORBIDDEN = [
    ("workflows", "import adapters", "Use cases, workflows and activities"),
    ("activities", "import sqlalchemy", "Use cases, workflows and activities"),
    ("use_cases", "import httpx2", "Use cases, workflows and activities"),
    ("use_cases", "import fastapi", "Use cases, workflows and activities"),
    ("workflows", "import models.tables", "Use cases, workflows and activities"),
    ("ledger", "import asyncpg", "Tracing and ledger do no I/O"),
    ("tracing", "import sqlite3", "Tracing and ledger do no I/O"),
    ("tracing", "import ledger", "Imports go one way"),
    ("models", "import activities", "Imports go one way"),
    ("adapters", "import gateway", "Imports go one way"),
    ("gateway", "import cli", "Imports go one way"),
    ("cli", "import gateway", "Imports go one way"),
    ("adapters", "import settings", "Settings are read by entry points"),
    ("workflows", "import settings", "Settings are read by entry points"),
    ("gateway", "import worker", "Nobody imports the worker"),
    ("sandbox", "import models", "The sandbox is another company"),
    ("cli", "import sandbox", "Nobody imports the sandbox"),
]


def lint_imports(folder: Path) -> subprocess.CompletedProcess[str]:
    command = [str(Path(sys.executable).with_name("lint-imports")), "--no-cache"]
    return subprocess.run(command, cwd=folder, capture_output=True, text=True, check=False)


@pytest.fixture
def copy(tmp_path: Path) -> Path:
    """The source alone, where a test may spoil it."""
    for package in PACKAGES:
        shutil.copytree(ROOT / package, tmp_path / package, ignore=shutil.ignore_patterns("__pycache__"))
    for file in (*ROOT.glob("*.py"), ROOT / "pyproject.toml"):
        shutil.copy(file, tmp_path)
    return tmp_path


@pytest.mark.fast
def test_the_rules_hold() -> None:
    done = lint_imports(ROOT)
    assert done.returncode == 0, done.stdout


@pytest.mark.parametrize(("package", "statement", "contract"), FORBIDDEN)
def test_a_forbidden_import_is_found(copy: Path, package: str, statement: str, contract: str) -> None:
    (copy / package / "planted.py").write_text(f"{statement}\n")
    done = lint_imports(copy)
    assert done.returncode == 1, done.stdout
    assert [line for line in done.stdout.splitlines() if contract in line and " BROKEN" in line], done.stdout
    assert f"{package}.planted" in done.stdout


def test_a_detour_is_found_too(copy: Path) -> None:
    (copy / "models" / "detour.py").write_text("import sqlalchemy\n")
    (copy / "workflows" / "planted.py").write_text("import models.detour\n")
    done = lint_imports(copy)
    assert done.returncode == 1, done.stdout
    assert "workflows.planted -> models.detour" in done.stdout


BESIDE_THE_PRODUCT = {"bench", "tests"}
"""What measures and tests the product may use all of it, and nothing of the product may use it."""


@pytest.mark.fast
def test_every_package_is_under_the_rules() -> None:
    """A package nobody listed would be free to import anything."""
    found = {path.parent.name for path in ROOT.glob("*/__init__.py")} - BESIDE_THE_PRODUCT
    assert found == set(PACKAGES)


@pytest.mark.fast
def test_modules_beside_the_packages_keep_to_the_rules() -> None:
    """import-linter sees packages only."""
    assert imported_by("settings.py") & {*PACKAGES, "worker"} <= {"models"}
    assert not imported_by("worker.py") & {"cli", "gateway", "sandbox"}


def imported_by(name: str) -> set[str]:
    """The top-level names this file imports; none when there is no such file."""
    path = ROOT / name
    if not path.exists():
        return set()
    names: set[str] = set()
    for node in ast.walk(parsed(path)):
        if isinstance(node, ast.Import):
            names |= {alias.name.split(".")[0] for alias in node.names}
        elif isinstance(node, ast.ImportFrom) and node.module:
            names.add(node.module.split(".")[0])
    return names
