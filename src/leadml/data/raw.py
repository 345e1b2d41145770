"""Raw columns: the distinct values of a column, and which row holds which.

A file's column has few distinct values, a request has one row: reading each *distinct* value once
with the scalar readers of `values` makes one code path serve both, at the speed of arrays.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from leadml.data.values import NotUsableError


@dataclass(frozen=True)
class RawColumn:
    """One column as its source gave it.

    Attributes
    ----------
    values : sequence of object
        Distinct values (repeats are allowed and merely cost time).
    codes : int array, shape (rows,)
        ``values[codes[i]]`` is row i's value; -1 means missing.
    """

    values: Sequence[object]
    codes: NDArray[np.intp]

    @classmethod
    def of(cls, values: Sequence[object]) -> "RawColumn":
        """Make a column with one value a row."""
        return cls(values, np.arange(len(values), dtype=np.intp))

    def take(self, rows: NDArray[np.intp]) -> "RawColumn":
        """Return the column of the rows at these positions."""
        return RawColumn(self.values, self.codes[rows])

    def numbers(
        self, read: Callable[[object], float]
    ) -> tuple[NDArray[np.float64], dict[int, str]]:
        """Read every value as a float.

        Returns
        -------
        numbers : float array, shape (rows,)
            NaN where missing or not usable.
        errors : dict
            Row position -> why its value is not usable.
        """
        read_values = np.full(len(self.values) + 1, np.nan)
        bad: dict[int, str] = {}
        for position, value in enumerate(self.values):
            try:
                read_values[position] = read(value)
            except NotUsableError as error:
                bad[position] = str(error)
        return read_values[self.codes], self.rows_of(bad)

    def texts(
        self, read: Callable[[object], str | None]
    ) -> tuple[list[str | None], dict[int, str]]:
        """Read every distinct value as text: a list parallel to `values`, and errors by row."""
        read_values: list[str | None] = []
        bad: dict[int, str] = {}
        for position, value in enumerate(self.values):
            try:
                read_values.append(read(value))
            except NotUsableError as error:
                read_values.append(None)
                bad[position] = str(error)
        return read_values, self.rows_of(bad)

    def rows_of(self, bad: Mapping[int, str]) -> dict[int, str]:
        """Spread errors by position in `values` to the rows that hold them."""
        if not bad:
            return {}
        rows = np.flatnonzero(np.isin(self.codes, list(bad)))
        return {int(row): bad[int(self.codes[row])] for row in rows}
