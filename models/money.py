"""Sums of money for people's eyes."""

from __future__ import annotations

from typing import Final

# ISO 4217: how many digits of the minor unit stand behind the point, where it is not two.
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


def sum_of_money(minor_units: int, currency: str) -> str:
    """`1,234.50 CNY` for 123450: exact, no rounding."""
    return f"{plain_sum(minor_units, currency)} {currency}"


def plain_sum(minor_units: int, currency: str) -> str:
    """`1,234.50` for 123450, where the currency is said elsewhere."""
    digits = DIGITS.get(currency, 2)
    sign = "-" if minor_units < 0 else ""
    whole, rest = divmod(abs(minor_units), 10**digits)
    fraction = f".{rest:0{digits}d}" if digits else ""
    return f"{sign}{whole:,}{fraction}"
