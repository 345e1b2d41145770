"""What the values of a column speak for: the grounds of `leadml init`'s guesses."""

from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import cached_property
from itertools import islice
from typing import TypeVar

import numpy as np

from leadml.data.presets import NO, YES
from leadml.data.raw import RawColumn
from leadml.data.times import FORMATS
from leadml.data.values import NotUsableError, is_missing, missing_texts, time_reader, to_number

T = TypeVar("T")

FEW = 50
MOSTLY = 0.95
CHECKED = (20, 400)  # how many values to look at before giving a column up early
SAMPLE = 5_000  # distinct values that speak for a column
GAPS = missing_texts(
    ("Select", "n/a", "na", "#n/a", "null", "none", "nan", "nil", "-", "--", "not set", "(blank)")
)
"""Texts that mean missing in the exports people have."""


@dataclass(frozen=True)
class Evidence:
    """One column's values, ready to be asked.

    Attributes
    ----------
    column : str
        Its header.
    raw : RawColumn
        Its distinct values, and which row holds which.
    decimal : str
        Decimal sign of numbers written as text.
    """

    column: str
    raw: RawColumn
    decimal: str = "."

    @property
    def rows(self) -> int:
        """Number of rows."""
        return len(self.raw.codes)

    @cached_property
    def counts(self) -> dict[object, int]:
        """Distinct present values -> rows, most frequent first."""
        sizes = np.bincount(self.raw.codes + 1, minlength=len(self.raw.values) + 1)[1:].tolist()
        pairs = [
            (value, size)
            for value, size in zip(self.raw.values, sizes, strict=True)
            if size and not is_missing(value, GAPS)
        ]
        return dict(sorted(pairs, key=lambda pair: -pair[1]))

    @cached_property
    def sample(self) -> list[object]:
        """Distinct present values, the most frequent ones."""
        return list(islice(self.counts, SAMPLE))

    @cached_property
    def present(self) -> int:
        """Rows with a value."""
        return sum(self.counts.values())

    @property
    def is_unique(self) -> bool:
        """Whether every row has a value of its own."""
        return self.present == self.rows == len(self.counts)

    @cached_property
    def gaps(self) -> list[str]:
        """Texts in the column that mean missing, as written."""
        return [
            value
            for value in self.raw.values
            if isinstance(value, str) and value.strip() and is_missing(value, GAPS)
        ]

    def texts(self) -> list[str]:
        """Return the distinct values as texts, most frequent first."""
        return [str(value).strip() for value in self.counts]

    def is_boolean(self) -> bool:
        """Tell whether the column has two values that read as yes and no."""
        folded = {text.casefold() for text in self.texts()}
        return len(self.counts) == 2 and len(folded & YES) == 1 and len(folded & NO) == 1

    def numbers(self) -> list[float] | None:
        """Return the values that read as numbers (one each), if nearly all do; else None."""
        return self._read(self.sample, lambda value: to_number(value, GAPS, decimal=self.decimal))

    def times(self, date_format: str | None) -> list[datetime] | None:
        """Return the values that read as times in that format, if nearly all do; else None."""
        if not any(map(_like_a_time, self.sample)):
            return None
        return self._read(self.sample, time_reader(UTC, date_format))

    def _read(self, values: Sequence[object], read: Callable[[object], T]) -> list[T] | None:
        found: list[T] = []
        for tried, value in enumerate(values, 1):
            with suppress(NotUsableError):
                found.append(read(value))
            if tried in {*CHECKED, len(values)} and len(found) < MOSTLY * tried:
                return None
        return found or None

    def formats(self) -> list[str | None]:
        """Return the date formats (None: ISO 8601) that read nearly all of the column.

        Two formats that differ in what is day and what is month may both fit.
        """
        return [shape for shape in (None, *FORMATS) if self.times(shape)]


def _like_a_time(value: object) -> bool:
    """Tell dates from bare numbers: an id such as 20240101 is no day."""
    if isinstance(value, datetime):
        return True
    return isinstance(value, str) and any(sign in value.strip()[1:] for sign in "-/.: ")
