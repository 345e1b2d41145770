"""Guessing the format of times, and reading a column of them row by row."""

import re
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime

import numpy as np
from numpy.typing import NDArray

from leadml.data.evidence import GAPS, Evidence
from leadml.data.times import read_times
from leadml.data.values import MICROSECONDS_A_DAY, NO_TIME

FILLED = 0.9
"""Share of leads whose creation must be dated for a column to be taken as that."""
ORDERLY = 0.8
"""Share of leads whose two times must be in order (to the day)."""
_DATED = re.compile(r"\w[-/. ,]+\w+[-/. ,]+\d\d|\d{8}")
_PAIRS = (("%d/%m/", "%m/%d/"), ("%d-%m-", "%m-%d-"))


@dataclass(frozen=True)
class FormatChoice:
    """The format of an export's times; None means ISO 8601."""

    date_format: str | None
    because: str


@dataclass(frozen=True)
class Moments:
    """One column read as times.

    Attributes
    ----------
    at : int64 array, shape (rows,)
        Microseconds since 1970-01-01 UTC; `NO_TIME` where missing or not readable.
    naive : int
        Rows whose time names no zone.
    """

    at: NDArray[np.int64]
    naive: int

    @property
    def share(self) -> float:
        """Share of the rows that have one."""
        return float((self.at != NO_TIME).mean())

    def words(self) -> str:
        """Describe the times: from, to, and how many leads have one."""
        known = self.at[self.at != NO_TIME].view("datetime64[us]")
        first, last = (np.datetime_as_string(t, unit="D") for t in (known.min(), known.max()))
        filled = "" if self.share == 1 else f", filled in {self.share:.0%}"
        return f"times from {first} to {last}{filled}"


def formats_of(evidence: Evidence) -> list[str | None]:
    """Return the date formats that read a column; its first values must have a date's parts."""
    first = evidence.sample[:20]
    dated = [v for v in first if isinstance(v, datetime) or _DATED.search(str(v))]
    return evidence.formats() if first and len(dated) >= ORDERLY * len(first) else []


def choose_format(columns: Sequence[Evidence]) -> FormatChoice:
    """Choose the one format that reads most of the columns that are named like times.

    Ties go to the format of the first of them, then to ISO 8601. Where day and month cannot be
    told apart in any of them, the day is taken to come first, and that is said.
    """
    fits = [evidence.formats() for evidence in columns]
    counts: dict[str | None, int] = {}
    for formats in fits:
        for shape in formats:
            counts[shape] = counts.get(shape, 0) + 1
    if not counts:
        return FormatChoice(None, "no column reads as times")
    best = max(counts, key=lambda shape: (counts[shape], shape in fits[0], shape is None))
    if best is None:
        return FormatChoice(None, "ISO 8601")
    other = _swapped(best)
    if counts.get(other) == counts[best]:
        doubt = f"CHECK: {other} reads every time as well; is the day or the month first?"
        return FormatChoice(best, doubt)
    return FormatChoice(best, "reads every time")


def _swapped(shape: str) -> str:
    for day_first, month_first in _PAIRS:
        if shape.startswith(day_first):
            return shape.replace(day_first, month_first)
        if shape.startswith(month_first):
            return shape.replace(month_first, day_first)
    return ""


def read_moments(evidence: Evidence, date_format: str | None) -> Moments | None:
    """Read a column as times in that format; None where most values are none."""
    if not evidence.times(date_format):
        return None
    read = read_times(evidence.raw, zone=UTC, date_format=date_format, missing=GAPS)
    return Moments(read.at, read.naive)


def in_order(earlier: NDArray[np.int64], later: NDArray[np.int64]) -> bool:
    """Tell whether, where both are known, `later` mostly is no earlier day than `earlier`."""
    both = (earlier != NO_TIME) & (later != NO_TIME)
    if not both.any():
        return True
    days = later[both] // MICROSECONDS_A_DAY - earlier[both] // MICROSECONDS_A_DAY
    return float((days >= 0).mean()) >= ORDERLY
