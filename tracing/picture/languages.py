"""The languages that pictures and explanations speak."""

from __future__ import annotations

from enum import StrEnum


class Language(StrEnum):
    """ISO 639-1."""

    ENGLISH = "en"
    CHINESE = "zh"
