"""Turn this process into one of the product's parts: same settings, same signals, no supervisor in between."""

from __future__ import annotations

import os
import sys
from typing import TYPE_CHECKING, NoReturn

from cli import runtime

if TYPE_CHECKING:
    from collections.abc import Sequence

    from cli.output import Output


def become(part: str, output: Output, arguments: Sequence[str] = ()) -> NoReturn:
    """Become `python -m PART ARGUMENTS`, with the settings of the running house where the environment names none.

    With `--json` the document says what was started, and what the server prints goes to stderr; the sandbox's programs
    print their own documents.
    """
    runtime.adopt()
    if part != "sandbox":
        output.document({"part": part, "process": os.getpid()})
        if output.as_json:
            os.dup2(sys.stderr.fileno(), sys.stdout.fileno())
    environ = {**os.environ, "PYTHONPATH": str(runtime.ROOT), "PYTHONUNBUFFERED": "1"}
    # -P: the caller's folder must not come before ours on the path.
    os.execve(sys.executable, [sys.executable, "-P", "-m", part, *arguments], environ)
