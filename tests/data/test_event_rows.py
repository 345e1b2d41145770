"""Rows of a lead at a moment."""

import numpy as np
import pandas as pd
import pytest

from leadml.data.event_rows import latest_of, moments, refuse_absent, set_aside, text_codes
from leadml.data.places import Places
from leadml.data.tables import Table
from leadml.errors import DataError


def table_of(**columns: list[object]) -> Table:
    frame = pd.DataFrame(columns)
    return Table(frame, "touches.csv", (), Places("line", np.arange(2, 2 + len(frame))))


def test_distinct_texts_are_numbered_in_order_of_appearance_and_gaps_are_minus_one() -> None:
    table = table_of(lead_id=["L2", "L1", None, "L2", "Select"])
    texts, codes = text_codes(table, "lead_id", frozenset({"select"}))
    assert texts == ["L2", "L1"]
    assert codes.tolist() == [0, 1, -1, 0, -1]


def test_an_absent_column_is_named_with_its_key_and_the_nearest_one() -> None:
    table = table_of(lead_id=["L1"], timestamp=["2026-01-01"])
    refuse_absent(table, {"lead": "lead_id"}, "activities")
    expected = (
        r"touches.csv has no column 'timestmp', which \[activities\]\.at names "
        r"\(did you mean 'timestamp'\?\)"
    )
    with pytest.raises(DataError, match=expected):
        refuse_absent(table, {"lead": "lead_id", "at": "timestmp"}, "activities")


def test_moments_are_read_in_the_zone() -> None:
    table = table_of(at=["2026-01-01 01:00"])
    read = moments(
        table, "at", "history", timezone="Europe/Berlin", date_format=None, missing=frozenset()
    )
    assert read.at.view("datetime64[us]").tolist() == [pd.Timestamp("2026-01-01 00:00")]


def test_mostly_unreadable_moments_are_refused() -> None:
    table = table_of(at=["soon", "later", "2026-01-01"])
    with pytest.raises(DataError, match=r"touches.csv, column at \(\[history\].at\)"):
        moments(table, "at", "history", timezone="UTC", date_format=None, missing=frozenset())


def test_rows_set_aside_are_counted_by_what_they_lack() -> None:
    table = table_of(lead_id=[None] + ["L1"] * 19)
    lacking = np.arange(20) == 0
    (finding,) = set_aside(
        table,
        "DATA031",
        "activities",
        {"lead": ("lead_id", lacking), "time": ("at", np.zeros(20, bool))},
    )
    assert (finding.code, finding.severity, finding.column, finding.count) == (
        "DATA031", "warning", "lead_id", 1
    )  # fmt: skip
    assert finding.message == "activities without a lead are set aside"
    assert finding.examples == ("line 2",)


def test_the_latest_moment_of_none_is_unknown() -> None:
    assert latest_of(np.empty(0, np.int64)) is None
    assert latest_of(np.array([5, 9, 7])) == np.datetime64(9, "us")
