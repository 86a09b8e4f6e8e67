"""Sums of money for people's eyes."""

from __future__ import annotations

from models.currencies import digits_of


def sum_of_money(minor_units: int, currency: str) -> str:
    """`1,234.50 CNY` for 123450: exact, no rounding."""
    return f"{plain_sum(minor_units, currency)} {currency}"


def plain_sum(minor_units: int, currency: str) -> str:
    """`1,234.50` for 123450, where the currency is said elsewhere."""
    digits = digits_of(currency)
    sign = "-" if minor_units < 0 else ""
    whole, rest = divmod(abs(minor_units), 10**digits)
    fraction = f".{rest:0{digits}d}" if digits else ""
    return f"{sign}{whole:,}{fraction}"
