"""Formats of times, and whether two columns are in order."""

import numpy as np
import pandas as pd

from leadml.data.evidence import Evidence
from leadml.data.frames import raw_column
from leadml.data.time_guess import choose_format, in_order, read_moments
from leadml.data.values import MICROSECONDS_A_DAY, NO_TIME


def column(*values: str | None) -> Evidence:
    return Evidence("x", raw_column(pd.Series(list(values), dtype="str")))


def test_ties_go_to_the_first_column_then_to_iso() -> None:
    assert choose_format([column("2026-01-31")]).date_format is None
    both = [column("2026-01-31"), column("31/01/2026")]
    assert choose_format(both).date_format is None
    assert choose_format(both[::-1]).date_format == "%d/%m/%Y"
    assert choose_format([column("soon"), *both]).date_format is None
    assert choose_format([]).because == "no column reads as times"


def test_the_format_of_most_columns_is_chosen() -> None:
    choice = choose_format([column("2026-01-31"), column("31/01/2026"), column("28/02/2026")])
    assert (choice.date_format, choice.because) == ("%d/%m/%Y", "reads every time")


def test_one_column_may_tell_day_from_month_for_all() -> None:
    choice = choose_format([column("01/02/2026"), column("01/31/2026")])
    assert (choice.date_format, choice.because) == ("%m/%d/%Y", "reads every time")


def test_an_unclear_order_of_day_and_month_is_said() -> None:
    choice = choose_format([column("01/02/2026", "03/04/2026")])
    assert choice.date_format == "%d/%m/%Y"
    assert choice.because.startswith("CHECK: %m/%d/%Y reads every time as well")
    dashes = choose_format([column("01-02-2026 10:00")])
    assert dashes.date_format == "%d-%m-%Y %H:%M"
    assert "%m-%d-%Y %H:%M" in dashes.because


def test_moments_tell_their_span_and_zone() -> None:
    found = read_moments(column("2026-01-31T10:00", None, "2026-03-01T00:00Z", None), None)
    assert found is not None
    assert found.words() == "times from 2026-01-31 to 2026-03-01, filled in 50%"
    assert (found.naive, found.share) == (1, 0.5)
    assert read_moments(column("a", "b"), None) is None


def test_order_is_to_the_day_and_of_most_rows() -> None:
    day = MICROSECONDS_A_DAY
    earlier = np.array([10, 10, 10, 10, 10, NO_TIME], np.int64)
    earlier[:5] = 10 * day + 5
    same_day = np.array([10 * day] * 5 + [0], np.int64)
    assert in_order(earlier, same_day)  # before it, but on its day
    one_off = same_day.copy()
    one_off[0] = 9 * day
    assert in_order(earlier, one_off)  # 4 of 5 are in order: just enough
    one_off[1] = 9 * day
    assert not in_order(earlier, one_off)
    nothing = np.full(6, NO_TIME, np.int64)
    assert in_order(earlier, nothing)
