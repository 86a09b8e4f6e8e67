"""What holds for every file that is committed: size, names, and what must not stand in it."""

from __future__ import annotations

import gzip
import importlib.metadata
import re
import subprocess
from functools import cache
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
pytestmark = pytest.mark.fast

MOST_LINES = 400
NAMES_THAT_SAY_NOTHING = {
    "utils",
    "util",
    "helpers",
    "helper",
    "manager",
    "common",
    "misc",
    "base_utils",
    "stuff",
}

# Folders of somebody's machine: homes, and where this is developed or unpacked. A committed history carries them in stack traces.
MACHINE_PATHS = re.compile(
    r"(?<![\w.$}])/(?:home|Users|root|work|workspace|farm|mnt)/[\w.]|/tmp/[\w.-]*stanch|[A-Z]:\\Users\\"
)
# Split, so that this file does not find itself.
REGISTRY_HOSTS = re.compile(
    r"pypi\." r"org|pythonhosted\." r"org|registry\.npmjs\." r"org|proxy\.golang\." r"org"
)


@cache
def tracked() -> list[Path]:
    """Every file git knows or would add."""
    listed = subprocess.run(
        ["git", "-c", "safe.directory=*", "ls-files", "--cached", "--others", "--exclude-standard", "-z"],
        cwd=ROOT,
        capture_output=True,
        check=True,
    )
    paths = [ROOT / name for name in listed.stdout.decode().split("\0") if name]
    assert ROOT / "pyproject.toml" in paths
    return [path for path in paths if path.is_file()]


@cache
def text(path: Path) -> str:
    """Its text; a gzipped history is read as what it holds."""
    data = path.read_bytes()
    return (gzip.decompress(data) if path.suffix == ".gz" else data).decode("utf-8", errors="replace")


def lines_with(pattern: re.Pattern[str]) -> list[str]:
    """`file: match` for every match in a tracked file."""
    return [
        f"{path.relative_to(ROOT)}: {found.group()}"
        for path in tracked()
        for found in pattern.finditer(text(path))
    ]


def test_no_file_is_too_long_to_read() -> None:
    free = {"tests", "migrations", "ledger_tests"}
    long = {
        str(path.relative_to(ROOT)): count
        for path in tracked()
        if path.suffix == ".py" and path.relative_to(ROOT).parts[0] not in free
        if (count := len(text(path).splitlines())) > MOST_LINES
    }
    assert not long


def test_every_name_says_something() -> None:
    parts = {part for path in tracked() for part in path.relative_to(ROOT).with_suffix("").parts}
    assert not {
        part
        for part in parts
        if part.lower().removesuffix("s") + "s" in NAMES_THAT_SAY_NOTHING
        or part.lower() in NAMES_THAT_SAY_NOTHING
    }


def test_no_path_of_a_machine_is_committed() -> None:
    assert not lines_with(MACHINE_PATHS)


@pytest.mark.parametrize("path", ["home ada x", "root x.py", "Users a b", "tmp run-stanch-1", "work main"])
def test_a_path_of_a_machine_would_be_found(path: str) -> None:
    assert MACHINE_PATHS.search("in '/" + path.replace(" ", "/"))


def test_no_registry_is_named() -> None:
    """Locked by hash, served by any mirror."""
    assert not lines_with(REGISTRY_HOSTS)


def test_every_requirement_is_locked_by_hash() -> None:
    for kind, least in (("runtime", 20), ("development", 20), ("bench", 1)):
        entries = re.split(r"\n(?=\S)", text(ROOT / "requirements" / f"{kind}.txt").strip())
        assert len(entries) > least
        assert not [entry for entry in entries if "==" not in entry or "--hash=sha256:" not in entry]


def test_what_the_tests_need_includes_what_the_product_runs_on() -> None:
    """One install serves both, and the tests run on the very versions that ship."""
    runtime, development = (
        set(re.findall(r"^(\S+==\S+)", text(ROOT / "requirements" / f"{kind}.txt"), re.MULTILINE))
        for kind in ("runtime", "development")
    )
    assert runtime < development


def test_no_installed_package_claims_one_of_our_names() -> None:
    """`models` or `cli` of somebody else would be imported in place of ours, or ours in place of theirs."""
    ours = (
        {path.parent.name for path in ROOT.glob("*/__init__.py")}
        | {path.stem for path in ROOT.glob("*.py")}
        | {"migrations", "tests", "bench", "policies"}
    )
    assert not ours & set(importlib.metadata.packages_distributions())


def test_it_is_an_application_and_not_a_distribution() -> None:
    configuration = text(ROOT / "pyproject.toml")
    assert "\n[build-system]" not in configuration
    assert "[tool.uv]\npackage = false" in configuration


def test_nothing_of_the_outside_ledgers_is_committed() -> None:
    assert not [path for path in tracked() if re.search(r"amlsim|amlgentex|swish", path.name, re.IGNORECASE)]
