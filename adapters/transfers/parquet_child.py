"""Turns columns of a Parquet file into CSV on stdout: `python parquet_child.py FILE [COLUMN...]`; no column: their names.

A program of its own that imports nothing of ours, see parquet_tables. Ends with 1 on anything it cannot read.
"""

from __future__ import annotations

import csv
import sys
from io import TextIOWrapper
from typing import Any

from arro3.core import Array, DataType, RecordBatch
from arro3.io import read_parquet, write_csv

_BATCH = 8_192


def main(path: str, columns: list[str]) -> None:
    """Write the columns that exist, in this order, with a header."""
    reader = read_parquet(path, batch_size=_BATCH)
    names = list(reader.schema.names)
    wanted = [name for name in columns if name in names]
    # A name that stands twice is for the reader of the CSV to refuse.
    header = [name for name in wanted for _ in range(names.count(name))] if columns else names
    out = TextIOWrapper(sys.stdout.buffer, encoding="utf-8", newline="", write_through=True)
    csv.writer(out).writerow(header)
    if columns and len(header) == len(wanted):
        for batch in reader:
            texts: dict[str, Any] = {name: _text(batch.column(name)) for name in wanted}
            write_csv(RecordBatch.from_pydict(texts), sys.stdout.buffer, header=False)
    sys.stdout.buffer.flush()


def _text(column: Array) -> Array:
    """Older writers leave texts unmarked, and bytes would be written as hexadecimal digits."""
    kinds = (
        DataType.is_binary,
        DataType.is_large_binary,
        DataType.is_binary_view,
        DataType.is_fixed_size_binary,
    )
    return column.cast(DataType.utf8()) if any(is_kind(column.type) for is_kind in kinds) else column


if __name__ == "__main__":
    main(sys.argv[1], sys.argv[2:])
