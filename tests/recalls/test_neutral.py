"""The form for exits that are no banks, and the ways to an institution."""

from __future__ import annotations

import json
import re
from pathlib import Path

import pytest

from adapters.recall import neutral
from adapters.recall.describe import schema
from adapters.recall.file_drop import FileDrop
from adapters.recall.routes import Route, route_of
from models.contracts.recalls import AnswerStatus, Quarantine, RecallEnding, RefusalReason
from models.contracts.transfers import AccountKind, BankDetails
from models.errors import ErrorCode, StanchError
from settings import RecallRoute
from tests.recalls.test_iso20022 import plain_message, plain_transfer

pytestmark = pytest.mark.fast

DOCS = Path(__file__).resolve().parents[2] / "docs"


def test_the_published_schema_is_what_is_written_and_read() -> None:
    published = json.loads((DOCS / "recall.schema.json").read_text())
    assert published == schema(), "python -m adapters.recall.describe > docs/recall.schema.json"


def test_the_examples_are_valid() -> None:
    recall = neutral.NeutralRecall.model_validate_json((DOCS / "recalls" / "recall.json").read_bytes())
    assert recall.asked == 20_000
    answer = neutral.read((DOCS / "recalls" / "answer.json").read_bytes())
    assert (answer.status, answer.promised, answer.whole) == (AnswerStatus.IN_PART, 10_000, False)


def test_the_page_links_to_what_is_there_and_its_settings_are_valid() -> None:
    page = (DOCS / "recalls.md").read_text()
    for link in re.findall(r"\]\(([^)]+)\)", page):
        assert (DOCS / link).exists(), link
    (example,) = re.findall(r"```json\n(.+?)```", page, re.DOTALL)
    assert [RecallRoute.model_validate(each).name for each in json.loads(example)] == [
        "bank-of-example",
        "cards",
    ]
    for word in (*Quarantine, *RecallEnding):
        assert f"`{word}`" in page, word


def test_what_is_written_says_only_what_is_asked() -> None:
    written = neutral.build(plain_message(plain_transfer()))
    assert written == neutral.build(plain_message(plain_transfer()))
    said = neutral.NeutralRecall.model_validate_json(written)
    assert (said.asked, said.transfer.amount) == (20_000, 25_000)
    assert b"acc-1" not in written, "whose account it was is not the institution's business"


def test_a_reason_that_nobody_knows_is_other() -> None:
    answer = {
        "version": "stanch-recall/1",
        "type": "answer",
        "answer_id": "1",
        "recall_id": "A",
        "status": "refused",
        "reason": "new-one",
    }
    assert neutral.read(json.dumps(answer).encode()).reason is RefusalReason.OTHER
    assert neutral.read(json.dumps(answer | {"reason": "no_money"}).encode()).reason is RefusalReason.NO_MONEY


async def test_a_file_is_written_whole_and_once(tmp_path: Path) -> None:
    drop = FileDrop(tmp_path / "out")
    await drop.send("A-0", "camt056", b"<a/>")
    await drop.send("A-0", "camt056", b"<a/>")
    assert [(each.name, each.read_bytes()) for each in (tmp_path / "out").iterdir()] == [("A-0.xml", b"<a/>")]
    with pytest.raises(StanchError) as refused:
        await drop.send("A-0", "camt056", b"<b/>")
    assert refused.value.code is ErrorCode.INSTITUTION_REFUSED
    (tmp_path / "file").write_text("in the way")
    with pytest.raises(StanchError) as away:
        await FileDrop(tmp_path / "file").send("A-0", "neutral", b"{}")
    assert away.value.code is ErrorCode.INSTITUTION_UNREACHABLE


def test_an_institution_is_found_by_the_most_exact_that_is_known() -> None:
    kind = Route(name="by-kind", form="camt056", exit_kinds=frozenset({AccountKind.BANK}))
    account = Route(name="by-account", form="camt056", exit_accounts=frozenset({"exit-bank-01"}))
    bic = Route(name="by-bic", form="camt056", bics=frozenset({"BANKDEFFXXX"}))
    routes = (kind, account, bic)
    named = plain_transfer(bank=BankDetails(bic="BANKDEFFXXX"))
    assert [
        found.name if (found := route_of(routes, transfer)) else None
        for transfer in (
            named,
            plain_transfer(),
            plain_transfer(exit_account="exit-bank-09"),
            plain_transfer(exit_account="exit-cash-01", exit_kind=AccountKind.CASH),
        )
    ] == ["by-bic", "by-account", "by-kind", None]


def test_a_route_leads_one_way() -> None:
    for ways in ({}, {"url": "https://bank.example/recalls", "outbox": "out"}):
        with pytest.raises(ValueError, match="either a url or an outbox"):
            RecallRoute.model_validate({"name": "bank", "form": "camt056", **ways})


def test_money_that_stays_in_the_wallet_is_no_recall() -> None:
    with pytest.raises(ValueError, match="held, not recalled"):
        plain_transfer(exit_kind=AccountKind.WALLET)
    with pytest.raises(ValueError, match="more than the transfer moved"):
        plain_transfer(stolen=25_001)
