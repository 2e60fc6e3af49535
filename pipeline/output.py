"""Rows as a table, CSV, JSON or Parquet: what `query` prints or saves.

Guarantees: no value of a customer becomes a formula in a spreadsheet, or a control or direction mark on a terminal.
"""

from __future__ import annotations

import csv
import json
import os
import re
import unicodedata
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager
from datetime import date, datetime, time
from decimal import Decimal
from pathlib import Path
from typing import IO, TYPE_CHECKING, Any, Literal, TextIO

from pipeline.errors import UserError

if TYPE_CHECKING:
    from pipeline.query import Answer

Format = Literal["table", "csv", "json", "parquet"]

GROUP_ROWS = 50_000
"""Rows per Parquet row group."""

TABLE_ROWS = 1_000
"""A table is for eyes; the rest is a matter for --format csv or json."""

_FORMULA = re.compile(r"[\s\u200b-\u200f\u202a-\u202e\u2066-\u2069\ufeff]*[=+\-@＝＋－＠\t\r]")
_NUMBER = re.compile(r"[+-]?\d[\d .,]*\Z")
"""`+4915112345678` and `-3.5` are no formulas, and losing the plus would spoil every phone number."""


def shown(text: str) -> str:
    """`text` for a terminal: control, direction and other invisible marks written out, lines joined."""
    if text.isascii() and text.isprintable():
        return text
    return "".join(_visible(character) for character in text)


def _visible(character: str) -> str:
    if character in "\n\r\t":
        return " "
    # Zero-width joiners are part of how Persian and Indic names are written; direction marks are not needed for that.
    if character in "\u200c\u200d":
        return character
    if unicodedata.category(character) in ("Cc", "Cf", "Cs", "Co", "Zl", "Zp"):
        return f"\\u{ord(character):04x}"
    return character


def safe_cell(value: Any) -> Any:
    """A CSV cell that no spreadsheet takes for a formula."""
    if isinstance(value, str) and _FORMULA.match(value) and not _NUMBER.match(value):
        return "'" + value
    return value


def plain(value: Any, kind: str) -> Any:
    """A fetched value as JSON types; `kind` is DuckDB's type. Times are ISO 8601, UTC ones ending in Z."""
    if isinstance(value, datetime):
        return value.isoformat() + ("Z" if "WITH TIME ZONE" in kind else "")
    if isinstance(value, date | time):
        return value.isoformat()
    if isinstance(value, Decimal):
        return float(value)
    if isinstance(value, dict):
        return {str(key): plain(child, "") for key, child in value.items()}
    if isinstance(value, list | tuple):
        return [plain(child, "") for child in value]
    if kind == "JSON" and isinstance(value, str):
        return json.loads(value)
    return value if value is None or isinstance(value, str | bool | int | float) else str(value)


def write_answer(answer: Answer, form: Format, out: TextIO) -> str:
    """Write the rows to `out`; returns a remark for standard error, or nothing."""
    writers: dict[str, Callable[[Answer, TextIO], str]] = {"table": _table, "csv": _csv, "json": _json}
    return writers[form](answer, out)


def save_answer(answer: Answer, form: Format, target: Path) -> None:
    """Write the rows to the file `target`, whole or not at all, readable by its owner only."""
    if form == "parquet":
        with _replacing(target, "wb") as handle:
            _parquet(answer, handle)
        return
    with _replacing(target, "w") as handle:
        write_answer(answer, form, handle)


@contextmanager
def _replacing(target: Path, mode: Literal["w", "wb"]) -> Iterator[Any]:
    made = target.with_name(f".{target.name}.{os.getpid()}.tmp")
    text: dict[str, Any] = {} if mode == "wb" else {"encoding": "utf-8", "newline": ""}
    try:
        descriptor = os.open(made, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    except OSError as error:
        raise UserError(f"{target} cannot be written: {error.strerror}.") from None
    try:
        with open(descriptor, mode, **text) as handle:  # noqa: PTH123  a descriptor, opened with its mode
            yield handle
            handle.flush()
            os.fsync(handle.fileno())
        made.replace(target)
    except BaseException:
        made.unlink(missing_ok=True)
        raise


def _rows(answer: Answer) -> Iterator[list[Any]]:
    for batch in answer.batches():
        for row in batch:
            yield [plain(value, kind) for value, kind in zip(row, answer.types, strict=True)]


def _json(answer: Answer, out: TextIO) -> str:
    """One array of objects, an object per line; ASCII on a terminal, where direction marks would act."""
    out.write("[")
    for number, row in enumerate(_rows(answer)):
        out.write(",\n " if number else "\n ")
        out.write(json.dumps(dict(zip(answer.columns, row, strict=True)), ensure_ascii=out.isatty()))
    out.write("\n]\n")
    return ""


def _csv(answer: Answer, out: TextIO) -> str:
    writer = csv.writer(out, lineterminator="\n")
    writer.writerow([safe_cell(name) for name in answer.columns])
    for row in _rows(answer):
        cells = [safe_cell(cell(value)) for value in row]
        writer.writerow([shown(text) if isinstance(text, str) else text for text in cells] if out.isatty() else cells)
    return ""


def cell(value: Any) -> Any:
    """A plain value as text of one cell; null is empty."""
    if value is None:
        return ""
    if isinstance(value, bool):
        return "true" if value else "false"
    return json.dumps(value, ensure_ascii=False) if isinstance(value, list | dict) else value


def _table(answer: Answer, out: TextIO) -> str:
    if answer.columns == ("explain_key", "explain_value"):
        out.writelines(f"{row[1]}\n" for row in _rows(answer))
        return ""
    rows: list[list[str]] = []
    more = 0
    for row in _rows(answer):
        if len(rows) == TABLE_ROWS:
            more += 1
        else:
            rows.append([shown(str(cell(value))) for value in row])
    out.write(text_table([shown(name) for name in answer.columns], rows, right=_numeric(answer.types)))
    return f"({more} more rows; --format csv or json gives all)" if more else ""


def _numeric(types: Sequence[str]) -> set[int]:
    numbers = ("INT", "DOUBLE", "FLOAT", "DECIMAL")
    return {place for place, kind in enumerate(types) if any(part in kind for part in numbers) and "[" not in kind}


def text_table(head: Sequence[str], rows: Iterable[Sequence[str]], *, right: set[int]) -> str:
    """An aligned plain-text table; the columns in `right` are set flush right. Wide characters count as two."""
    body = list(rows)
    widths = [max(_width(text) for text in column) for column in zip(head, *body, strict=True)]

    def line(cells: Sequence[str]) -> str:
        parts = (
            " " * (width - _width(text)) + text if place in right else text + " " * (width - _width(text))
            for place, (text, width) in enumerate(zip(cells, widths, strict=True))
        )
        return "  ".join(parts).rstrip() + "\n"

    return line(head) + line(["-" * width for width in widths]) + "".join(line(cells) for cells in body)


def _width(text: str) -> int:
    if text.isascii():
        return len(text)
    return sum(0 if unicodedata.combining(c) else 2 if unicodedata.east_asian_width(c) in "WF" else 1 for c in text)


def _parquet(answer: Answer, out: IO[bytes]) -> None:
    import pyarrow.parquet as pq

    reader = answer.original.to_arrow_reader(GROUP_ROWS)
    with pq.ParquetWriter(out, reader.schema) as writer:
        for batch in reader:
            writer.write_batch(batch)
