"""Rows that each say something of one lead at one moment: activities, and changes of attributes."""

from collections.abc import Mapping
from typing import Any
from zoneinfo import ZoneInfo

import numpy as np
from numpy.typing import NDArray

from leadml.data.frames import raw_column
from leadml.data.places import listed, near, severity_of_set_aside
from leadml.data.tables import Table
from leadml.data.time_findings import refuse_mostly_unreadable
from leadml.data.times import TimeColumn, read_times
from leadml.data.values import to_text
from leadml.domain.finding import Finding
from leadml.errors import DataError


def refuse_absent(table: Table, named: Mapping[str, Any], section: str) -> None:
    """Make sure that the columns a section names are there.

    Parameters
    ----------
    named : mapping
        Key of the section -> column.

    Raises
    ------
    DataError
        Naming the column, the key and the nearest column that exists.
    """
    known = [str(column) for column in table.frame.columns]
    for key, name in named.items():
        if name not in known:
            hint = near(name, known) or f"; it has {listed(known)}"
            msg = f"{table.source} has no column {name!r}, which [{section}].{key} names{hint}"
            raise DataError(msg)


def text_codes(
    table: Table, column: str, missing: frozenset[str]
) -> tuple[list[str], NDArray[np.int32]]:
    """Return the distinct texts of a column, and which row holds which (-1: missing)."""
    raw = raw_column(table.frame[column])
    texts, _ = raw.texts(lambda value: to_text(value, missing))
    positions: dict[str, int] = {}
    codes = [-1 if text is None else positions.setdefault(text, len(positions)) for text in texts]
    return list(positions), np.array([*codes, -1], np.int32)[raw.codes]


def moments(
    table: Table,
    column: str,
    section: str,
    *,
    timezone: str,
    date_format: str | None,
    missing: frozenset[str],
) -> TimeColumn:
    """Read the column of the moments.

    Raises
    ------
    DataError
        If most of them cannot be read.
    """
    times = read_times(
        raw_column(table.frame[column]),
        zone=ZoneInfo(timezone),
        date_format=date_format,
        missing=missing,
    )
    refuse_mostly_unreadable(times, f"{table.source}, column {column} ([{section}].at)")
    return times


def set_aside(
    table: Table,
    code: str,
    rows_are: str,
    lacks: Mapping[str, tuple[str, NDArray[np.bool_]]],
) -> list[Finding]:
    """Say which rows cannot be used for want of something.

    Parameters
    ----------
    code : str
        Of the findings.
    rows_are : str
        What the rows are called, such as ``activities``.
    lacks : mapping
        What a row may lack, such as ``lead`` -> its column, and the rows that lack it, shape
        (rows,).
    """
    findings = []
    for what, (column, lacking) in lacks.items():
        rows = np.flatnonzero(lacking)
        if len(rows):
            text = f"{rows_are} without a {what} are set aside"
            severity = severity_of_set_aside(len(rows), len(lacking))
            examples = table.places.examples(rows)
            findings.append(Finding(code, severity, column, len(rows), text, examples))
    return findings


def latest_of(at: NDArray[np.int64], until: np.datetime64 | None = None) -> np.datetime64 | None:
    """Return the latest of moments in microseconds (UTC) up to `until`; None without any."""
    at = at if until is None else at[at <= until.astype("datetime64[us]").astype(np.int64)]
    if not len(at):
        return None
    latest: np.datetime64 = at.max().view("datetime64[us]")
    return latest
