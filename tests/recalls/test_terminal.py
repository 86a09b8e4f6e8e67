"""`stanch recall ...` at a gateway."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from cli.application import main
from cli.gateway_client import CREDENTIAL, GATEWAY_URL
from tests.recalls.house import PATIENT, Recalls


async def test_recalls_and_their_answers_are_seen_in_a_terminal(
    recalls: Recalls,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    recalls.plan("exit-bank-06", "never")
    transfer = await recalls.left("exit-bank-06", 5_000)
    await recalls.ask(transfer, policy=PATIENT)
    recall_id = recalls.recall_id(transfer)
    await recalls.until_rows("SELECT 1 FROM recall WHERE id = :id AND sent_at IS NOT NULL", id=recall_id)
    monkeypatch.setenv(GATEWAY_URL, recalls.gateway.url)
    monkeypatch.setenv(CREDENTIAL, recalls.gateway.credentials["agent"])

    def run(*words: str) -> str:
        assert main(["recall", *words]) == 0
        return capsys.readouterr().out

    listed = run("list", "--incident", recalls.incident_id)
    assert recall_id in listed
    assert "asked 50.00 CNY  promised 0.00 CNY  received 0.00 CNY  sandbox-bank" in listed
    assert "sent recall to sandbox-bank (camt056, https)" in run("show", recall_id)

    nonsense = tmp_path / "fax.txt"
    nonsense.write_text("we \x1b[31mcannot\x1b[0m help")
    told = run("answers", "import", str(nonsense))
    assert "quarantined: malformed" in told
    answer_id = told.split()[0]
    assert answer_id in run("answers", "--verdict", "quarantined")
    assert "we \ufffd[31mcannot\ufffd[0m help" in run("answers", "show", answer_id)
    assert json.loads(run("answers", "show", answer_id, "--json"))["content"] == nonsense.read_text()
    assert answer_id in run("list")

    assert main(["recall", "answers", "import", str(tmp_path / "nothing")]) == 2
    assert main(["recall", "show", "A" * 26]) == 2
