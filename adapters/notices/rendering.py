"""Puts a notice into words (notice_ports.NoticeTexts): catalogues are read once, at the start; missing words are an error then."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from decimal import Decimal
from pathlib import Path
from types import MappingProxyType
from typing import Final

from babel.dates import format_datetime
from babel.messages.pofile import read_po
from babel.numbers import format_currency, get_currency_precision

from activities.notice_ports import Written
from adapters.notices import figures, texts
from adapters.notices.layout import Block, in_html, in_plain_text
from models.errors import ErrorCode, StanchError
from models.names import NoticeTemplate

CATALOGUES: Final = Path(__file__).parent / "catalogues"
BOTH: Final = "en+zh-Hans"
TAGS: Final = {"en": "en", "zh-Hans": "zh_Hans"}
"""Languages by their BCP 47 tag, with the name of their catalogue and locale."""

MOMENTS: Final = frozenset({"at", "ends_at", "until"})
"""Fields that are instants."""


def catalogue(name: str) -> dict[str, str]:
    """The words of one language by their English. Errors: INVALID, naming what is missing."""
    with (CATALOGUES / f"{name}.po").open("rb") as file:
        said = {str(each.id): str(each.string) for each in read_po(file) if each.id and not each.fuzzy}
    wanted = {
        word for notice in texts.TEXTS.values() for words in notice.words.values() for word in words
    } | {*texts.AROUND, *figures.WORDS}
    missing = sorted(word for word in wanted if not said.get(word))
    if missing:
        raise StanchError(
            ErrorCode.INVALID,
            f"The catalogue {name}.po has no words for {missing[0]!r}. Nothing was started; translate it.",
        )
    return said


@dataclass
class CatalogueTexts:
    """The words in English and Simplified Chinese. `help_line` None says: the number in the wallet app."""

    company: str
    help_line: str | None = None
    _said: dict[str, dict[str, str]] = field(init=False)

    def __post_init__(self) -> None:
        self._said = {tag: {} if tag == "en" else catalogue(name) for tag, name in TAGS.items()}

    def version(self, template: str) -> int:
        """See notice_ports.NoticeTexts."""
        return _notice(template).version

    def language(self, told: str | None) -> str:
        """See notice_ports.NoticeTexts."""
        primary = (told or "").replace("_", "-").lower().partition("-")[0]
        return next((tag for tag in TAGS if tag.partition("-")[0] == primary), BOTH)

    def write(self, template: str, language: str, reference: str, fields: Mapping[str, str]) -> Written:
        """See notice_ports.NoticeTexts."""
        tags = language.split("+")
        try:
            blocks = [self._block(template, tag, reference, fields) for tag in tags]
        except (KeyError, ValueError) as error:
            raise StanchError(
                ErrorCode.INVALID,
                f"The notice {template} cannot be written: {type(error).__name__} in its fields. Nothing was sent.",
            ) from None
        return Written(
            subject=" / ".join(block.subject for block in blocks),
            text=in_plain_text(blocks),
            html=in_html(self.company, blocks),
            sms="\n".join(block.sms for block in blocks),
        )

    def _block(self, template: str, tag: str, reference: str, fields: Mapping[str, str]) -> Block:
        notice = _notice(template)
        words = notice.words[fields[notice.by] if notice.by is not None else ""]
        given = self._given(tag, reference, fields)

        def said(word: str, more: Mapping[str, str] = MappingProxyType({})) -> str:
            # Values are put in as they are; only the layout knows that HTML needs more.
            return self._word(tag, word).format_map({**given, **more})

        listed: list[str] = []
        if notice.figures:
            listed = figures.lines(fields, said, lambda minor, currency: _money(minor, currency, TAGS[tag]))
        return Block(
            tag=tag,
            subject=" ".join(said(words.subject).split()),
            parts=(
                (said(texts.WHAT_HAPPENED), said(words.happened)),
                *([(said(figures.HEADING), tuple(listed))] if listed else []),
                (said(texts.WHAT_TO_DO), said(words.todo)),
                (said(texts.HOW_TO_OBJECT), said(words.objecting)),
            ),
            foot=said(texts.FOOT),
            sms=said(words.sms),
        )

    def _word(self, tag: str, word: str) -> str:
        return self._said[tag].get(word, word) if tag == "en" else self._said[tag][word]

    def _given(self, tag: str, reference: str, fields: Mapping[str, str]) -> dict[str, str]:
        locale = TAGS[tag]
        given = {
            name: _moment(value, locale) if name in MOMENTS else value
            for name, value in fields.items()
            if name != "amount"
        }
        if "amount" in fields:
            given["amount"] = _money(int(fields["amount"]), fields["currency"], locale)
        help_line = self.help_line or self._word(tag, texts.HELP)
        # A closing promised by an older version carries no code of its own; at the help line the reference is one.
        given.setdefault("rating", reference)
        return given | {"company": self.company, "help": help_line, "reference": reference}


def _notice(template: str) -> texts.Notice:
    try:
        return texts.TEXTS[NoticeTemplate(template)]
    except (ValueError, KeyError):
        raise StanchError(
            ErrorCode.INVALID, "There is no notice template of this name. Nothing was sent; check the name."
        ) from None


def _moment(text: str, locale: str) -> str:
    at = datetime.fromisoformat(text).astimezone(UTC)
    pattern = "d MMMM y, HH:mm 'UTC'" if locale == "en" else "y年M月d日 HH:mm (UTC)"
    return format_datetime(at, pattern, locale=locale)


def _money(minor: int, currency: str, locale: str) -> str:
    """Whole minor units as people write them, without a float on the way."""
    digits = get_currency_precision(currency)
    return format_currency(
        Decimal(minor).scaleb(-digits), currency, "¤¤ #,##0.00", locale=locale, currency_digits=True
    )
