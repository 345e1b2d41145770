"""Dates of the bank's calls, found from month, weekday and the order of the rows."""

from datetime import date
from pathlib import Path

import pandas as pd
import pytest

from leadml.data.datasets.bank_marketing import dates_in_order, prepare_bank_marketing
from leadml.errors import DataError


def test_days_follow_from_the_order() -> None:
    # May 2008 begins on a Thursday: its first Monday is the 5th. The second Monday is the 12th; the
    # Wednesday after it the 14th (a Tuesday without calls). June 2008 begins on a Sunday.
    calls = [
        ("may", "mon"), ("may", "mon"), ("may", "tue"), ("may", "mon"), ("may", "wed"),
        ("jun", "wed"), ("jun", "tue"),
    ]  # fmt: skip
    days = [(day.month, day.day) for day in dates_in_order(calls)]
    assert days == [(5, 5), (5, 5), (5, 6), (5, 12), (5, 14), (6, 4), (6, 10)]


def test_an_earlier_month_starts_a_new_year() -> None:
    calls = [("may", "mon"), ("dec", "mon"), ("mar", "mon"), ("apr", "wed"), ("mar", "mon")]
    assert list(dates_in_order(calls)) == [
        date(2008, 5, 5),
        date(2008, 12, 1),
        date(2009, 3, 2),
        date(2009, 4, 1),
        date(2010, 3, 1),
    ]


def test_a_day_repeated_a_week_later_is_another_day() -> None:
    # 2008-05-01 was a Thursday; five Thursdays in May, the sixth does not fit.
    weeks = [("may", weekday) for _ in range(4) for weekday in ("thu", "fri")]
    assert list(dates_in_order(weeks))[-1] == date(2008, 5, 23)
    with pytest.raises(ValueError, match="no thu is left in may 2008: the rows are not in order"):
        list(dates_in_order(weeks + [("may", "thu"), ("may", "fri")] * 2))


def test_more_than_three_years_are_not_this_bank() -> None:
    with pytest.raises(ValueError, match="no mon is left in may 2011"):
        list(dates_in_order([("jun", "mon"), ("may", "mon")] * 4))


@pytest.mark.parametrize(
    ("call", "expected"),
    [
        (("mai", "mon"), "column month: expected one of jan, feb.* found 'mai'"),
        (("may", ""), "column day_of_week: expected one of mon, tue.* found ''"),
    ],
)
def test_other_names_are_refused(call: tuple[str, str], expected: str) -> None:
    with pytest.raises(ValueError, match=expected):
        list(dates_in_order([call]))


def write(path: Path, rows: list[str]) -> Path:
    path.write_text("\r\n".join(['"age";"contact";"month";"day_of_week";"duration";"y"', *rows]))
    return path


def test_cells_stay_as_published(tmp_path: Path) -> None:
    path = write(
        tmp_path / "bank.csv", ['56;"cellular";"may";"mon";261;"no"', '7;"";"may";"tue";0;"yes"']
    )
    leads = prepare_bank_marketing(path).leads
    assert leads.to_dict("list") == {
        "lead_id": ["B00001", "B00002"],
        "created_at": ["2008-05-05", "2008-05-06"],
        "age": ["56", "7"],
        "contact": ["cellular", ""],
        "month": ["may", "may"],
        "day_of_week": ["mon", "tue"],
        "duration": ["261", "0"],
        "y": ["no", "yes"],
    }


def test_shuffled_rows_are_refused(tmp_path: Path) -> None:
    rows = [f'1;"x";"{month}";"mon";1;"no"' for month in ("nov", "may") * 4]
    path = write(tmp_path / "bank.csv", rows)
    with pytest.raises(DataError, match=r"bank.csv: no mon is left .* in time order from May 2008"):
        prepare_bank_marketing(path)


def test_another_file_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "bank.csv"
    path.write_text("a,b\n1,2\n")
    with pytest.raises(DataError, match=r"has no column 'month' .*: not the published file"):
        prepare_bank_marketing(path)


def test_the_published_file_spans_may_2008_to_november_2010(datasets: Path) -> None:
    leads = prepare_bank_marketing(datasets / "bank-additional-full.csv").leads
    created = pd.to_datetime(leads["created_at"])
    assert len(leads) == 41_188
    assert created.is_monotonic_increasing
    assert created.iloc[[0, -1]].dt.strftime("%Y-%m").tolist() == ["2008-05", "2010-11"]
    # Days without a call in May and June 2008 are Portugal's: Corpus Christi (22 May), the
    # national day (10 June), Lisbon's (13 June).
    workdays = pd.bdate_range("2008-05-05", "2008-06-13")
    free = workdays.difference(pd.DatetimeIndex(created.unique()))
    assert free.strftime("%m-%d").tolist() == ["05-22", "06-10", "06-13"]
