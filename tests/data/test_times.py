from datetime import UTC, datetime, timedelta, timezone
from zoneinfo import ZoneInfo

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from leadml.data.raw import RawColumn
from leadml.data.times import TimeColumn, guess_format, read_times
from leadml.data.values import NO_TIME, missing_texts

GAPS = missing_texts(("n/a",))


def times(values: list[object], date_format: str | None = None, zone: str = "UTC") -> TimeColumn:
    return read_times(
        RawColumn.of(values), zone=ZoneInfo(zone), date_format=date_format, missing=GAPS
    )


def test_reading_counts_what_it_sees() -> None:
    read = times(["2024-01-01", "2024-01-01T00:00Z", "", "n/a", "soon", None])
    # 2024-01-01 is 19,723 days after 1970-01-01: 54 years, 13 leap days.
    day = 19_723 * 86_400_000_000
    assert read.at.tolist() == [day, day, NO_TIME, NO_TIME, NO_TIME, NO_TIME]
    assert (read.naive, read.aware, read.present) == (1, 1, 3)
    assert read.errors == {4: "expected an ISO 8601 time, found 'soon'"}
    assert read.unreadable == ("soon",)


def test_rows_share_distinct_values() -> None:
    raw = RawColumn(["2024-01-01", "x"], np.array([0, 1, 0, -1]))
    read = read_times(raw, zone=UTC, date_format=None, missing=GAPS)
    assert (read.naive, read.present) == (2, 3)
    assert (read.at != NO_TIME).tolist() == [True, False, True, False]


def test_naive_times_in_a_zone_with_summer_time() -> None:
    # New York is UTC-5 in January and UTC-4 in July.
    read = times(["2024-01-01", "2024-07-01"], zone="America/New_York")
    hours = read.at % 86_400_000_000 // 3_600_000_000
    assert hours.tolist() == [5, 4]


def test_a_format_with_an_offset_is_aware() -> None:
    read = times(["01/02/2024 10:00 +0100"], "%d/%m/%Y %H:%M %z")
    assert (read.naive, read.aware) == (0, 1)
    assert datetime.fromtimestamp(read.at[0] / 1e6, UTC) == datetime(2024, 2, 1, 9, tzinfo=UTC)


@given(
    st.datetimes(datetime(1900, 1, 1), datetime(2100, 1, 1)),  # noqa: DTZ001
    st.integers(-720, 720),
    st.sampled_from("T "),
)
def test_every_offset_names_the_same_moment(moment: datetime, minutes: int, letter: str) -> None:
    aware = moment.replace(tzinfo=timezone(timedelta(minutes=minutes)))
    read = times([aware.isoformat(letter), aware])
    assert read.at[0] == read.at[1]
    assert read.at.view("datetime64[us]")[0].item() == moment - timedelta(minutes=minutes)


@pytest.mark.parametrize(
    ("values", "remedy"),
    [
        (["31/12/2024", "01/02/2024"], 'set date_format = "%d/%m/%Y"'),
        (["12/31/2024", "01/02/2024"], 'set date_format = "%m/%d/%Y"'),
        (["01/02/2024"], 'set date_format = "%d/%m/%Y" (or "%m/%d/%Y": both fit)'),
        (["31.12.2024 23:59"], 'set date_format = "%d.%m.%Y %H:%M"'),
        (["12/31/2024 11:59 PM"], 'set date_format = "%m/%d/%Y %I:%M %p"'),
        (["31-Dec-2024"], 'set date_format = "%d-%b-%Y"'),
        (["Dec 31, 2024"], 'set date_format = "%b %d, %Y"'),
        (["2024/12/31 10:00:00"], 'set date_format = "%Y/%m/%d %H:%M:%S"'),
        (["31/12/2024", "unknown"], 'set date_format = "%d/%m/%Y" if that is what they are'),
        (["2024-12-31"], "remove date_format: the times are ISO 8601"),
        (["1704067200"], "they look like seconds since 1970: export them as dates and times"),
        (
            ["1704067200000"],
            "they look like milliseconds since 1970: export them as dates and times",
        ),
        ([45292.5], "they look like Excel day numbers: export them as dates and times"),
        (["whenever"], None),
        ([], None),
        (["123"], None),
    ],
)
def test_the_remedy_is_concrete(values: list[object], remedy: str | None) -> None:
    assert guess_format(values) == remedy
