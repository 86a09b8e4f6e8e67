"""Reads an answer of either form, by what it is and not by what it says it is."""

from __future__ import annotations

from pydantic import ValidationError

from adapters.recall import camt029, neutral
from adapters.recall.xml import malformed
from models.contracts.recalls import AnswerStatus, ParsedAnswer


class AnswerReader:
    """Port `use_cases.ports.AnswerReader`."""

    def read(self, raw: bytes) -> ParsedAnswer:
        """A camt.029.001.14 or a neutral answer. Errors: INVALID."""
        try:
            answer = neutral.read(raw) if raw.lstrip()[:1] == b"{" else camt029.read(raw)
        except ValidationError:
            # The standard's schema allows a payment of nothing, and of more than there is.
            raise malformed("it names an amount that cannot be") from None
        gives = answer.status in (AnswerStatus.ACCEPTED, AnswerStatus.IN_PART)
        if gives and answer.promised == 0:
            raise malformed("it gives back nothing and says that it does")
        if not gives and answer.promised:
            raise malformed("it names money and gives none back")
        if answer.status is AnswerStatus.IN_PART and answer.promised is None:
            raise malformed("it gives back a part and does not say how much")
        return answer
