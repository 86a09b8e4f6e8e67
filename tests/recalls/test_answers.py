"""Answers at the gateway and in the inbox: kept first, matched to the cent, or put aside and shown. Never dropped."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from adapters.recall.file_drop import Inbox
from models.contracts.alarms import Sender
from models.contracts.recalls import ParsedAnswer, RecalledTransfer, RecallEnding
from models.errors import ErrorCode, StanchError
from models.ids import new_id
from models.names import Role
from tests.recalls.house import BANK, PATIENT, Recalls

ANSWER = (Path(__file__).resolve().parents[2] / "docs" / "recalls" / "part.camt.029.xml").read_text()


def xml(
    transfer: RecalledTransfer, recall_id: str, answer_id: str, *, amount: str = "40.00", **more: str
) -> bytes:
    """An answer to this recall: a part comes back. `more` replaces words of it."""
    assert transfer.bank is not None
    text = (
        ANSWER.replace("B-78", answer_id)
        .replace("7C2A9F0E41B65D3388AA01F2C9", recall_id)
        .replace("E2E778", transfer.bank.end_to_end_id or "")
        .replace("eb6305c9-1f7f-49de-aed0-16487c27b42d", transfer.bank.uetr or "")
        .replace('Ccy="EUR">100.00', f'Ccy="CNY">{amount}')
        .replace('Ccy="EUR">250.00', 'Ccy="CNY">100.00')
    )
    for old, new in more.items():
        assert old in text
        text = text.replace(old, new)
    return text.encode()


def files_in(folder: Path) -> list[str]:
    return sorted(str(each.relative_to(folder)) for each in folder.rglob("*") if each.is_file())


@pytest.fixture
async def sent(recalls: Recalls) -> tuple[RecalledTransfer, str]:
    """A recall of 100 yuan at a bank that says nothing by itself: answers are ours to write."""
    recalls.plan("exit-bank-05", "never")
    transfer = (await recalls.left("exit-bank-05", 10_000)).model_copy(update={"stolen": 8_000})
    await recalls.ask(transfer, policy=PATIENT)
    recall_id = recalls.recall_id(transfer)
    await recalls.until_rows("SELECT 1 FROM recall WHERE id = :id AND sent_at IS NOT NULL", id=recall_id)
    return transfer, recall_id


async def test_what_does_not_fit_is_put_aside_with_the_reason_and_changes_nothing(
    recalls: Recalls, sent: tuple[RecalledTransfer, str]
) -> None:
    transfer, recall_id = sent
    neutral = {
        "version": "stanch-recall/1",
        "type": "answer",
        "answer_id": "n-1",
        "recall_id": recall_id,
        "status": "in_part",
        "promised": 8_001,
        "currency": "CNY",
    }
    strange = ANSWER.replace("B-78", "a1").encode()
    other_payment = xml(
        transfer, recall_id, "a2", **{str(transfer.bank and transfer.bank.end_to_end_id): "E2EOTHER"}
    )
    cases: list[tuple[bytes, str]] = [
        (strange, "unmatched"),
        (other_payment, "unmatched"),
        (
            xml(transfer, recall_id, "a3", **{'Ccy="CNY"': 'Ccy="JPY"', ">40.00": ">40", ">100.00": ">100"}),
            "wrong_currency",
        ),
        (xml(transfer, recall_id, "a4", **{'Ccy="CNY">100.00': 'Ccy="CNY">100.01'}), "wrong_amount"),
        (xml(transfer, recall_id, "a5", amount="100.01"), "more_than_asked"),
        (json.dumps(neutral).encode(), "more_than_asked"),
        (b"<Document/>", "malformed"),
        (b"{}", "malformed"),
        (b"we will call you", "malformed"),
    ]
    for content, why in cases:
        told = recalls.answer(content)
        assert (told["verdict"], told["quarantine"]) == ("quarantined", why), content
        again = recalls.answer(content)
        assert again == told
        shown = recalls.gateway.ask("GET", f"/v1/recalls/answers/{told['answer_id']}").json()
        assert shown["content"].encode() == content
    theirs = recalls.answer(xml(transfer, recall_id, "a6"), as_="another-bank")
    assert (theirs["verdict"], theirs["quarantine"], theirs["detail"]) == (
        "quarantined",
        "unmatched",
        "it names no recall of ours",
    )
    listed = recalls.gateway.ask("GET", "/v1/recalls/answers?verdict=quarantined&limit=200").json()["answers"]
    assert {each["quarantine"] for each in listed} >= {why for _, why in cases} | {"not_theirs"}
    detail = recalls.gateway.ask("GET", f"/v1/recalls/{recall_id}").json()
    assert (detail["recall"]["state"], detail["recall"]["promised"]) == ("sent", 0)


async def test_the_same_answer_again_is_one_and_another_under_its_name_is_put_aside(
    recalls: Recalls, sent: tuple[RecalledTransfer, str]
) -> None:
    transfer, recall_id = sent
    first = recalls.answer(xml(transfer, recall_id, "b1"))
    assert first["verdict"] == "matched"
    assert recalls.answer(xml(transfer, recall_id, "b1"))["answer_id"] == first["answer_id"]
    later = xml(transfer, recall_id, "b1", **{"2026-11-23T10:15:00Z": "2026-11-24T10:15:00Z"})
    assert recalls.answer(later)["verdict"] == "duplicate"
    other = recalls.answer(xml(transfer, recall_id, "b1", amount="50.00"))
    assert (other["verdict"], other["quarantine"]) == ("quarantined", "conflict")
    await recalls.until_rows(
        "SELECT 1 FROM recall WHERE id = :id AND state = 'promised' AND promised = 4000", id=recall_id
    )
    taken = await recalls.rows(
        "SELECT count(*) AS n FROM step WHERE kind = 'recall_answer' AND step_key LIKE :key",
        key=f"recall/{transfer.transfer_seq}/%",
    )
    assert taken[0].n == 1
    # A promise is no money: the account by remedy knows it as pending.
    detail = recalls.gateway.ask("GET", f"/v1/recalls/{recall_id}").json()["recall"]
    assert (detail["asked"], detail["promised"], detail["received"]) == (8_000, 4_000, 0)


async def test_answers_are_taken_out_of_a_folder_and_the_files_are_kept(
    recalls: Recalls, sent: tuple[RecalledTransfer, str], tmp_path: Path
) -> None:
    transfer, recall_id = sent
    (tmp_path / "answer.xml").write_bytes(xml(transfer, recall_id, "c1"))
    (tmp_path / "half.xml.part").write_bytes(b"<Docu")
    (tmp_path / "noise.bin").write_bytes(b"\xff\xfe")
    with (tmp_path / "huge.xml").open("wb") as file:
        file.truncate(50 * 2**20)
    care = recalls.wiring.recall_care(recalls.client)
    care.inboxes = [(BANK, Inbox(tmp_path))]
    await care.once()
    assert files_in(tmp_path) == [
        "done/answer.xml",
        "done/noise.bin",
        "half.xml.part",
        "too-large/huge.xml",
    ]
    await recalls.until_rows("SELECT 1 FROM recall WHERE id = :id AND promised = 4000", id=recall_id)


async def test_an_answer_that_was_kept_and_not_judged_is_judged_later(
    recalls: Recalls, sent: tuple[RecalledTransfer, str]
) -> None:
    """The process ended between the two commits."""
    transfer, recall_id = sent
    desk = recalls.wiring.recall_desk
    kept = await desk.keep(
        answer_id=new_id(),
        raw=xml(transfer, recall_id, "d1"),
        digest="d" * 64,
        sender=Sender(operator_id="", name=BANK, role=Role.INSTITUTION),
        at=recalls.wiring.clock.now().replace(year=2026, month=1, day=1),
    )
    assert kept.verdict == "received"
    await recalls.until_rows(
        "SELECT 1 FROM recall_answer WHERE id = :id AND verdict = 'matched'", id=kept.answer_id
    )


async def test_a_refusal_closes_and_what_comes_later_is_kept(
    recalls: Recalls, sent: tuple[RecalledTransfer, str]
) -> None:
    transfer, recall_id = sent
    refusal = {
        "version": "stanch-recall/1",
        "type": "answer",
        "answer_id": "e1",
        "recall_id": recall_id,
        "status": "refused",
        "reason": "the moon was full",
    }
    assert recalls.answer(json.dumps(refusal).encode())["quarantine"] == "malformed"
    refusal["reason"] = "moonlight"
    assert recalls.answer(json.dumps(refusal).encode())["verdict"] == "matched"
    await recalls.until_rows("SELECT 1 FROM recall WHERE id = :id AND state = 'closed'", id=recall_id)
    detail = recalls.gateway.ask("GET", f"/v1/recalls/{recall_id}").json()["recall"]
    assert (detail["ending"], detail["refusal"]) == (RecallEnding.REFUSED.value, "other")
    late = recalls.answer(xml(transfer, recall_id, "e2"))
    assert (late["verdict"], late["quarantine"]) == ("quarantined", "recall_closed")


async def test_a_recall_outlives_what_fails_for_good(
    recalls: Recalls, sent: tuple[RecalledTransfer, str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """An answer that another version matched and this one cannot read: the recall waits, and goes on when it can."""
    transfer, recall_id = sent

    class Unable:
        def read(self, raw: bytes) -> ParsedAnswer:  # noqa: ARG002 - the port says so
            raise StanchError(ErrorCode.INVALID, "not by this version")

    with monkeypatch.context() as patched:
        patched.setattr(recalls.wiring.recalls, "_reader", Unable())
        assert recalls.answer(xml(transfer, recall_id, "g1"))["verdict"] == "matched"
        await recalls.until_rows(
            "SELECT 1 FROM step_attempt WHERE step_key LIKE :key",
            key=f"recall/{transfer.transfer_seq}/answer/%",
        )
    await recalls.until_rows("SELECT 1 FROM recall WHERE id = :id AND promised = 4000", id=recall_id)


def test_institutions_answer_and_do_nothing_else(recalls: Recalls) -> None:
    def status(method: str, path: str, as_: str | None, **more: Any) -> int:
        return recalls.gateway.ask(method, path, as_=as_, **more).status_code

    assert status("GET", "/v1/recalls", BANK) == 403
    assert status("GET", "/v1/recalls/answers", BANK) == 403
    assert status("GET", "/v1/incidents", BANK) == 403
    assert status("POST", "/v1/recalls/answers", "auditor", content=b"x") == 403
    assert status("POST", "/v1/recalls/answers", None, content=b"x") == 401
    assert status("POST", "/v1/recalls/answers", BANK, content=b" ") == 422
    assert (
        status("POST", "/v1/recalls/answers", BANK, content=b"x", headers={"content-type": "text/html"})
        == 422
    )
    assert status("POST", "/v1/recalls/answers", BANK, content=b"<" * 70_000) == 413
    assert status("GET", "/v1/recalls/none", "agent") == 404
    assert status("GET", f"/v1/recalls/{'A' * 26}", "agent") == 404
    assert status("GET", f"/v1/recalls/answers/{'A' * 26}", "agent") == 404
