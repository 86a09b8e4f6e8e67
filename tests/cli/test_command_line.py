"""The command line before it reaches anything: help, exit codes, one document on stdout, sentences for errors."""

from __future__ import annotations

import json
import os
import resource
import subprocess
import sys
from pathlib import Path

import pytest

from cli.application import main
from cli.configuration import settings
from cli.exit_codes import BAD_INPUT, UNREACHABLE, ExitCode, exit_code
from models.errors import ErrorCode

pytestmark = pytest.mark.fast

ROOT = Path(__file__).resolve().parents[2]
COMMANDS = (
    "demo",
    "up",
    "worker",
    "gateway",
    "doctor",
    "incident open",
    "incident list",
    "incident show",
    "incident watch",
    "incident decide",
    "incident compromised-since",
    "incident theft confirm",
    "remedy",
    "incident identity show",
    "incident identity claim",
    "incident identity call-back",
    "incident identity accept",
    "incident identity impostor",
    "transfers import",
    "transfers status",
    "trace run",
    "trace show",
    "trace explain",
    "trace compare",
    "trace extend",
    "trace verify",
    "audit replay",
    "operator create",
    "db upgrade",
    "db check",
)


@pytest.fixture(autouse=True)
def nowhere(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """No house runs here, and the environment of whoever runs the tests names none."""
    for name in (
        "STANCH_GATEWAY_URL",
        "STANCH_CREDENTIAL",
        "STANCH_CONFIG",
        "STANCH_DATABASE_URL",
        "STANCH_WALLET_URL",
    ):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("STANCH_RUNTIME", str(tmp_path / "runtime.json"))


@pytest.mark.parametrize("command", COMMANDS)
def test_every_command_has_help_and_json(command: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert main([*command.split(), "--help"]) == ExitCode.DONE
    assert "--json" in capsys.readouterr().out


def test_help_fills_its_lines_wherever_the_docstring_was_broken(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("COLUMNS", "100")
    assert main(["up", "--help"]) == ExitCode.DONE
    assert "TEMPORAL_ADDRESS or STANCH_WALLET_URL name others" in capsys.readouterr().out


def test_help_answers_at_once() -> None:
    """Half a second of processor time, or forty times that of a Python that does nothing; with everything imported it is more."""

    def spent(*command: str | Path) -> float:
        before = resource.getrusage(resource.RUSAGE_CHILDREN)
        subprocess.run(command, check=True, capture_output=True)
        after = resource.getrusage(resource.RUSAGE_CHILDREN)
        return after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime

    nothing = min(spent(sys.executable, "-I", "-S", "-c", "pass") for _ in range(3))
    assert min(spent(ROOT / "stanch", "--help") for _ in range(3)) < max(0.5, 40 * nothing)


def test_help_imports_nothing_heavy() -> None:
    program = "import sys, cli.application; print(*(name for name in sys.argv[1:] if name in sys.modules))"
    heavy = (
        "sqlalchemy",
        "temporalio",
        "fastapi",
        "httpx2",
        "pydantic",
        "asyncpg",
        "alembic",
        "cryptography",
    )
    loaded = subprocess.run(
        [sys.executable, "-c", program, *heavy], cwd=ROOT, check=True, capture_output=True, text=True
    )
    assert loaded.stdout.split() == []


@pytest.mark.parametrize(
    "arguments",
    [
        ["nonsense"],
        ["incident", "nonsense"],
        ["incident", "show"],
        ["demo", "--seed", "many"],
        ["demo", "--no-such-option"],
        ["operator", "create", "somebody"],
        ["operator", "create", "somebody", "--role", "king"],
        ["incident", "open", "acc-1", "--occurred-at", "yesterday"],
        ["demo", "--transfers", "only-one.csv"],
        ["demo", "--transfers", "a.csv", "--accounts", "b.csv", "--theft", "1", "--currency", "dollars"],
        ["incident", "decide", "01", "--choice", "return"],
        ["incident", "decide", "01", "--approve", "1", "--decline", "2", "--reason", "both"],
    ],
)
def test_bad_input_is_exit_2_one_sentence_and_one_document(
    arguments: list[str], capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(arguments) == ExitCode.BAD_INPUT
    plain = capsys.readouterr()
    assert plain.out == ""
    assert plain.err.startswith("stanch: ")
    assert plain.err.count("\n") == 1
    assert main([*arguments, "--json"]) == ExitCode.BAD_INPUT
    document = json.loads(capsys.readouterr().out)
    assert document["error"]["message"] in plain.err
    assert document["error"]["code"] in {code.value for code in BAD_INPUT}


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("STANCH_DATABASE_URL", "nonsense"),
        ("STANCH_DATABASE_URL", "mysql://u:secret-word@127.0.0.1/d"),
        ("STANCH_DATABASE_URL", "postgresql://u:secret-word@127.0.0.1:port/d"),
        ("STANCH_DATABASE_POOL", "many"),
        ("STANCH_CONFIG", "/no/such/file.toml"),
    ],
)
def test_a_setting_that_cannot_be_used_is_named_and_its_value_is_not_shown(
    name: str, value: str, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv(name, value)
    assert main(["transfers", "status"]) == ExitCode.BAD_INPUT
    said = capsys.readouterr().err
    assert name in said
    assert value not in said
    assert "secret-word" not in said


@pytest.mark.parametrize("part", ["worker", "gateway"])
def test_a_part_with_settings_that_cannot_be_used_says_so_without_a_traceback(part: str) -> None:
    failed = subprocess.run(
        [sys.executable, "-m", part],
        cwd=ROOT,
        env={**os.environ, "STANCH_CONFIG": "/no/such/file.toml"},
        capture_output=True,
        text=True,
        check=False,
    )
    assert (failed.returncode, failed.stdout, failed.stderr.count("\n")) == (ExitCode.BAD_INPUT, "", 1)
    assert "STANCH_CONFIG" in failed.stderr


def test_a_database_address_in_the_usual_form_is_understood(monkeypatch: pytest.MonkeyPatch) -> None:
    for scheme in ("postgres", "postgresql", "postgresql+asyncpg"):
        monkeypatch.setenv("STANCH_DATABASE_URL", f"{scheme}://u:p%40@db.example:5432/stanch?ssl=require")
        meant = settings().database_url.get_secret_value()
        assert meant == "postgresql+asyncpg://u:p%40@db.example:5432/stanch?ssl=require"


def test_not_knowing_the_gateway_is_said_and_nothing_is_sent(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["incident", "list"]) == ExitCode.BAD_INPUT
    assert "STANCH_GATEWAY_URL and STANCH_CREDENTIAL" in capsys.readouterr().err


def test_a_gateway_that_is_not_there_is_exit_4(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], free_port: int
) -> None:
    monkeypatch.setenv("STANCH_GATEWAY_URL", f"http://127.0.0.1:{free_port}")
    monkeypatch.setenv("STANCH_CREDENTIAL", "stanch_agent_x")
    assert main(["incident", "open", "acc-1", "--id", "alarm-7", "--json"]) == ExitCode.UNREACHABLE
    document = json.loads(capsys.readouterr().out)
    assert document["error"]["code"] == ErrorCode.NOT_ACCEPTED
    assert "--id alarm-7" in document["error"]["message"]


def test_doctor_alone_in_the_world_says_what_to_do_about_each_and_is_exit_4(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], free_port: int
) -> None:
    nowhere = f"127.0.0.1:{free_port}"
    monkeypatch.setenv("STANCH_DATABASE_URL", f"postgresql+asyncpg://u:secret-word@{nowhere}/d")
    monkeypatch.setenv("STANCH_WALLET_URL", f"http://{nowhere}")
    monkeypatch.setenv("STANCH_MESSAGE_URL", f"http://{nowhere}")
    monkeypatch.setenv("STANCH_GATEWAY_PORT", str(free_port))
    monkeypatch.setenv("TEMPORAL_ADDRESS", nowhere)
    monkeypatch.setenv("STANCH_MASTER_KEY", "c2hvcnQ=")
    assert main(["doctor", "--json"]) == ExitCode.UNREACHABLE
    said = capsys.readouterr().out
    findings = {finding["name"]: finding for finding in json.loads(said)["findings"]}
    for name in ("database", "temporal", "wallet", "message gateway"):
        assert (findings[name]["state"], bool(findings[name]["advice"])) == ("unreachable", True)
    assert findings["master key"]["seen"] == "it has 5 bytes"
    assert "secret-word" not in said


def test_every_error_has_an_exit_code_and_the_codes_do_not_overlap() -> None:
    assert BAD_INPUT.isdisjoint(UNREACHABLE)
    assert {exit_code(code) for code in ErrorCode} == {
        ExitCode.INTERNAL,
        ExitCode.BAD_INPUT,
        ExitCode.REFUSED,
        ExitCode.UNREACHABLE,
    }
    assert exit_code(ErrorCode.FOUR_EYES) is ExitCode.REFUSED
    assert exit_code(ErrorCode.ALARM_CONFLICT) is ExitCode.REFUSED


@pytest.mark.parametrize(("arguments", "traceback"), [([], False), (["--debug"], True)])
def test_what_nobody_expected_is_a_sentence_and_a_traceback_only_on_request(
    arguments: list[str],
    traceback: bool,  # noqa: FBT001 - parametrised
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    def break_down(*_: object, **__: object) -> None:
        raise ZeroDivisionError("deep inside")

    monkeypatch.setattr("cli.incidents.verbs.list_incidents", break_down)
    assert main([*arguments, "incident", "list", "--json"]) == ExitCode.INTERNAL
    said = capsys.readouterr()
    assert json.loads(said.out)["error"]["code"] == ErrorCode.INTERNAL
    assert ("Traceback" in said.err) is traceback
    assert "deep inside" not in said.err.splitlines()[0]


def test_a_runtime_file_that_is_not_ours_is_said(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (tmp_path / "runtime.json").write_text("{}")
    assert main(["incident", "list"]) == ExitCode.BAD_INPUT
    assert "runtime.json" in capsys.readouterr().err


def test_the_launcher_passes_arguments_and_exit_codes_on() -> None:
    done = subprocess.run(
        [ROOT / "stanch", "incident", "nonsense", "--json"], capture_output=True, text=True, check=False
    )
    assert done.returncode == ExitCode.BAD_INPUT
    assert json.loads(done.stdout)["error"]["code"] == ErrorCode.INVALID
