"""The list of a closing notice: how the money stands, and what was stopped on its way. Words in English, as in texts.py."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from typing import Final

from activities.figures import FIGURES, STOPPED, UNCOUNTED
from models.names import Outcome

HEADING: Final = "Your money on {at}"
LINES: Final = {
    "stolen": "Stolen: {amount}",
    "returned": "Came back to you: {amount}",
    "held": "Held for you: {amount}",
    "recalled": "Back from other institutions, not yet with you: {amount}",
    "asked_back": "Asked back from other institutions: {amount}",
    "missing": "Missing: {amount}",
}
"""By figure (activities.figures.told). What is nothing is not listed; what was stolen always is."""

NOT_COUNTED: Final = (
    "What was stolen and what came back is still being counted: our help line ({help}) tells you."
)
ORDER_ANEW: Final = "Payments stopped on their way: {stopped}. Order those anew that you want."
NOT_MADE: Final = "Payments stopped on their way: {stopped}. They will not be made."
"""Of an account that is closed nobody can order anything."""

WORDS: Final = (HEADING, *LINES.values(), NOT_COUNTED, ORDER_ANEW, NOT_MADE)


def lines(
    fields: Mapping[str, str], say: Callable[[str, Mapping[str, str]], str], money: Callable[[int, str], str]
) -> list[str]:
    """What these fields of a notice list; nothing where they say nothing of money. `say` puts words into the language,
    `money` an amount of a currency. Raises ValueError or KeyError when a field is not what it should be.
    """
    figures, listed = fields.get(FIGURES, "{}"), []
    if figures == UNCOUNTED:
        listed.append(say(NOT_COUNTED, {}))
    else:
        by_currency: dict[str, dict[str, int]] = json.loads(figures)
        for currency, cells in sorted(by_currency.items()):
            listed += [
                say(word, {"amount": money(cells[name], currency)})
                for name, word in LINES.items()
                if cells[name] or name == "stolen"
            ]
    stopped = int(fields.get(STOPPED, "0"))
    if stopped:
        word = NOT_MADE if fields["outcome"] == Outcome.ACCOUNT_CLOSED else ORDER_ANEW
        listed.append(say(word, {"stopped": str(stopped)}))
    return listed
