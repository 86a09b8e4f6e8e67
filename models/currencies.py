"""Currencies: where the point stands between minor units and what people and other institutions write (ISO 4217)."""

from __future__ import annotations

import re
from typing import Final

DIGITS: Final = {
    "BHD": 3,
    "IQD": 3,
    "JOD": 3,
    "KWD": 3,
    "LYD": 3,
    "OMR": 3,
    "TND": 3,
    "CLP": 0,
    "ISK": 0,
    "JPY": 0,
    "KRW": 0,
    "VND": 0,
}
"""How many digits of the minor unit stand behind the point, where it is not two."""

DECIMAL: Final = re.compile(r"\+?(\d{0,30})(?:\.(\d{0,30}))?", re.ASCII)


def digits_of(currency: str) -> int:
    """Digits behind the point."""
    return DIGITS.get(currency, 2)


def decimal_text(minor_units: int, currency: str) -> str:
    """`1234.50` for 123450 of a currency with two digits: exact, no grouping."""
    digits = digits_of(currency)
    whole, rest = divmod(minor_units, 10**digits)
    return f"{whole}.{rest:0{digits}d}" if digits else str(whole)


def minor_units(text: str, currency: str) -> int | None:
    """The reverse, exact: None for what is no amount in this currency (a sign, a third digit behind the point of euros)."""
    digits = digits_of(currency)
    found = DECIMAL.fullmatch(text.strip())
    if found is None:
        return None
    whole, rest = found[1], (found[2] or "")
    if not whole + rest or rest[digits:].strip("0"):
        return None
    return int((whole or "0") + rest[:digits].ljust(digits, "0"))
