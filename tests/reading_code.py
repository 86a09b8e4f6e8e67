"""Our own source, read as a tree."""

from __future__ import annotations

import ast
import gc
from pathlib import Path


def parsed(path: Path) -> ast.Module:
    """The tree of one file.

    Python 3.11.7 and before lose count of the depth when a collection in the middle runs code that parses, too, as the
    writing of a traceback does: SystemError, "AST constructor recursion depth mismatch". So none begins meanwhile.
    """
    collecting = gc.isenabled()
    gc.disable()
    try:
        return ast.parse(path.read_text())
    finally:
        if collecting:
            gc.enable()
