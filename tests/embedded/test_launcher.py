"""`./stanch` makes its environment once, repairs what was left half-made, and says everything on stderr.

The real requirements take half a minute and a network; here the same launcher stands over a lock of two empty packages.
"""

from __future__ import annotations

import hashlib
import json
import os
import shutil
import signal
import subprocess
import sys
import zipfile
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
PRODUCT, CHECK = "the-product-needs", "the-checks-need"
# Answers for the command line: what it was started with, and where.
COMMAND_LINE = """
import json, os, sys
print(json.dumps({"arguments": sys.argv[1:], "folder": os.getcwd(), "python": sys.prefix, "path": sys.path}))
"""


@pytest.fixture
def clone(tmp_path: Path) -> Path:
    """A clone whose command line only tells how it was started."""
    clone = tmp_path / "a clone"
    (clone / "cli").mkdir(parents=True)
    for name in ("stanch", "cli/__init__.py", "cli/environment.py", "cli/installation.py"):
        shutil.copy(ROOT / name, clone / name)
    (clone / "cli" / "__main__.py").write_text(COMMAND_LINE)
    (clone / "requirements").mkdir()
    (clone / "wheels").mkdir()
    for name in (PRODUCT, CHECK):
        make_wheel(clone, name)
    lock(clone, "runtime", PRODUCT)
    lock(clone, "development", PRODUCT, CHECK)
    return clone


def make_wheel(clone: Path, name: str) -> None:
    """An empty package, as pip wants it."""
    module = name.replace("-", "_")
    about = f"{module}-1.0.dist-info"
    files = {
        f"{module}.py": "",
        f"{about}/METADATA": f"Metadata-Version: 2.1\nName: {name}\nVersion: 1.0\n",
        f"{about}/WHEEL": "Wheel-Version: 1.0\nGenerator: test\nRoot-Is-Purelib: true\nTag: py3-none-any\n",
    }
    record = "".join(f"{path},,\n" for path in (*files, f"{about}/RECORD"))
    with zipfile.ZipFile(clone / "wheels" / f"{module}-1.0-py3-none-any.whl", "w") as wheel:
        for path, content in {**files, f"{about}/RECORD": record}.items():
            wheel.writestr(path, content)


def lock(clone: Path, kind: str, *names: str, digest: str | None = None) -> None:
    lines = []
    for name in names:
        wheel = clone / "wheels" / f"{name.replace('-', '_')}-1.0-py3-none-any.whl"
        lines.append(
            f"{name}==1.0 --hash=sha256:{digest or hashlib.sha256(wheel.read_bytes()).hexdigest()}\n"
        )
    (clone / "requirements" / f"{kind}.txt").write_text("".join(lines))


def start(clone: Path, *arguments: str, folder: Path | None = None, **environ: str) -> subprocess.Popen[str]:
    """The launcher, with the wheels above as the only ones there are."""
    index = {
        "PIP_NO_INDEX": "1",
        "PIP_FIND_LINKS": (clone / "wheels").as_uri(),
        "PIP_CONFIG_FILE": os.devnull,
    }
    return subprocess.Popen(
        [sys.executable, str(clone / "stanch"), *arguments],
        cwd=folder or clone, env={**os.environ, **index, **environ}, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
    )  # fmt: skip


def stanch(
    clone: Path, *arguments: str, folder: Path | None = None, **environ: str
) -> subprocess.CompletedProcess[str]:
    with start(clone, *arguments, folder=folder, **environ) as started:
        output, errors = started.communicate(timeout=80)
    return subprocess.CompletedProcess(started.args, started.returncode, output, errors)


def installed(clone: Path) -> set[str]:
    found = {path.name.split("-")[0] for path in clone.glob(".venv/lib/python*/site-packages/*.dist-info")}
    return {name.replace("_", "-") for name in found} - {"pip", "setuptools"}


def test_the_first_start_makes_the_environment_and_the_second_only_uses_it(
    clone: Path, tmp_path: Path
) -> None:
    elsewhere = tmp_path / "elsewhere"
    (elsewhere / "cli").mkdir(parents=True)
    (elsewhere / "cli" / "__main__.py").write_text("raise SystemExit('the wrong command line')")
    (elsewhere / "link").symlink_to(clone / "stanch")
    misleading = {
        "PIP_TARGET": str(tmp_path / "target"),
        "PIP_USER": "1",
        "PYTHONPATH": str(tmp_path / "path"),
    }

    first = stanch(clone, "demo", "--json", folder=elsewhere, **misleading)
    assert first.returncode == 0, first.stderr
    told = json.loads(first.stdout)
    assert told["arguments"] == ["demo", "--json"]
    assert told["folder"] == str(elsewhere)
    assert told["python"] == str(clone / ".venv")
    assert str(tmp_path / "path") not in told["path"]
    assert installed(clone) == {PRODUCT}
    assert "1 of 1" in first.stderr
    assert "Environment ready" in first.stderr

    second = subprocess.run([elsewhere / "link"], cwd=elsewhere, capture_output=True, text=True, check=True)
    assert second.stderr == ""
    assert json.loads(second.stdout)["python"] == str(clone / ".venv")


def test_one_environment_serves_tests_and_product_and_follows_the_lock(clone: Path) -> None:
    assert stanch(clone, "--environment", "development").stdout == ""
    assert installed(clone) == {PRODUCT, CHECK}
    assert stanch(clone).stderr == ""

    lock(clone, "runtime", CHECK)
    lock(clone, "development", CHECK)
    assert "Environment ready" in stanch(clone).stderr
    assert installed(clone) == {CHECK}
    assert stanch(clone, "--environment", "development").stderr == ""


def test_a_killed_start_leaves_nothing_that_two_starts_at_once_do_not_repair(clone: Path) -> None:
    with start(clone) as first:
        assert first.stderr
        assert "Preparing" in first.stderr.readline()
        first.kill()
    rubbish = clone / ".venv" / "rubbish"
    # It may have been killed before it made the folder.
    rubbish.parent.mkdir(exist_ok=True)
    rubbish.touch()

    both = [start(clone), start(clone)]
    said = [started.communicate(timeout=80) for started in both]

    assert [started.returncode for started in both] == [0, 0], said
    assert sum("Environment ready" in errors for _, errors in said) == 1
    assert [json.loads(output)["python"] for output, _ in said] == [str(clone / ".venv")] * 2
    assert installed(clone) == {PRODUCT}
    assert not rubbish.exists()


def test_an_environment_that_was_moved_or_lost_its_python_is_made_anew(clone: Path, tmp_path: Path) -> None:
    stanch(clone)
    clone = clone.rename(tmp_path / "moved")
    done = stanch(clone)
    assert "Environment ready" in done.stderr
    assert json.loads(done.stdout)["python"] == str(clone / ".venv")

    (clone / ".venv" / "bin" / "python").unlink()
    assert "Environment ready" in stanch(clone).stderr


def test_an_interrupted_start_says_so_and_the_next_one_finishes(clone: Path) -> None:
    with start(clone) as first:
        assert first.stderr
        first.stderr.readline()
        first.send_signal(signal.SIGINT)
        output, errors = first.communicate(timeout=30)
    assert first.returncode == 130
    assert output == ""
    assert "interrupted" in errors
    assert "Traceback" not in errors
    assert stanch(clone).returncode == 0


def test_a_package_that_is_not_what_was_locked_is_refused(clone: Path) -> None:
    lock(clone, "runtime", PRODUCT, digest="0" * 64)
    refused = stanch(clone)
    assert refused.returncode == 4
    assert refused.stdout == ""
    assert "THESE PACKAGES DO NOT MATCH THE HASHES" in refused.stderr
    assert "nothing was started" in refused.stderr
    assert "Traceback" not in refused.stderr


def test_an_unknown_environment_is_bad_input(clone: Path) -> None:
    done = stanch(clone, "--environment", "production")
    assert done.returncode == 2
    assert not (clone / ".venv").exists()


def test_a_folder_it_may_not_write_is_one_sentence(clone: Path) -> None:
    (clone / ".venv.lock").mkdir()
    done = stanch(clone)
    assert done.returncode == 4
    assert "could not be made" in done.stderr
    assert "Traceback" not in done.stderr


@pytest.mark.parametrize("version", [(3, 10), (3, 6)])
def test_an_older_python_is_one_sentence(clone: Path, version: tuple[int, int]) -> None:
    program = f"import runpy, sys; sys.version_info = {version}; sys.argv = ['stanch']; runpy.run_path('stanch', run_name='__main__')"
    done = subprocess.run(
        [sys.executable, "-c", program], cwd=clone, capture_output=True, text=True, check=False
    )
    assert done.returncode == 4
    assert f"this is {version[0]}.{version[1]}" in done.stderr
    assert "Traceback" not in done.stderr
