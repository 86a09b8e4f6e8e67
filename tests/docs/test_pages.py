"""What the pages say is so."""

from __future__ import annotations

import importlib.util
import re
import xml.etree.ElementTree as ET
from pathlib import Path
from types import ModuleType

import pytest

from cli.application import main

pytestmark = pytest.mark.fast

ROOT = Path(__file__).resolve().parents[2]
PAGES = ("README.md", "ARCHITECTURE.md", "CONTRIBUTING.md", "SECURITY.md", "CHANGELOG.md")
LINK = re.compile(r"\]\(([^)#\s]+)[^)]*\)")
FILE = re.compile(r"\b(?:[a-z_]+/)+[a-z_]+\.(?:py|yaml|toml|svg)\b")
COMMAND = re.compile(r"`(?:\./)?stanch ([a-z]+(?: [a-z\\|-]+)?)[^`]*`")


def lifecycle() -> ModuleType:
    spec = importlib.util.spec_from_file_location("lifecycle_picture", ROOT / "docs" / "lifecycle.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def test_the_lifecycle_picture_is_current() -> None:
    page = (ROOT / "ARCHITECTURE.md").read_text(encoding="utf-8")
    assert lifecycle().with_picture(page) == page, "run: python docs/lifecycle.py"


@pytest.mark.parametrize("page", PAGES)
def test_links_and_named_files_exist(page: str) -> None:
    text = (ROOT / page).read_text(encoding="utf-8")
    links = [link for link in LINK.findall(text) if "://" not in link]
    missing = [name for name in {*links, *FILE.findall(text)} if not (ROOT / name).exists()]
    assert not missing


def test_commands_named_in_the_readme_exist(capsys: pytest.CaptureFixture[str]) -> None:
    named: set[tuple[str, str]] = set()
    for words in COMMAND.findall((ROOT / "README.md").read_text(encoding="utf-8")):
        command, _, verbs = words.replace("\\", "").partition(" ")
        named |= {(command, verb) for verb in verbs.split("|")} if "|" in verbs else {(command, "")}
    assert len(named) > 15
    for command, verb in sorted(named - {("sandbox", "")}):
        assert main([command, *([verb] if verb else []), "--help"]) == 0, (command, verb)
        capsys.readouterr()


def test_the_picture_is_one_that_github_shows() -> None:
    svg = ET.parse(ROOT / "docs" / "story.svg").getroot()
    names = {element.tag.rpartition("}")[2] for element in svg.iter()}
    assert names <= {"svg", "title", "desc", "rect", "g", "text", "line", "path", "circle"}
    assert svg.get("viewBox")
