"""The settings as a command sees them: the environment, else the running house."""

from __future__ import annotations

from typing import TYPE_CHECKING

from pydantic import ValidationError

from cli import runtime
from models.errors import ErrorCode, StanchError

if TYPE_CHECKING:
    from settings import Settings


def settings() -> Settings:
    """Read them. Errors: INVALID, naming the settings and never their values."""
    from settings import Settings

    runtime.adopt()
    try:
        return Settings()
    except ValidationError as error:
        names = ", ".join(
            sorted({f"STANCH_{str(fault['loc'][0]).upper()}" for fault in error.errors() if fault["loc"]})
        )
        raise StanchError(
            ErrorCode.INVALID, f"These settings cannot be used: {names}; nothing was done. Correct them."
        ) from None
    except (OSError, ValueError) as error:
        raise StanchError(
            ErrorCode.INVALID,
            f"The file that STANCH_CONFIG names cannot be read ({type(error).__name__}); nothing was done. Correct it.",
        ) from None
