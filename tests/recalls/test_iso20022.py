"""What is written and read in ISO 20022: always by the schema, to the cent, and nothing hostile comes in."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from lxml import etree

from adapters.recall import camt029, camt056
from adapters.recall.answers import AnswerReader
from adapters.recall.xml import LARGEST, parse
from models.contracts.recalls import (
    AnswerStatus,
    MessageKind,
    RecalledTransfer,
    RecallMessage,
    RefusalReason,
    recall_id_of,
)
from models.contracts.transfers import AccountKind, BankDetails, TransferStatus
from models.currencies import DIGITS, decimal_text, minor_units
from models.errors import ErrorCode, StanchError

pytestmark = pytest.mark.fast

DOCS = Path(__file__).resolve().parents[2] / "docs" / "recalls"
NAMESPACE = {"c": "urn:iso:std:iso:20022:tech:xsd:camt.056.001.12"}
ANY = st.text(max_size=60)

EARLIEST, LATEST = datetime(1970, 1, 2), datetime(9999, 12, 30)  # noqa: DTZ001 - hypothesis adds the zone
moments = st.datetimes(EARLIEST, LATEST, timezones=st.just(UTC))
banks = st.builds(
    BankDetails,
    bic=st.none() | st.sampled_from(["BKCHCNBJXXX", "ICBKCNBJ", "nonsense"]) | ANY,
    end_to_end_id=st.none() | ANY | st.from_regex(r"E2E[0-9A-F]{24}", fullmatch=True),
    uetr=st.none() | st.uuids(version=4).map(str) | ANY,
    settlement_date=st.none() | st.dates().map(str) | st.sampled_from(["2026-13-40", "soon"]),
)


@st.composite
def messages(draw: st.DrawFn) -> RecallMessage:
    amount = draw(st.integers(1, 10**18 - 1))
    transfer = RecalledTransfer(
        transfer_seq=draw(st.integers(1, 2**63 - 1)),
        transfer_id=draw(ANY),
        payer="acc-1",
        exit_account=draw(ANY),
        exit_kind=AccountKind.BANK,
        currency=draw(st.sampled_from(["CNY", "EUR", "JPY", "KWD"])),
        amount=amount,
        stolen=draw(st.integers(1, amount)),
        posted_at=draw(moments),
        status=TransferStatus.SETTLED,
        bank=draw(st.none() | banks),
    )
    kind = draw(st.sampled_from([MessageKind.RECALL, MessageKind.CHASE]))
    recall_id = recall_id_of("01J00000000000000000000000", transfer.transfer_seq)
    number = 0 if kind is MessageKind.RECALL else draw(st.integers(1, 99))
    return RecallMessage(
        kind=kind,
        recall_id=recall_id,
        message_id=f"{recall_id}-{number}",
        number=number,
        transfer=transfer,
        asked=transfer.stolen,
        made_at=draw(moments),
    )


@settings(max_examples=150, deadline=None)
@given(messages())
def test_whatever_the_feed_says_the_recall_is_valid_and_says_the_amount(message: RecallMessage) -> None:
    """`build` refuses by itself what its schema refuses: here it never has to."""
    content = camt056.build(message, own_bic="WLLTGB2LXXX")
    assert content == camt056.build(message, own_bic="WLLTGB2LXXX")
    root = parse(content, camt056.MESSAGE)
    (amount,) = root.findall(".//c:OrgnlIntrBkSttlmAmt", NAMESPACE)
    transfer = message.transfer
    assert amount.get("Ccy") == transfer.currency
    assert minor_units(amount.text, transfer.currency) == transfer.amount
    stolen = root.findtext(".//c:CxlRsnInf/c:AddtlInf", namespaces=NAMESPACE)
    assert stolen == (
        f"Account takeover. Stolen part: {decimal_text(message.asked, transfer.currency)} {transfer.currency}"
    )
    assert root.findtext(".//c:CxlRsnInf/c:Rsn/c:Cd", namespaces=NAMESPACE) == "FRAD"


def test_an_amount_that_the_message_cannot_hold_is_said_and_not_cut() -> None:
    transfer = plain_transfer(amount=10**18, stolen=1)
    with pytest.raises(StanchError) as refused:
        camt056.build(plain_message(transfer), own_bic="WLLTGB2LXXX")
    assert refused.value.code is ErrorCode.INSTITUTION_REFUSED


@given(st.integers(0, 2**70), st.sampled_from(["EUR", *DIGITS]))
def test_amounts_are_written_and_read_exactly(amount: int, currency: str) -> None:
    assert minor_units(decimal_text(amount, currency), currency) == amount


@pytest.mark.parametrize(
    ("text", "currency", "amount"),
    [
        ("250", "EUR", 25_000),
        ("250.5", "EUR", 25_050),
        ("250.500", "EUR", 25_050),
        (".5", "EUR", 50),
        ("250.505", "EUR", None),
        ("-1", "EUR", None),
        ("1e3", "EUR", None),
        ("", "EUR", None),
        (".", "EUR", None),
        ("12", "JPY", 12),
        ("12.5", "JPY", None),
        ("1.234", "KWD", 1_234),
        ("１２", "EUR", None),
    ],
)
def test_what_is_no_amount_is_none(text: str, currency: str, amount: int | None) -> None:
    assert minor_units(text, currency) == amount


def test_the_examples_of_the_documentation_are_valid_and_mean_what_they_say() -> None:
    parse((DOCS / "recall.camt.056.xml").read_bytes(), camt056.MESSAGE)
    refusal = camt029.read((DOCS / "refusal.camt.029.xml").read_bytes())
    assert (refusal.status, refusal.reason) == (AnswerStatus.REFUSED, RefusalReason.CUSTOMER)
    part = camt029.read((DOCS / "part.camt.029.xml").read_bytes())
    assert (part.status, part.promised, part.currency) == (AnswerStatus.IN_PART, 10_000, "EUR")


def plain_transfer(**more: Any) -> RecalledTransfer:
    values: dict[str, Any] = {
        "transfer_seq": 7,
        "transfer_id": "trf-7",
        "payer": "acc-1",
        "exit_account": "exit-bank-01",
        "exit_kind": AccountKind.BANK,
        "currency": "EUR",
        "amount": 25_000,
        "stolen": 20_000,
        "posted_at": datetime(2026, 11, 21, tzinfo=UTC),
        "status": TransferStatus.SETTLED,
    }
    return RecalledTransfer(**(values | more))


def plain_message(transfer: RecalledTransfer) -> RecallMessage:
    return RecallMessage(
        kind=MessageKind.RECALL,
        recall_id="A" * 26,
        message_id=f"{'A' * 26}-0",
        number=0,
        transfer=transfer,
        asked=transfer.stolen,
        made_at=datetime(2026, 11, 22, tzinfo=UTC),
    )


def answer(**parts: str) -> bytes:
    """A small valid answer, with parts replaced."""
    text = (DOCS / "part.camt.029.xml").read_text()
    for old, new in parts.items():
        found = {
            "status": "<TxCxlSts>ACCR</TxCxlSts>",
            "confirmation": "<Conf>PECR</Conf>",
            "returned": '<IntrBkSttlmAmt Ccy="EUR">100.00</IntrBkSttlmAmt>',
            "original": '<OrgnlIntrBkSttlmAmt Ccy="EUR">250.00</OrgnlIntrBkSttlmAmt>',
        }[old]
        assert text.count(found) == 1, old
        text = text.replace(found, new)
    return text.encode()


@pytest.mark.parametrize(
    ("parts", "status"),
    [
        ({"confirmation": "<Conf>CNCL</Conf>"}, AnswerStatus.ACCEPTED),
        ({"status": ""}, AnswerStatus.IN_PART),
        (
            {"confirmation": "<Conf>PDCR</Conf>", "status": "<TxCxlSts>PDCR</TxCxlSts>", "returned": ""},
            AnswerStatus.PENDING,
        ),
        ({"confirmation": "<Conf>CWFW</Conf>", "status": "", "returned": ""}, AnswerStatus.PENDING),
        ({"confirmation": "<Conf>RJCR</Conf>", "status": "", "returned": ""}, AnswerStatus.REFUSED),
    ],
)
def test_codes_mean_one_of_four_things(parts: dict[str, str], status: AnswerStatus) -> None:
    read = AnswerReader().read(answer(**parts))
    assert read.status is status
    assert read.reason is (RefusalReason.OTHER if status is AnswerStatus.REFUSED else None)


@pytest.mark.parametrize(
    ("parts", "why"),
    [
        ({"confirmation": "<Conf>XXXX</Conf>"}, "confirmation code"),
        ({"confirmation": "<Conf>RJCR</Conf>"}, "contradicts itself"),
        ({"returned": ""}, "does not say how much"),
        ({"returned": '<IntrBkSttlmAmt Ccy="EUR">0</IntrBkSttlmAmt>'}, "gives back nothing"),
        ({"returned": '<IntrBkSttlmAmt Ccy="EUR">100.001</IntrBkSttlmAmt>'}, "does not fit its currency"),
        ({"returned": '<IntrBkSttlmAmt Ccy="GBP">100.00</IntrBkSttlmAmt>'}, "two currencies"),
        ({"returned": '<IntrBkSttlmAmt Ccy="EUR">-1</IntrBkSttlmAmt>'}, "schema"),
        ({"original": '<OrgnlIntrBkSttlmAmt Ccy="EUR">0</OrgnlIntrBkSttlmAmt>'}, "cannot be"),
        (
            {
                "original": '<OrgnlIntrBkSttlmAmt Ccy="KWD">999999999999999999</OrgnlIntrBkSttlmAmt>',
                "returned": '<IntrBkSttlmAmt Ccy="KWD">1</IntrBkSttlmAmt>',
            },
            "cannot be",
        ),
        ({"confirmation": "<Conf>RJCR</Conf>", "status": ""}, "gives none back"),
    ],
)
def test_an_answer_that_cannot_be_meant_is_malformed(parts: dict[str, str], why: str) -> None:
    with pytest.raises(StanchError) as refused:
        AnswerReader().read(answer(**parts))
    assert refused.value.code is ErrorCode.INVALID
    assert why in refused.value.message


LAUGHS = b"""<?xml version="1.0"?><!DOCTYPE Document [<!ENTITY a "ha"><!ENTITY b "&a;&a;&a;&a;&a;&a;&a;&a;&a;&a;">
<!ENTITY c "&b;&b;&b;&b;&b;&b;&b;&b;&b;&b;"><!ENTITY d "&c;&c;&c;&c;&c;&c;&c;&c;&c;&c;">]><Document>&d;</Document>"""
FILE = b'<!DOCTYPE Document [<!ENTITY f SYSTEM "file:///etc/passwd">]><Document>&f;</Document>'
OUTSIDE = b'<!DOCTYPE Document SYSTEM "http://127.0.0.1:1/x.dtd"><Document/>'


@pytest.mark.parametrize(
    "hostile",
    [
        LAUGHS,
        FILE,
        OUTSIDE,
        LAUGHS.decode().encode("utf-16"),
        FILE.replace(b"<!DOCTYPE", b"<!doctype"),
        b"<Document>" * 5_000,
        b"<a/>",
        b"\x00\x01",
        b"<Document xmlns='urn:iso:std:iso:20022:tech:xsd:camt.029.001.13'/>",
        b"<Document xmlns='urn:iso:std:iso:20022:tech:xsd:camt.029.001.14'/>",
        (DOCS / "part.camt.029.xml").read_bytes().replace(b"camt.029.001.14", b"camt.029.001.12"),
        b"[" * 100_000,
        b"{" * 100_000,
        b'{"version": "stanch-recall/1", "type": "answer", "answer_id": "1", "answer_id": "2"}',
        b'{"version": "stanch-recall/1", "promised": NaN}',
    ],
    ids=range(15),
)
def test_nothing_hostile_comes_in(hostile: bytes) -> None:
    with pytest.raises(StanchError) as refused:
        AnswerReader().read(hostile)
    assert refused.value.code is ErrorCode.INVALID
    assert "root:" not in refused.value.message


def refusal_of(raw: bytes) -> ErrorCode | None:
    """The code with which this is refused; None when it can be read."""
    try:
        AnswerReader().read(raw)
    except StanchError as error:
        return error.code
    return None


WORDS = st.sampled_from(
    [
        "ACCR",
        "RJCR",
        "PDCR",
        "CNCL",
        "PECR",
        "INFO",
        "EUR",
        "KWD",
        "0",
        "1",
        "-5",
        "9" * 18,
        "1e5",
        "",
        "\x85",
        "&lt;",
    ]
)


@settings(max_examples=200, deadline=None)
@given(st.data())
def test_whatever_is_written_into_an_answer_it_is_read_or_refused_in_words(data: st.DataObject) -> None:
    """Texts are changed, elements moved, doubled and left out: never anything but an answer or a refusal."""
    root = etree.fromstring(answer())
    for _ in range(data.draw(st.integers(1, 4))):
        elements = [each for each in root.iter() if each is not root]
        chosen = data.draw(st.sampled_from(elements))
        what = data.draw(st.sampled_from(["text", "remove", "double", "currency"]))
        if what == "text":
            chosen.text = data.draw(WORDS)
        elif what == "remove":
            chosen.getparent().remove(chosen)
        elif what == "double":
            chosen.addnext(etree.fromstring(etree.tostring(chosen)))
        elif "Ccy" in chosen.attrib:
            chosen.set("Ccy", data.draw(WORDS))
        if len(root) == 0 or len(root[0]) == 0:
            break
    assert refusal_of(etree.tostring(root)) in {None, ErrorCode.INVALID}


@settings(max_examples=100, deadline=None)
@given(
    st.recursive(
        st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=8),
        lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=8), inner, max_size=3),
        max_leaves=6,
    ),
    st.sampled_from(["answer_id", "recall_id", "status", "reason", "promised", "currency", "type", "new"]),
)
def test_the_same_holds_for_the_neutral_form(value: object, name: str) -> None:
    body = json.loads((DOCS / "answer.json").read_text()) | {name: value}
    assert refusal_of(json.dumps(body).encode()) in {None, ErrorCode.INVALID}


def test_fifty_megabytes_are_refused_before_they_are_read() -> None:
    for huge in (b"<Document>" + b" " * 50 * 2**20, b"{" + b" " * 50 * 2**20):
        with pytest.raises(StanchError, match="larger than"):
            AnswerReader().read(huge)


def test_one_answer_is_about_one_payment() -> None:
    root = etree.fromstring(answer())
    details = root.find(".//{*}CxlDtls")
    details.append(etree.fromstring(etree.tostring(details[0])))
    with pytest.raises(StanchError, match="several payments"):
        AnswerReader().read(etree.tostring(root))


def test_the_size_limit_is_beyond_any_honest_answer() -> None:
    assert len(answer()) * 50 < LARGEST
