# ruff: noqa: PD011 - the values of a RawColumn, not of a Series
from datetime import UTC, date, datetime
from decimal import Decimal

import numpy as np
import pandas as pd
import pyarrow as pa
import pytest

from leadml.data.frames import AT_ONCE, FEW, Columns, Texts, raw_column


@pytest.mark.parametrize(
    ("column", "values"),
    [
        (pd.Series(["b", None, "a", "b"], dtype="str"), ["b", None, "a", "b"]),
        (pd.Series(["b", None, "a"], dtype="category"), ["b", None, "a"]),
        (
            pd.Series(pd.to_datetime(["2024-01-02", None])).astype("category"),
            [datetime(2024, 1, 2), None],  # noqa: DTZ001
        ),
        (pd.Series([2, 1, 2]), [2, 1, 2]),
        (pd.Series([2, None], dtype="Int64"), [2, None]),
        (pd.Series([2.5, np.nan]), [2.5, None]),
        (pd.Series([True, False]), [True, False]),
        (pd.Series([True, pd.NA], dtype="boolean"), [True, None]),
        (pd.Series([Decimal("1.5"), None], dtype=object), [Decimal("1.5"), None]),
        (pd.Series([date(2024, 1, 2), None], dtype=object), [date(2024, 1, 2), None]),
        (
            pd.Series(pd.to_datetime(["2024-01-02 03:04:05.000006", None])),
            [datetime(2024, 1, 2, 3, 4, 5, 6), None],  # noqa: DTZ001
        ),
        (
            pd.Series(
                pd.to_datetime(["2024-10-27 00:30", "2024-10-27 01:30"], utc=True)
            ).dt.tz_convert(
                "Europe/Berlin"  # both are 02:30 on the wall
            ),
            [datetime(2024, 10, 27, 0, 30, tzinfo=UTC), datetime(2024, 10, 27, 1, 30, tzinfo=UTC)],
        ),
        (pd.Series([1, "x", 1], dtype=object), [1, "x", 1]),
    ],
)
def test_values_come_back_plain(column: "pd.Series[object]", values: list[object]) -> None:
    raw = raw_column(column)
    back = [None if code < 0 else raw.values[code] for code in raw.codes]
    assert back == values
    assert not any(isinstance(value, (np.generic, pd.Timestamp)) for value in back)
    assert raw.codes.dtype == np.intp
    assert len(raw.values) == len(set(values) - {None})


def test_nanoseconds_are_cut() -> None:
    column = pd.Series(np.array(["2024-01-01T00:00:00.123456789"], "datetime64[ns]"))
    assert raw_column(column).values == [datetime(2024, 1, 1, 0, 0, 0, 123456)]  # noqa: DTZ001


def test_many_texts_stay_in_arrow() -> None:
    names = [f"lead {n}" for n in range(FEW + 1)]
    raw = raw_column(pd.Series([*names, None], dtype="str"))
    assert isinstance(raw.values, Texts)
    assert list(raw.values) == names
    assert len(raw.values) == FEW + 1
    assert raw.values[np.int64(3)] == "lead 3"  # type: ignore[call-overload]
    assert list(raw.values[2:4]) == ["lead 2", "lead 3"]
    assert raw.codes[-1] == -1


def test_more_texts_than_are_made_at_once() -> None:
    names = [str(n) for n in range(AT_ONCE + 1)]
    assert list(Texts(pa.array(names, pa.large_string()))) == names


def test_columns_are_factorised_once() -> None:
    columns = Columns(pd.DataFrame({"a": ["x", "y"]}))
    assert columns.names == ("a",)
    assert columns.raw("a") is columns.raw("a")
