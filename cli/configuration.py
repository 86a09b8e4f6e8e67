"""The settings as a command sees them: the environment, else the running house."""

from __future__ import annotations

from typing import TYPE_CHECKING

from cli import runtime

if TYPE_CHECKING:
    from settings import Settings


def settings() -> Settings:
    """Read them. Errors: INVALID, naming the settings and never their values."""
    from settings import read_settings

    runtime.adopt()
    return read_settings()
