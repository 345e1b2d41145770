"""From a pandas column to plain distinct values: where pandas' types end."""

from collections.abc import Sequence
from typing import Any

import numpy as np
import pandas as pd

from leadml.data.raw import RawColumn


def raw_column(column: "pd.Series[Any]") -> RawColumn:
    """Return the distinct values of a column as plain Python values, and which row holds which.

    Missing of every kind (None, NaN, NaT, pandas' NA) is code -1. Times are `datetime`s, cut to
    microseconds.
    """
    if isinstance(column.dtype, pd.CategoricalDtype):
        column = column.astype(column.cat.categories.dtype)
    codes, values = pd.factorize(column, use_na_sentinel=True)
    return RawColumn(_plain(values), codes.astype(np.intp, copy=False))


def _plain(values: "pd.Index | np.ndarray[Any, Any]") -> Sequence[object]:
    index = pd.Index(values)
    if isinstance(index, pd.DatetimeIndex):
        return index.floor("us").to_pydatetime().tolist()
    return [value.item() if isinstance(value, np.generic) else value for value in index.tolist()]
