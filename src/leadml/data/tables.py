"""Reading a table whole: a file found by its content, or a frame someone already has."""

import difflib
from dataclasses import dataclass, field
from datetime import timedelta
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq

from leadml.data.delimited import read_delimited, refuse_duplicate_names
from leadml.data.encoding import PARQUET
from leadml.data.places import Places, listed
from leadml.domain.finding import Finding
from leadml.errors import DataError


@dataclass(frozen=True)
class Table:
    """A table as its source gave it.

    Attributes
    ----------
    frame : pandas.DataFrame
        Every column, rows numbered from 0. Cells of a text file stay text (missing where empty);
        Parquet and SQL keep their types.
    source : str
        What to call it in messages.
    findings : tuple of Finding
        What was odd about reading it.
    places : Places
        Where each row stands in the source.
    errors : dict
        Row position -> why the row cannot be used.
    """

    frame: pd.DataFrame
    source: str
    findings: tuple[Finding, ...]
    places: Places
    errors: dict[int, str] = field(default_factory=dict)


def read_table(path: Path) -> Table:
    """Read a CSV (delimiter, encoding and gzip detected) or Parquet file.

    Raises
    ------
    DataError
        If there is no such file, or it is not a table with at least one row.
    """
    path = Path(path)
    _refuse_unreadable(path)
    try:
        with path.open("rb") as file:
            start = file.read(4)
            is_parquet = start == PARQUET
        if start and not is_parquet and path.suffix.lower() == ".parquet":
            msg = f"{path} is not a Parquet file; export it again"
            raise DataError(msg)
        return _read_parquet(path) if is_parquet else _read_text(path)
    except OSError as error:
        msg = f"{path} cannot be read: {error.strerror or error}"
        raise DataError(msg) from None


def table_of(frame: pd.DataFrame, source: str) -> Table:
    """Make a table of a frame; columns whose values are no single values are left out, and said.

    Raises
    ------
    DataError
        If the frame has no rows or no columns, or two columns share a name.
    """
    if not len(frame) or not len(frame.columns):
        what = "columns" if not len(frame.columns) else "rows"
        msg = f"{source} has no {what}: expected one row a lead and one column an attribute"
        raise DataError(msg)
    names = [str(name).strip() for name in frame.columns]
    refuse_duplicate_names(source, names)
    frame = frame.set_axis(names, axis="columns").reset_index(drop=True)
    nested = [name for name in names if _is_nested(frame[name])]
    findings = tuple(_nested_finding(name, len(frame)) for name in nested)
    return Table(frame.drop(columns=nested), source, findings, Places.of_rows(len(frame)))


def _refuse_unreadable(path: Path) -> None:
    if path.is_dir():
        inside = sorted(p.name for p in path.iterdir() if p.suffix in {".csv", ".gz", ".parquet"})
        hint = f"; it holds {listed(inside, 5)}" if inside else ""
        msg = f"{path} is a folder: name a CSV or Parquet file{hint}"
        raise DataError(msg)
    if not path.exists():
        folder = path.parent
        names = [p.name for p in folder.iterdir()] if folder.is_dir() else []
        close = difflib.get_close_matches(path.name, names, 1, 0.5)
        hint = f": did you mean {folder / close[0]}?" if close else ": check the name"
        msg = f"there is no file {path}{hint if folder.is_dir() else f': no folder {folder}'}"
        raise DataError(msg)


def _read_text(path: Path) -> Table:
    read = read_delimited(path)
    columns = {
        name: pd.array(column, dtype="str")
        for name, column in zip(read.names, read.columns, strict=True)
    }
    frame = pd.DataFrame(columns, copy=False)
    return Table(frame, str(path), tuple(read.findings), read.places, read.errors)


def _read_parquet(path: Path) -> Table:
    try:
        content = pq.ParquetFile(path).read()
    except (pa.ArrowException, OSError) as error:
        msg = f"{path} is damaged: {' '.join(str(error).split())[:200]}; write it again"
        raise DataError(msg) from None
    refuse_duplicate_names(str(path), content.column_names)
    nested = [f.name for f in content.schema if not _is_plain(f.type)]
    frame = content.drop_columns(nested).to_pandas(
        types_mapper=_NULLABLE.get, ignore_metadata=True, split_blocks=True
    )
    table = table_of(frame, str(path))
    findings = tuple(_nested_finding(name, len(frame)) for name in nested)
    return Table(table.frame, table.source, findings + table.findings, table.places)


# Whole numbers with gaps would turn into floats, which cannot hold a long id exactly.
_NULLABLE = {
    pa.int8(): pd.Int8Dtype(),
    pa.int16(): pd.Int16Dtype(),
    pa.int32(): pd.Int32Dtype(),
    pa.int64(): pd.Int64Dtype(),
    pa.uint8(): pd.UInt8Dtype(),
    pa.uint16(): pd.UInt16Dtype(),
    pa.uint32(): pd.UInt32Dtype(),
    pa.uint64(): pd.UInt64Dtype(),
    pa.bool_(): pd.BooleanDtype(),
}


def _is_plain(kind: pa.DataType) -> bool:
    types = pa.types
    if types.is_dictionary(kind):
        return _is_plain(kind.value_type)
    unreadable = (types.is_nested, types.is_binary, types.is_large_binary, types.is_time)
    also = (types.is_fixed_size_binary, types.is_duration, types.is_interval)
    return not any(test(kind) for test in (*unreadable, *also))


_NESTED = (list, tuple, dict, set, bytes, bytearray, np.ndarray, timedelta)


def _is_nested(column: "pd.Series[Any]") -> bool:
    if isinstance(column.dtype, (pd.IntervalDtype, pd.PeriodDtype)) or column.dtype.kind in "mc":
        return True
    return column.dtype == object and any(isinstance(value, _NESTED) for value in column)


def _nested_finding(name: str, rows: int) -> Finding:
    text = (
        f"{name} holds lists, structures, spans or raw bytes, which are no values: it is left "
        "out; export its parts as columns of their own"
    )
    return Finding("DATA008", "warning", name, rows, text)
