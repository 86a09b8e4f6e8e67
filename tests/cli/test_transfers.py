"""`stanch transfers import` on a database of its own."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from cli.application import main

ACCOUNTS = "account,opening_cents\nmia,1000\nmule,0\n"
TRANSFERS = "tx_id,time,src,dst,amount_cents\n1,1,mia,mule,400\n2,1,mule,abroad,700\n3,2,mia,mule,0\n1,2,mia,mule,5\n4,3,mia,mia,9\n"


@pytest.fixture
def files(tmp_path: Path, database_url: str, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("STANCH_DATABASE_URL", database_url)
    (tmp_path / "accounts.csv").write_text(ACCOUNTS)
    (tmp_path / "transfers.csv").write_text(TRANSFERS)
    return tmp_path


def run(*arguments: str, capsys: pytest.CaptureFixture[str]) -> tuple[int, Any, str]:
    code = main([*arguments, "--json"])
    said = capsys.readouterr()
    return code, json.loads(said.out), said.err


def load(folder: Path, capsys: pytest.CaptureFixture[str]) -> tuple[int, Any, str]:
    files = ("--transfers", str(folder / "transfers.csv"), "--accounts", str(folder / "accounts.csv"))
    return run("transfers", "import", *files, "--currency", "SEK", capsys=capsys)


def test_faulty_rows_are_named_the_others_are_in_and_again_adds_nothing(
    files: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    code, told, err = load(files, capsys)
    assert (code, told["transfers"], told["upto_seq"]) == (0, 3, 3)
    assert [row["line"] for row in told["refused_rows"]] == [4, 5]
    assert "line 4: amount 0 is zero" in err
    assert "line 5: tx_id '1' is already taken" in err
    # The mule paid 700 with 400 received: it had 300 at least.
    assert told["inferred_openings"] == {"count": 1, "amount": 300}
    assert run("transfers", "status", capsys=capsys)[1]["upto_seq"] == 3
    assert load(files, capsys)[:2] == (0, told)


def test_a_longer_file_adds_what_is_new_and_another_ledger_is_refused(
    files: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert load(files, capsys)[0] == 0
    (files / "transfers.csv").write_text(TRANSFERS + "5,4,mule,mia,1\n")
    assert load(files, capsys)[1]["upto_seq"] == 4
    (files / "transfers.csv").write_text(TRANSFERS + "5,4,mule,mia,2\n")
    code, told, _ = load(files, capsys)
    assert (code, told["error"]["code"]) == (3, "feed_conflict")


def test_a_broken_file_leaves_the_index_as_it_was(files: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (files / "transfers.csv").write_text("tx_id,src,dst\n1,mia,mule\n")
    code, told, _ = load(files, capsys)
    assert (code, told["error"]["code"]) == (2, "file_broken")
    assert run("transfers", "status", capsys=capsys)[1]["upto_seq"] == 0


def test_a_database_that_is_not_there_is_exit_4(
    files: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], free_port: int
) -> None:
    monkeypatch.setenv("STANCH_DATABASE_URL", f"postgresql+asyncpg://nobody:x@127.0.0.1:{free_port}/none")
    code, told, _ = load(files, capsys)
    assert (code, told["error"]["code"]) == (4, "database_unreachable")
