"""In which order security items are reset: one table, obeyed by the workflow and drawn into docs/reset.md."""

from __future__ import annotations

from dataclasses import dataclass

from models.names import SecurityItem


@dataclass(frozen=True)
class After:
    """What must be reset before an item, and why in one sentence."""

    items: tuple[SecurityItem, ...]
    why: str


RESET_ORDER: dict[SecurityItem, After] = {
    SecurityItem.REFRESH_TOKENS: After(
        (SecurityItem.PASSWORD, SecurityItem.FACTORS, SecurityItem.DEVICES),
        "Whoever has the old password, factor or bound device logs in again and has new tokens.",
    ),
    SecurityItem.SESSIONS: After(
        (SecurityItem.REFRESH_TOKENS,),
        "A refresh token that is still good opens another session.",
    ),
    SecurityItem.API_KEYS: After(
        (SecurityItem.SESSIONS,),
        "A session that still lives makes another key.",
    ),
    SecurityItem.FORWARDING: After(
        (SecurityItem.CONTACTS,),
        "A rule falls back to a contact point: it must be the owner's by then.",
    ),
    SecurityItem.LIMITS: After(
        (SecurityItem.PAYEES, SecurityItem.MANDATES, SecurityItem.CARDS),
        "A limit that goes up again must not serve a payee, mandate or card of the thief's.",
    ),
}
"""What is not named waits for nothing. The owner's link comes after all of them: it goes to a contact point, its password
must not be invalidated again, and nothing that was read at the wallet may be missing."""


def in_order() -> tuple[SecurityItem, ...]:
    """Every item, none before what must come before it; otherwise as they are listed."""
    placed: list[SecurityItem] = []
    while len(placed) < len(SecurityItem):
        ready = [item for item in SecurityItem if item not in placed and set(before(item)) <= set(placed)]
        assert ready, "the table goes round in a circle"
        placed += ready
    return tuple(placed)


def before(item: SecurityItem) -> tuple[SecurityItem, ...]:
    """What must be reset before this item."""
    return RESET_ORDER[item].items if item in RESET_ORDER else ()
