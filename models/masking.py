"""Personal values as people of the house may see them."""

from __future__ import annotations

import re

from models.contracts.wallet import ContactKind

_EMAIL = re.compile(r"([^\s@<>\"']{1,64})@([^\s@<>\"']+)")
_NUMBER = re.compile(r"(?<![\w*])\+?\d(?:[ .()/-]?\d){6,}(?!\w)")
"""Seven digits or more, however they are spaced: a phone, card or bank account number. Masked ones hold a `*`."""


def masked(kind: ContactKind, value: str) -> str:
    """`s***@mail.example`, or the last two digits of a number."""
    if kind is ContactKind.EMAIL:
        name, _, domain = value.partition("@")
        return f"{name[:1]}***@{domain}"
    return f"***{value[-2:]}"


def masked_text(text: str) -> str:
    """A label with every address and long number in it masked: the wallet's contract says so of labels, and a label may lie."""
    text = _EMAIL.sub(lambda found: masked(ContactKind.EMAIL, found[0]), text)
    return _NUMBER.sub(lambda found: masked(ContactKind.PHONE, found[0]), text)
