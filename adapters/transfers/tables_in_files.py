"""Reads a table from a CSV file, gzip or not, or a Parquet file, row by row, and says plainly when the file is broken."""

from __future__ import annotations

import csv
import gzip
import io
import zlib
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import IO, cast

from adapters.transfers import parquet_tables
from adapters.transfers.refusals import RefusedRow, broken

LONGEST_LINE = 1 << 20
"""Bytes. No sane row is near it; a longer line means that the file is not what it claims to be."""

_GZIP_MAGIC = b"\x1f\x8b"


class FileTable:
    """The rows of one file. `refused` grows while they are read."""

    def __init__(self, path: Path) -> None:
        self.name = path.name
        self.refused: list[RefusedRow] = []
        self.taken = 0
        self._path = path
        self._line = 0  # of the row in hand
        self._read = 0  # of the file
        self._ragged = 0

    def rows(self, required: Sequence[str], optional: Sequence[str] = ()) -> Iterator[list[str]]:
        """Cells of the required columns, then of the optional ones ("" where the column is missing).

        The iterator's row can be refused by `refuse` until the next one is asked for. Errors: FILE_BROKEN for a file
        that cannot be read, is not UTF-8, lacks a required column, has an endless line, or is mostly ragged.
        """
        with self._said_plainly(), self._opened([*required, *optional]) as raw:
            yield from self._cells(raw, required, optional)

    def header(self) -> list[str]:
        """The column names. Errors: FILE_BROKEN as for `rows`."""
        with self._said_plainly(), self._opened() as raw:
            return next(csv.reader(self._lines(raw), strict=True), [])

    def refuse(self, reason: str) -> None:
        """Leave out the row just read."""
        self.refused.append(RefusedRow(file=self.name, line=self._line, reason=reason))

    @contextmanager
    def _opened(self, columns: Sequence[str] = ()) -> Iterator[IO[bytes]]:
        """The file as CSV, gzip or not. Row n of a Parquet file is line n + 1, as if its first line were the header."""
        with self._path.open("rb") as raw:
            if not raw.peek(len(parquet_tables.MAGIC)).startswith(parquet_tables.MAGIC):
                yield raw
                return
        with parquet_tables.as_csv(self._path, columns) as table:
            yield table

    @contextmanager
    def _said_plainly(self) -> Iterator[None]:
        try:
            yield
        except csv.Error as error:
            raise broken(self.name, f"line {self._read} is not CSV ({error})") from error
        except UnicodeDecodeError as error:
            raise broken(self.name, f"line {self._read} is not UTF-8") from error
        except (EOFError, gzip.BadGzipFile, zlib.error) as error:
            raise broken(self.name, "its gzip data is damaged or cut off") from error
        except OSError as error:
            raise broken(
                self.name, f"it cannot be read ({error.strerror or type(error).__name__})"
            ) from error

    def _cells(self, raw: IO[bytes], required: Sequence[str], optional: Sequence[str]) -> Iterator[list[str]]:
        reader = csv.reader(self._lines(raw), strict=True)
        header = [name.strip() for name in next(reader, [])]
        wanted = [self._column(header, name) for name in required]
        wanted += [header.index(name) if name in header else -1 for name in optional]
        width = len(header)
        for cells in reader:
            self._line = reader.line_num
            if not cells:
                continue
            if len(cells) != width:
                self._ragged += 1
                self.refuse(f"it has {len(cells)} columns, the header has {width}")
                continue
            self.taken += 1
            yield [cells[column] if column >= 0 else "" for column in wanted]
        if self._ragged > self.taken:
            raise broken(
                self.name, f"{self._ragged} of {self._ragged + self.taken} rows do not fit its header"
            )

    def _column(self, header: list[str], name: str) -> int:
        if header.count(name) != 1:
            what = "has no column" if name not in header else "has more than one column"
            raise broken(self.name, f"it {what} {name}")
        return header.index(name)

    def _lines(self, raw: IO[bytes]) -> Iterator[str]:
        buffered = cast("io.BufferedReader", raw)
        lines: IO[bytes] = buffered
        if buffered.peek(len(_GZIP_MAGIC)).startswith(_GZIP_MAGIC):
            lines = io.BufferedReader(gzip.GzipFile(fileobj=buffered), 1 << 18)
        encoding = "utf-8-sig"
        self._read = 0
        while line := lines.readline(LONGEST_LINE + 1):
            self._read += 1
            if len(line) > LONGEST_LINE:
                raise broken(self.name, f"line {self._read} is longer than {LONGEST_LINE} bytes")
            yield line.decode(encoding)
            encoding = "utf-8"
