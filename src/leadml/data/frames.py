"""From pandas columns to plain distinct values: where pandas' types end."""

from collections.abc import Iterator, Sequence
from typing import Any, cast, overload

import numpy as np
import pandas as pd
import pyarrow as pa

from leadml.data.raw import RawColumn

FEW = 10_000
AT_ONCE = 50_000


class Columns:
    """The columns of a frame, each factorised when first asked for.

    Parameters
    ----------
    frame : pandas.DataFrame
        Kept as it is.
    """

    def __init__(self, frame: pd.DataFrame) -> None:
        self.frame = frame
        self.names = tuple(str(name) for name in frame.columns)
        self._raw: dict[str, RawColumn] = {}

    def raw(self, name: str) -> RawColumn:
        """Return one column as its distinct values and which row holds which."""
        if name not in self._raw:
            self._raw[name] = raw_column(self.frame[name])
        return self._raw[name]


class Texts(Sequence[str]):
    """Many texts held as Arrow holds them: a third of what as many Python objects take.

    Parameters
    ----------
    texts : pyarrow.Array
        Strings without gaps.
    """

    def __init__(self, texts: pa.Array) -> None:
        self._texts = texts

    def __len__(self) -> int:
        """Return the number of texts."""
        return len(self._texts)

    @overload
    def __getitem__(self, index: int) -> str: ...
    @overload
    def __getitem__(self, index: slice) -> Sequence[str]: ...
    def __getitem__(self, index: int | slice) -> str | Sequence[str]:
        """Return one text, or those of a slice."""
        if isinstance(index, slice):
            return Texts(self._texts[index])
        return cast(str, self._texts[int(index)].as_py())

    def __iter__(self) -> Iterator[str]:
        """Go through the texts, making Python objects of a few at a time."""
        for start in range(0, len(self._texts), AT_ONCE):
            yield from self._texts.slice(start, AT_ONCE).to_pylist()


def raw_column(column: "pd.Series[Any]") -> RawColumn:
    """Return the distinct values of a column as plain Python values, and which row holds which.

    Missing of every kind (None, NaN, NaT, pandas' NA) is code -1. Times are `datetime`s, cut to
    microseconds, aware ones in UTC.
    """
    if isinstance(column.dtype, pd.CategoricalDtype):
        column = column.astype(column.cat.categories.dtype)
    codes, values = pd.factorize(column, use_na_sentinel=True)
    return RawColumn(_plain(pd.Index(values)), codes.astype(np.intp, copy=False))


def _plain(values: "pd.Index[Any]") -> Sequence[object]:
    if isinstance(values, pd.DatetimeIndex):
        values = values if values.tz is None else values.tz_convert("UTC")
        return values.as_unit("us").to_pydatetime().tolist()
    if values.dtype == "str" and len(values) > FEW:
        texts = pa.array(values.array, pa.large_string())
        return Texts(texts.combine_chunks() if isinstance(texts, pa.ChunkedArray) else texts)
    return [value.item() if isinstance(value, np.generic) else value for value in values.tolist()]
