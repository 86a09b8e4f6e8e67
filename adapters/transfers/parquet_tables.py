"""Columns of a Parquet file as CSV, so that they pass the same examination as any other file.

arro3 (MIT or Apache-2.0) is the Rust reader of Parquet alone: 12 MB, where duckdb weighs 25, polars and pyarrow 55, and
fastparquet brings pandas. On a damaged file it can end its whole process, so it has one of its own: nothing such a file
does reaches ours, and a command that reads CSV never loads it.
"""

from __future__ import annotations

import io
import subprocess
import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import IO, cast

from adapters.transfers.refusals import broken

MAGIC = b"PAR1"
_CHILD = Path(__file__).with_name("parquet_child.py")


@contextmanager
def as_csv(path: Path, columns: Sequence[str] = ()) -> Iterator[IO[bytes]]:
    """These columns where they exist, with a header; without columns the header of the whole file and nothing else.

    Errors: FILE_BROKEN once everything was read, when the file is damaged, cut off or encrypted.
    """
    command = [sys.executable, "-I", str(_CHILD), str(path.absolute()), *columns]
    with subprocess.Popen(  # noqa: S603 - ourselves, by full path, without a shell
        command, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL
    ) as child:
        table = cast("io.BufferedReader", child.stdout)
        try:
            if table.peek(1):
                yield table
            if child.wait():
                raise broken(path.name, "its Parquet data is damaged or cannot be read")
        finally:
            child.kill()
