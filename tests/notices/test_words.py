"""Every notice in every language: whole, without links, and with a version that goes up when its words change."""

from __future__ import annotations

import json
import re
from pathlib import Path

import pytest

from activities.figures import UNCOUNTED
from adapters.notices import figures
from adapters.notices.rendering import BOTH, TAGS, CatalogueTexts, catalogue
from adapters.notices.texts import TEXTS
from models.digests import digest
from models.errors import ErrorCode, StanchError
from models.names import NoticeTemplate

pytestmark = pytest.mark.fast

WORDING = Path(__file__).parent / "wording.json"
GOLDEN = Path(__file__).parent / "golden"
LINK = re.compile(r"https?:|://|www\.|\b[a-z0-9-]+\.(com|org|net|cn|example)\b", re.IGNORECASE)
FIELDS = {
    "scope": "full",
    "at": "2026-11-26T10:05:00+00:00",
    "ends_at": "2026-11-27T10:05:00+08:00",
    "until": "2026-11-29T10:00:00+00:00",
    "number": "1",
    "count": "3",
    "amount": "123456",
    "currency": "CNY",
    "outcome": "restored",
    "decision": "upheld",
    "state": "held",
    "rating": "ABCD-2345-EFGH-67IJ",
}
CELLS = {
    "stolen": 90_000,
    "returned": 20_000,
    "held": 30_000,
    "recalled": 0,
    "asked_back": 25_000,
    "missing": 15_000,
}
DOLLARS = {"stolen": 500, "returned": 0, "held": 0, "recalled": 500, "asked_back": 0, "missing": 0}
LISTED = {
    "restored": {"figures": json.dumps({"CNY": CELLS}), "stopped": "2"},
    "account_closed": {"figures": json.dumps({"USD": DOLLARS, "CNY": CELLS}), "stopped": "1"},
    "false_alarm": {"stopped": "2"},
}
"""What the engine gives a closing notice beside its outcome; of the other endings it gives nothing."""
EVERY = [(template, by) for template, notice in TEXTS.items() for by in notice.words]


def fields(template: NoticeTemplate, variant: str) -> dict[str, str]:
    by = TEXTS[template].by
    listed = LISTED.get(variant, {}) if TEXTS[template].figures else {}
    return FIELDS | listed | ({by: variant} if by is not None else {})


@pytest.fixture(scope="module")
def texts() -> CatalogueTexts:
    return CatalogueTexts("Example & Wallet", "0800 123 456")


def test_every_template_has_words() -> None:
    assert set(TEXTS) == set(NoticeTemplate)


@pytest.mark.parametrize(("template", "variant"), EVERY)
def test_a_notice_says_what_happened_what_to_do_and_how_to_object(
    texts: CatalogueTexts, template: NoticeTemplate, variant: str
) -> None:
    for language in (*TAGS, BOTH):
        written = texts.write(template, language, "01JNA1B2C3D4E5F6G7H8J9K0M1", fields(template, variant))
        for each in written:
            assert LINK.search(each.replace("http-equiv", "")) is None, each
            assert not re.search(r"[{}]", each.split("<body", maxsplit=1)[-1]), "a field was left open"
        assert "\n" not in written.subject
        assert "01JNA1B2C3D4E5F6G7H8J9K0M1" in written.sms
        assert "0800 123 456" in written.sms
        assert "Example &amp; Wallet" in written.html
        assert len(written.sms) <= (480 if language == BOTH else 300)
        for heading in ["What happened", "What to do", "If this is wrong"] if "en" in language else []:
            assert heading in written.text
            assert heading in written.html
        for heading in ["发生了什么", "您需要做什么", "如果有误"] if "zh" in language else []:
            assert heading in written.text
            assert heading in written.html


def test_every_language_fills_the_same_fields() -> None:
    opened = re.compile(r"{(\w+)}")
    for english, other in catalogue("zh_Hans").items():
        assert set(opened.findall(english)) == set(opened.findall(other)), english


def test_moments_and_money_are_written_as_people_of_the_language_do(texts: CatalogueTexts) -> None:
    given = FIELDS | {"amount": "500", "currency": "JPY"}
    assert "JPY 500 " in texts.write("money_held", "en", "R", given).sms
    assert "27 November 2026, 02:05 UTC" in texts.write("stage_entered", "en", "R", FIELDS).sms
    assert "2026年11月27日 02:05 (UTC)" in texts.write("stage_entered", "zh-Hans", "R", FIELDS).sms


def test_a_closing_lists_how_the_money_stands_and_what_was_stopped(texts: CatalogueTexts) -> None:
    def listed(language: str, variant: str, **more: str) -> list[str]:
        given = fields(NoticeTemplate.INCIDENT_CLOSED, variant) | more
        written = texts.write("incident_closed", language, "R", given)
        items = [line[2:] for line in written.text.splitlines() if line.startswith("- ")]
        assert re.findall(r"<li>(.*?)</li>", written.html) == items, "HTML says the same"
        assert not any(item in written.sms for item in items), "a text stays one breath"
        return items

    assert listed("en", "restored") == [
        "Stolen: CNY 900.00",
        "Came back to you: CNY 200.00",
        "Held for you: CNY 300.00",
        "Asked back from other institutions: CNY 250.00",
        "Missing: CNY 150.00",
        "Payments stopped on their way: 2. Order those anew that you want.",
    ]
    assert listed("zh-Hans", "account_closed")[-3:] == [
        "被盗:USD 5.00",
        "其他机构已退回,尚未到您账上:USD 5.00",
        "途中被拦下的付款:1 笔。这些付款不会再执行。",
    ]
    assert listed("en", "false_alarm") == [
        "Payments stopped on their way: 2. Order those anew that you want."
    ]
    assert listed("en", "restored", figures=UNCOUNTED, stopped="0") == [
        "What was stolen and what came back is still being counted: our help line (0800 123 456) tells you."
    ]
    assert listed("en", "restored", figures="{}", stopped="0") == []
    for nobody_proven in ("released", "impostor", "not_frozen"):
        assert listed("en", nobody_proven) == []


def test_a_field_cannot_bring_markup_or_another_line(texts: CatalogueTexts) -> None:
    hostile = FIELDS | {"number": "<b>1</b>\r\nBcc: x@y.example"}
    written = texts.write("stage_entered", "en", "R", hostile)
    assert "<b>" not in written.html
    assert "\n" not in written.subject


@pytest.mark.parametrize(
    ("told", "language"),
    [("en-GB", "en"), ("zh", "zh-Hans"), ("zh_CN", "zh-Hans"), ("fr", BOTH), (None, BOTH), ("", BOTH)],
)
def test_an_unknown_language_gets_both(texts: CatalogueTexts, told: str | None, language: str) -> None:
    assert texts.language(told) == language


def test_what_cannot_be_written_is_refused(texts: CatalogueTexts) -> None:
    for template, given in (
        ("nothing", {}),
        ("stage_entered", {}),
        ("incident_closed", {"outcome": "no such ending"}),
    ):
        with pytest.raises(StanchError) as refused:
            texts.write(template, "en", "R", given)
        assert refused.value.matches(ErrorCode.INVALID)


def test_whoever_changes_words_raises_their_version(texts: CatalogueTexts) -> None:
    """A notice's step names template and version only: what they said must be found by them for ever."""
    said = {
        template.value: {
            "version": notice.version,
            "digest": digest(
                [
                    [list(words) for words in notice.words.values()],
                    [catalogue("zh_Hans")[word] for words in notice.words.values() for word in words],
                    *(
                        [[word, catalogue("zh_Hans")[word]] for word in figures.WORDS]
                        if notice.figures
                        else []
                    ),
                ]
            ),
        }
        for template, notice in TEXTS.items()
    }
    if not WORDING.exists():
        WORDING.write_text(json.dumps(said, indent=2) + "\n")
    known = json.loads(WORDING.read_text())
    assert said == known, (
        "The words of a notice have changed. Raise its version in adapters/notices/texts.py, remove tests/notices/wording.json, "
        "run this test again and commit the new file."
    )


@pytest.mark.parametrize("tag", TAGS)
@pytest.mark.parametrize("form", ["txt", "html"])
def test_every_notice_reads_as_it_was_read_and_approved(texts: CatalogueTexts, tag: str, form: str) -> None:
    """The words as people get them, to be read whole: a changed one is seen in the diff, in its place."""
    said = []
    for template, variant in EVERY:
        written = texts.write(template, tag, "01JNA1B2C3D4E5F6G7H8J9K0M1", fields(template, variant))
        name = f"{template.value}{f' {variant}' if variant else ''}, version {TEXTS[template].version}"
        if form == "txt":
            said.append(f"=== {name}\n\n{written.text}\nSMS: {written.sms}\n")
        else:
            said.append(f"<!-- {name} -->\n{written.html}\n")
    file, now = GOLDEN / f"{tag}.{form}", "\n".join(said)
    if not file.exists():
        file.write_text(now)
    assert now == file.read_text(), (
        f"Read what changed, remove {file}, run this test again and commit the new file."
    )
