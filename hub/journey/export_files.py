"""Writes exported rows as files that other programs read: CSV, JSON Lines, Parquet."""

from __future__ import annotations

import csv
import io
import json
import re
from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import IO, Any, Protocol

from hub.api.errors import ConfigError

_FORMULA = re.compile(r"(^|[;\t\r\n])(?=[\s\u200b-\u200f\u2060\ufeff]*[=+\-@\t\r＝＋－＠﹦﹢﹣﹫])")
"""Where a spreadsheet program runs what follows (OWASP, "CSV Injection"), in full width and behind signs without any
width too. A program that takes ";" or a tab for what separates cells sees such places inside a cell as well."""
Row = Mapping[str, Any]


class Writer(Protocol):
    """Takes rows, some at a time."""

    def write(self, rows: Sequence[Row]) -> None:
        """Add rows; all of one export have the same columns."""
        ...

    def close(self) -> None:
        """Finish the file."""
        ...


def disarmed(text: str) -> str:
    """The text with an apostrophe wherever a spreadsheet could take what follows for a formula."""
    return _FORMULA.sub(r"\1'", text)


class CsvWriter:
    """CSV as RFC 4180 has it, in UTF-8 with a byte order mark, which spreadsheet programs look for."""

    def __init__(self, file: IO[bytes], columns: Sequence[str]) -> None:
        self._text = io.TextIOWrapper(file, "utf-8-sig", newline="", write_through=True)
        self._csv = csv.DictWriter(self._text, columns, quoting=csv.QUOTE_NONNUMERIC)
        self._csv.writeheader()

    def write(self, rows: Sequence[Row]) -> None:
        """See `Writer.write`."""
        self._csv.writerows({name: _cell(value) for name, value in row.items()} for row in rows)

    def close(self) -> None:
        """See `Writer.close`."""
        self._text.detach()


def _cell(value: Any) -> Any:
    if isinstance(value, datetime):
        return value.isoformat()
    return disarmed(value) if isinstance(value, str) else value


class JsonLinesWriter:
    """One JSON object in each line, as they were given."""

    def __init__(self, file: IO[bytes]) -> None:
        self._file = file

    def write(self, rows: Sequence[Row]) -> None:
        """See `Writer.write`."""
        self._file.write("".join(f"{json.dumps(row, ensure_ascii=False)}\n" for row in rows).encode())

    def close(self) -> None:
        """See `Writer.close`."""


class ParquetWriter:
    """Parquet, through pyarrow."""

    def __init__(self, file: IO[bytes], columns: Mapping[str, type]) -> None:
        """
        :raises ConfigError: pyarrow is not installed.
        """
        try:
            import pyarrow as pa
            import pyarrow.parquet as pq
        except ImportError:
            raise ConfigError(
                "parquet needs pyarrow. Install it: pip install 'itsm-hub[parquet]'; csv and jsonl need nothing"
            ) from None
        types = {
            str: pa.string(), int: pa.int64(), float: pa.float64(), bool: pa.bool_(),
            datetime: pa.timestamp("us", tz="UTC"),
        }  # fmt: skip
        self._schema = pa.schema([(name, types[kind]) for name, kind in columns.items()])
        self._table = pa.Table
        self._writer = pq.ParquetWriter(file, self._schema)

    def write(self, rows: Sequence[Row]) -> None:
        """See `Writer.write`."""
        self._writer.write_table(self._table.from_pylist([dict(row) for row in rows], schema=self._schema))

    def close(self) -> None:
        """See `Writer.close`."""
        self._writer.close()
