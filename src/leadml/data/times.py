"""Columns of times: read through the one scalar reader; a guess at the format where it fails."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, tzinfo

import numpy as np
from numpy.typing import NDArray

from leadml.data.raw import RawColumn
from leadml.data.values import (
    NO_TIME,
    NotUsableError,
    in_utc,
    is_missing,
    microseconds,
    read_moment,
    time_reader,
)

_DAYS = ("%d/%m/%Y", "%m/%d/%Y", "%d.%m.%Y", "%d-%m-%Y", "%m-%d-%Y", "%Y/%m/%d", "%Y.%m.%d")
_NAMED = ("%d-%b-%Y", "%d %b %Y", "%b %d, %Y", "%d %B %Y", "%B %d, %Y", "%d-%b-%y")
_SHORT = ("%d/%m/%y", "%m/%d/%y", "%d.%m.%y", "%Y%m%d")
_CLOCKS = ("", " %H:%M", " %H:%M:%S", " %I:%M %p", " %I:%M:%S %p", ", %H:%M", ", %H:%M:%S")
FORMATS = tuple(day + clock for day in (*_DAYS, *_NAMED, *_SHORT) for clock in _CLOCKS)
TRIED = 200


@dataclass(frozen=True)
class TimeColumn:
    """A column of times.

    Attributes
    ----------
    at : int64 array, shape (rows,)
        Microseconds since 1970-01-01 UTC; `NO_TIME` where missing or not readable.
    errors : dict
        Row position -> why its value cannot be read.
    naive, aware : int
        How many rows gave their time without, and with, an offset.
    present : int
        Rows with a value, readable or not.
    unreadable : tuple of object
        Distinct values that cannot be read, the first few.
    """

    at: NDArray[np.int64]
    errors: dict[int, str]
    naive: int
    aware: int
    present: int
    unreadable: tuple[object, ...]


def read_times(
    raw: RawColumn, *, zone: tzinfo, date_format: str | None, missing: frozenset[str]
) -> TimeColumn:
    """Read every distinct value of a column once as aware UTC."""
    at = np.full(len(raw.values) + 1, NO_TIME, np.int64)
    kind = np.zeros(len(raw.values) + 1, np.int8)  # 0 missing, 1 naive, 2 aware, 3 unreadable
    bad: dict[int, str] = {}
    for position, value in enumerate(raw.values):
        if is_missing(value, missing):
            continue
        try:
            moment = read_moment(value, date_format)
            at[position] = microseconds(in_utc(moment, zone))
            kind[position] = 1 if moment.tzinfo is None else 2
        except NotUsableError as error:
            bad[position] = str(error)
            kind[position] = 3
    kinds = np.bincount(kind[raw.codes], minlength=4)
    return TimeColumn(
        at=at[raw.codes],
        errors=raw.rows_of(bad),
        naive=int(kinds[1]),
        aware=int(kinds[2]),
        present=int(kinds[1:].sum()),
        unreadable=tuple(raw.values[position] for position in list(bad)[:TRIED]),
    )


def guess_format(values: Sequence[object]) -> str | None:
    """Describe a remedy for times that do not read as configured, or None.

    Formats that read every value are named; where day and month cannot be told apart, both.
    """
    texts = [str(value).strip() for value in values if isinstance(value, str)]
    if not texts:
        return _numbers_remedy(values)
    if _all_read(texts, None):
        return "remove date_format: the times are ISO 8601"
    fits = [shape for shape in FORMATS if _all_read(texts, shape)]
    if not fits:
        mostly = [shape for shape in FORMATS if _all_read(texts[:1], shape)]
        return (
            f'set date_format = "{mostly[0]}" if that is what they are'
            if mostly
            else (_numbers_remedy(texts))
        )
    also = f' (or "{fits[1]}": both fit)' if len(fits) > 1 else ""
    return f'set date_format = "{fits[0]}"{also}'


def common_shape(values: Sequence[object]) -> str | None:
    """Name the common format of times that reads the first of these values, or None."""
    texts = [value for value in values[:TRIED] if isinstance(value, str)]
    if not texts or len(texts) < len(values[:TRIED]):
        return None
    if _all_read(texts, None):
        return "ISO 8601"
    return next((shape for shape in FORMATS if _all_read(texts, shape)), None)


def _all_read(texts: Sequence[str], shape: str | None) -> bool:
    read: Callable[[object], datetime] = time_reader(UTC, shape)
    try:
        for text in texts:
            read(text)
    except NotUsableError:
        return False
    return True


def _numbers_remedy(values: Sequence[object]) -> str | None:
    digits = [str(value).split(".")[0] for value in values]
    if not digits or not all(text.isdigit() for text in digits):
        return None
    what = {5: "Excel day numbers", 10: "seconds since 1970", 13: "milliseconds since 1970"}
    found = what.get(len(digits[0]))
    return f"they look like {found}: export them as dates and times" if found else None
