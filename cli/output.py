"""Where words go: with `--json` one document on stdout and all talk on stderr; without, talk on stdout."""

from __future__ import annotations

import json
import sys
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Mapping

    from rich.console import Console

    from models.errors import ErrorCode


class Output:
    """The terminal as one command sees it."""

    def __init__(self, *, as_json: bool) -> None:
        self.as_json = as_json
        self._console: Console | None = None

    @property
    def console(self) -> Console:
        """For people: stdout, or stderr when stdout is kept for the document."""
        if self._console is None:
            from rich.console import Console

            # Soft wrap: piped into a file, a line is a line.
            self._console = Console(stderr=self.as_json, highlight=False, soft_wrap=True)
        return self._console

    def say(self, line: str) -> None:
        """One plain line for people."""
        print(line, file=sys.stderr if self.as_json else sys.stdout, flush=True)

    def warn(self, line: str) -> None:
        """One line that must be seen also when stdout goes elsewhere."""
        print(f"stanch: {line}", file=sys.stderr, flush=True)

    def document(self, document: Mapping[str, Any]) -> None:
        """The one document of this command; nothing without `--json`. Instants and enums become text."""
        if self.as_json:
            print(json.dumps(document, indent=2, ensure_ascii=False, default=str), flush=True)

    def error(self, code: ErrorCode, sentence: str) -> None:
        """What went wrong, in one sentence; with `--json` also as the document."""
        self.warn(sentence)
        self.document({"error": {"code": code.value, "message": sentence}})
