"""What a column's values speak for."""

from datetime import UTC, datetime

import pandas as pd

from leadml.data.evidence import Evidence
from leadml.data.frames import raw_column


def evidence(values: list[object], dtype: str = "str") -> Evidence:
    return Evidence("x", raw_column(pd.Series(values, dtype=dtype)))


def test_counts_leave_out_what_is_missing() -> None:
    column = evidence(["a", "b", "b", None, "n/a", " - ", ""])
    assert column.counts == {"b": 2, "a": 1}
    assert (column.rows, column.present) == (7, 3)
    assert sorted(column.gaps) == [" - ", "n/a"]
    assert not column.is_unique


def test_unique_means_a_value_of_its_own_in_every_row() -> None:
    assert evidence(["a", "b", "c"]).is_unique
    assert not evidence(["a", "b", "a"]).is_unique
    assert not evidence(["a", "b", None]).is_unique


def test_boolean_is_a_yes_and_a_no() -> None:
    assert evidence(["Yes", "no", "no"]).is_boolean()
    assert evidence(["0", "1"]).is_boolean()
    assert evidence([True, False], "bool").is_boolean()
    assert not evidence(["yes", "true"]).is_boolean()
    assert not evidence(["yes", "no", "unknown"]).is_boolean()
    assert not evidence(["1", "2"]).is_boolean()


def test_numbers_may_have_a_few_exceptions() -> None:
    texts = [str(i) for i in range(95)]
    found = evidence([*texts, "a", "b", "c", "d", "e"]).numbers()
    assert found is not None
    assert len(found) == 95  # 95 of 100 is just enough
    assert evidence([*texts[:-1], "a", "b", "c", "d", "e", "f"]).numbers() is None
    assert evidence([None, None]).numbers() is None


def test_a_column_of_other_values_is_given_up_early() -> None:
    assert evidence([f"word {i}" for i in range(19)] + ["5"]).numbers() is None


def test_times_in_iso_or_another_format() -> None:
    iso = evidence(["2026-01-31", "2026-01-31T12:00:00Z"])
    assert iso.times(None) == [
        datetime(2026, 1, 31, tzinfo=UTC),
        datetime(2026, 1, 31, 12, tzinfo=UTC),
    ]
    assert iso.formats() == [None]
    german = evidence(["31.01.2026 08:30", "01.02.2026 09:00"])
    assert german.times(None) is None
    assert german.formats() == ["%d.%m.%Y %H:%M"]


def test_day_and_month_may_both_fit() -> None:
    both = evidence(["01/02/2026", "03/04/2026"])
    assert both.formats() == ["%d/%m/%Y", "%m/%d/%Y"]
    assert evidence(["01/02/2026", "03/14/2026"]).formats() == ["%m/%d/%Y"]
    clock = evidence(["1/2/2026 10:22 PM"])
    assert clock.formats() == ["%d/%m/%Y %I:%M %p", "%m/%d/%Y %I:%M %p"]


def test_bare_numbers_are_no_times() -> None:
    assert evidence(["20240101", "20240102"]).times(None) is None
    assert evidence(["20240101", "20240102"]).formats() == []


def test_native_times_are_times() -> None:
    column = pd.Series(pd.to_datetime(["2026-01-31", None], utc=True))
    assert Evidence("x", raw_column(column)).times(None) == [datetime(2026, 1, 31, tzinfo=UTC)]
