"""Reading delimited text: delimiter found, quotes and broken rows kept account of.

One reader for every file: the `csv` module of the standard library, which understands quoted
newlines and doubled quotes; cells go to Arrow in batches, so that a file of millions of rows
never exists as Python objects all at once.
"""

import csv
import io
from array import array
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from itertools import islice
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from leadml.data.encoding import Encoding, encoding_of, open_content
from leadml.data.places import EXAMPLES, Places, severity_of_set_aside
from leadml.domain.finding import Finding
from leadml.errors import DataError

if TYPE_CHECKING:
    from _csv import Reader

DELIMITERS = ",;\t|"
BATCH = 20_000
SNIFFED = 50
_DELIMITER_NAMES = {",": "a comma", ";": "a semicolon", "\t": "a tab", "|": "a bar"}


@dataclass(frozen=True)
class Delimited:
    """A file's cells as text.

    Attributes
    ----------
    names : list of str
        Column names, distinct.
    columns : list of pyarrow.ChunkedArray
        One large_string array a column; empty cells are null.
    places : Places
        Physical line at which each row starts.
    errors : dict
        Row position -> why the row cannot be used.
    findings : list of Finding
        What was odd about the file.
    """

    names: list[str]
    columns: list[pa.ChunkedArray]
    places: Places
    errors: dict[int, str]
    findings: list[Finding]


def read_delimited(path: Path) -> Delimited:
    """Read a delimited text file whole.

    Rows with too few or too many fields are kept, in place, as rows with an error: their cells
    cannot be trusted to stand under the right header. Empty fields beyond the last column are no
    error, and blank lines are no rows.

    Raises
    ------
    DataError
        If the file is not delimited text, has no rows, or two columns share a name.
    """
    encoding = encoding_of(path)
    try:
        delimiter, skip = _dialect(path, encoding)
        with _lines(path, encoding) as lines:
            return _read(path, islice(lines, skip, None), delimiter, skip, encoding)
    except UnicodeError as error:
        msg = (
            f"{path} is damaged: its {encoding.name} text does not decode ({error}); save it again"
        )
        raise DataError(msg) from None


@contextmanager
def _lines(path: Path, encoding: Encoding) -> Iterator[io.TextIOWrapper]:
    with open_content(path) as file, io.TextIOWrapper(file, encoding.name, newline="") as text:
        yield text


@dataclass
class _Rows:
    """What is gathered while the rows go by."""

    width: int
    lines: "array[int]" = field(default_factory=lambda: array("q"))
    wrong: dict[int, int] = field(default_factory=dict)
    blank_lines: list[int] = field(default_factory=list)
    last_started: int = 1
    last_ended: int = 1


def _read(
    path: Path, lines: Iterator[str], delimiter: str, skipped: int, encoding: Encoding
) -> Delimited:
    reader = csv.reader(lines, delimiter=delimiter, skipinitialspace=True)
    names, findings = _header(path, next(filter(None, reader), []))
    rows = _Rows(len(names))
    chunks: list[list[pa.Array]] = [[] for _ in names]
    try:
        for batch in _batches(reader, rows, skipped):
            for chunk, cells in zip(chunks, zip(*batch, strict=True), strict=True):
                chunk.append(_cells(cells))
    except csv.Error as error:
        msg = f"{path}, line {rows.last_ended + 1}: {error}; is a quote never closed?"
        raise DataError(msg) from None
    if not rows.lines:
        msg = f"{path} has a header but no rows: expected one line a lead; export it again"
        raise DataError(msg)
    _refuse_unclosed_quote(path, encoding, delimiter, rows)
    _refuse_mostly_wrong(path, rows, delimiter)
    findings += _encoding_finding(path, encoding) + _row_findings(rows)
    return Delimited(
        names=names,
        columns=[pa.chunked_array(chunk, pa.large_string()) for chunk in chunks],
        places=Places("line", np.array(rows.lines, np.int64)),
        errors={row: _wrong_width(rows, row) for row in rows.wrong},
        findings=findings,
    )


def _batches(reader: "Reader", rows: _Rows, skipped: int) -> Iterator[list[list[str]]]:
    batch: list[list[str]] = []
    width, ended = rows.width, reader.line_num + skipped
    for cells in reader:
        started, ended = ended + 1, reader.line_num + skipped
        rows.last_ended = ended
        if not cells:
            rows.blank_lines.append(started)
            continue
        if len(cells) != width:
            if len(cells) < width or any(map(str.strip, cells[width:])):
                rows.wrong[len(rows.lines)] = len(cells)
            cells = (cells + [""] * width)[:width]
        rows.last_started = started
        rows.lines.append(started)
        batch.append(cells)
        if len(batch) == BATCH:
            yield batch
            batch = []
    if batch:
        yield batch


def _cells(cells: tuple[str, ...]) -> pa.Array:
    texts = pa.array(cells, pa.large_string())
    return pc.if_else(pc.equal(texts, ""), pa.scalar(None, pa.large_string()), texts)


def _header(path: Path, cells: list[str]) -> tuple[list[str], list[Finding]]:
    names = [cell.strip() for cell in cells]
    blank = [position for position, name in enumerate(names, 1) if not name]
    if len(blank) == len(names):
        msg = f"{path}: the first line is blank, expected the column names; write a header line"
        raise DataError(msg)
    names = [name or f"unnamed_{position}" for position, name in enumerate(names, 1)]
    refuse_duplicate_names(str(path), names)
    if not blank:
        return names, []
    text = "columns without a name are called unnamed_ and their position; name or remove them"
    examples = tuple(f"column {position}" for position in blank[:EXAMPLES])
    return names, [Finding("DATA002", "warning", None, len(blank), text, examples)]


def refuse_duplicate_names(source: str, names: list[str]) -> None:
    """Raise a DataError if two columns share a name."""
    if len(set(names)) == len(names):
        return
    twice = next(name for position, name in enumerate(names) if name in names[:position])
    places = [position for position, name in enumerate(names, 1) if name == twice]
    msg = (
        f"{source}: {len(places)} columns are named {twice!r} "
        f"(columns {', '.join(map(str, places[:EXAMPLES]))}); rename all but one"
    )
    raise DataError(msg)


def _encoding_finding(path: Path, encoding: Encoding) -> list[Finding]:
    if not encoding.guessed:
        return []
    text = (
        f"{path.name} is not UTF-8 and was read as {encoding.name}, the likeliest encoding; "
        "if names look garbled, save it as UTF-8"
    )
    return [Finding("DATA003", "info", None, 1, text)]


def _row_findings(rows: _Rows) -> list[Finding]:
    findings = []
    if rows.wrong:
        text = (
            f"rows with another number of fields than the header's {rows.width}; they are set "
            "aside: quote fields that hold the delimiter or a newline"
        )
        examples = tuple(
            f"line {rows.lines[row]}: {fields} fields"
            for row, fields in islice(rows.wrong.items(), EXAMPLES)
        )
        severity = severity_of_set_aside(len(rows.wrong), len(rows.lines))
        findings.append(Finding("DATA001", severity, None, len(rows.wrong), text, examples))
    inside = [line for line in rows.blank_lines if line < rows.last_started]
    if inside:
        text = "blank lines between rows were passed over"
        examples = tuple(f"line {line}" for line in inside[:EXAMPLES])
        findings.append(Finding("DATA004", "info", None, len(inside), text, examples))
    return findings


def _wrong_width(rows: _Rows, row: int) -> str:
    return f"{rows.wrong[row]} fields where the header has {rows.width}"


def _refuse_mostly_wrong(path: Path, rows: _Rows, delimiter: str) -> None:
    if len(rows.wrong) * 2 <= len(rows.lines):
        return
    row, fields = next(iter(rows.wrong.items()))
    msg = (
        f"{path}: the header has {rows.width} columns separated by {_DELIMITER_NAMES[delimiter]}, "
        f"but {len(rows.wrong):,} of {len(rows.lines):,} rows have another number of fields "
        f"(line {rows.lines[row]} has {fields}); use one delimiter throughout and remove any "
        "lines above the header"
    )
    raise DataError(msg)


def _refuse_unclosed_quote(path: Path, encoding: Encoding, delimiter: str, rows: _Rows) -> None:
    """Raise if the last row runs to the end of the file inside a quote.

    The reader gives such a row without complaint, however many rows the quote has swallowed.
    """
    if rows.last_started == rows.last_ended:
        return
    with _lines(path, encoding) as lines:
        last_record = islice(lines, rows.last_started - 1, None)
        try:
            list(csv.reader(last_record, delimiter=delimiter, skipinitialspace=True, strict=True))
        except csv.Error as error:
            if "unexpected end" not in str(error):
                return
            msg = f"{path}, line {rows.last_started}: a quote is opened and never closed; close it"
            raise DataError(msg) from None


def _dialect(path: Path, encoding: Encoding) -> tuple[str, int]:
    """Find the delimiter, and how many lines to skip (Excel's ``sep=;`` line)."""
    with _lines(path, encoding) as lines:
        sample = list(islice(lines, SNIFFED))
    first = sample[0].strip().strip('"')
    if len(first) == 5 and first.casefold().startswith("sep=") and first[4] in DELIMITERS:
        return first[4], 1
    fits = {delimiter: _fit(sample, delimiter) for delimiter in DELIMITERS}
    best = max(fits, key=lambda delimiter: fits[delimiter])
    if fits[best] == (0.0, 0):
        _refuse_other_delimiter(path, sample)
        return ",", 0
    return best, 0


def _fit(sample: list[str], delimiter: str) -> tuple[float, int]:
    """Rate a delimiter: share of rows with as many fields as the header, then number of fields."""
    try:
        widths = [
            len(row)
            for row in csv.reader(sample, delimiter=delimiter, skipinitialspace=True)
            if row
        ]
    except csv.Error:
        return 0.0, 0
    if not widths or widths[0] < 2:
        return 0.0, 0
    return sum(width == widths[0] for width in widths) / len(widths), widths[0]


def _refuse_other_delimiter(path: Path, sample: list[str]) -> None:
    rows = [line for line in sample if line.strip()][:20]
    for sign in ":^~ ":
        counts = {row.count(sign) for row in rows}
        if len(rows) > 1 and len(counts) == 1 and counts.pop() >= (2 if sign == " " else 1):
            msg = (
                f"{path}: no columns found: fields seem separated by {sign!r}; separate them by a "
                "comma, semicolon, tab or bar"
            )
            raise DataError(msg)
