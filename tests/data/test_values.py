import math
from datetime import UTC, date, datetime, timedelta, timezone
from decimal import Decimal
from uuid import UUID
from zoneinfo import ZoneInfo

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from leadml.data.values import (
    NotUsableError,
    decimal_sign,
    is_missing,
    microseconds,
    missing_texts,
    time_reader,
    to_number,
    to_text,
)

GAPS = missing_texts(("Select", " N/A "))


@pytest.mark.parametrize(
    "value", [None, "", "  ", math.nan, Decimal("NaN"), np.float64("nan"), "select", " n/A"]
)
def test_missing(value: object) -> None:
    assert is_missing(value, GAPS)
    assert to_text(value, GAPS) is None
    assert math.isnan(to_number(value, GAPS))


@pytest.mark.parametrize("value", [0, "0", False, "Selected", "-"])
def test_not_missing(value: object) -> None:
    assert not is_missing(value, GAPS)


@pytest.mark.parametrize(
    ("value", "number"),
    [
        ("5", 5.0),
        (" 5.50 ", 5.5),
        ("-.5", -0.5),
        ("1e3", 1000.0),
        ("1,234", 1234.0),
        ("-1,234,567.5", -1234567.5),
        ("1.234,5", 1234.5),  # a decimal comma, points between thousands
        ("12,5", 12.5),
        ("45 %", 0.45),
        ("12,5%", 0.125),
        ("$ 1,000", 1000.0),
        ("€1.000,50", 1000.5),
        ("TRUE", 1.0),
        ("false", 0.0),
        (True, 1.0),
        (7, 7.0),
        (Decimal("1.5"), 1.5),
        (np.float32(0.5), 0.5),
        (np.int64(3), 3.0),
    ],
)
def test_numbers(value: object, number: float) -> None:
    assert to_number(value) == pytest.approx(number, abs=1e-12)


@pytest.mark.parametrize(
    ("value", "number"),
    [
        ("2.835", 2835.0),
        ("2.338,53", 2338.53),
        ("12,5", 12.5),
        ("-1.234.567,5", -1234567.5),
        ("1234", 1234.0),
        (",5", 0.5),
        ("7,", 7.0),
        ("1,5e3", 1500.0),
        ("12,5 %", 0.125),
        ("2.835 €", 2835.0),
        ("true", 1.0),
        (2.835, 2.835),  # numbers are no text
        (Decimal("2.835"), 2.835),
    ],
)
def test_numbers_with_a_decimal_comma(value: object, number: float) -> None:
    assert to_number(value, decimal=",") == pytest.approx(number, abs=1e-12)


@pytest.mark.parametrize(
    "value", ["2,338.53", "12.5", "0.835", "1.2345", "1,234,567", "1.23.456", "", "1.234.56", "."]
)
def test_no_numbers_with_a_decimal_comma(value: str) -> None:
    if value:
        with pytest.raises(NotUsableError, match="expected a number, found"):
            to_number(value, decimal=",")
    else:
        assert math.isnan(to_number(value, decimal=","))


def test_a_gap_is_one_whatever_the_decimal_sign() -> None:
    assert math.isnan(to_number("n/a", GAPS, decimal=","))
    assert math.isnan(to_number("-", decimal=","))
    with pytest.raises(NotUsableError, match="finite"):
        to_number("1e999", decimal=",")


def test_nothing_groups_thousands_behind_a_zero() -> None:
    assert to_number("0,835") == 0.835


@pytest.mark.parametrize(
    ("value", "sign"),
    [
        ("12,5", ","),
        ("2.338,53", ","),
        ("0,835", ","),
        ("1.234.567", ","),
        ("12,5 %", ","),
        ("12.5", "."),
        ("2,338.53", "."),
        ("0.835", "."),
        ("1,234,567", "."),
        ("1234.567", "."),
        ("2.835", "?"),
        ("2,835", "?"),
        ("-2.835 €", "?"),
        ("12", None),
        ("1e3", None),
        ("a.b", None),
        ("1.2.2024", None),
        (2.835, None),
        (None, None),
    ],
)
def test_the_decimal_sign_a_text_shows(value: object, sign: str | None) -> None:
    assert decimal_sign(value) == sign


@pytest.mark.parametrize("text", ["NA", "null", "None", "#N/A", "-", "nan", "<NA>"])
def test_what_spreadsheets_write_for_no_number(text: str) -> None:
    assert math.isnan(to_number(text))


@pytest.mark.parametrize(
    "value",
    ["inf", "-Infinity", math.inf, "1e999", pytest.param(10**400, id="huge"), Decimal("1e999")],
)
def test_infinite_numbers_are_not_usable(value: object) -> None:
    with pytest.raises(NotUsableError, match="expected a finite number"):
        to_number(value)


@pytest.mark.parametrize("value", ["abc", "1,23,4", "12 monkeys", [1], {}, date(2024, 1, 1)])
def test_not_numbers(value: object) -> None:
    with pytest.raises(NotUsableError, match="expected a number, found"):
        to_number(value)


@pytest.mark.parametrize(
    ("value", "text"),
    [
        ("5", "5"),
        ("5.0", "5"),
        (5, "5"),
        (5.0, "5"),
        (np.int32(5), "5"),
        (np.float64(5.5), "5.5"),
        (Decimal("5.00"), "5"),
        ("05", "05"),  # a code, not a number
        ("5.50", "5.50"),
        (" Closed Won ", "Closed Won"),
        (True, "true"),
        (np.True_, "true"),
        ("FALSE", "false"),
        (date(2024, 1, 2), "2024-01-02"),
        (datetime(2024, 1, 2, 3, tzinfo=UTC), "2024-01-02T03:00:00+00:00"),
        (UUID(int=1), "00000000-0000-0000-0000-000000000001"),
    ],
)
def test_texts(value: object, text: str) -> None:
    assert to_text(value) == text


def test_a_list_is_no_text() -> None:
    with pytest.raises(NotUsableError, match=r"expected a text, found \['a'\]"):
        to_text(["a"])


@given(st.integers(-(2**53), 2**53))
def test_a_whole_number_reads_alike_whatever_brought_it(number: int) -> None:
    assert (
        to_text(number) == to_text(str(number)) == to_text(f"{number}.0") == to_text(float(number))
    )
    assert to_number(number) == to_number(str(number)) == to_number(f"{number:,}") == number


@given(st.floats(allow_nan=False, allow_infinity=False))
def test_a_float_survives_its_text(number: float) -> None:
    assert to_number(repr(number)) == number


@pytest.mark.parametrize(
    ("value", "moment"),
    [
        ("2024-03-05T10:00:00Z", datetime(2024, 3, 5, 10, tzinfo=UTC)),
        ("2024-03-05 10:00", datetime(2024, 3, 5, 9, tzinfo=UTC)),  # Berlin in winter: UTC+1
        ("2024-07-05 10:00:00.5", datetime(2024, 7, 5, 8, 0, 0, 500_000, tzinfo=UTC)),  # summer: +2
        ("2024-03-05", datetime(2024, 3, 4, 23, tzinfo=UTC)),
        ("2024-03-05T10:00:00.1234567-05:00", datetime(2024, 3, 5, 15, 0, 0, 123_456, tzinfo=UTC)),
        ("2024-03-05T10:00:00.000+0000", datetime(2024, 3, 5, 10, tzinfo=UTC)),
        ("2024-03-05 10:00:00 UTC", datetime(2024, 3, 5, 10, tzinfo=UTC)),
        ("2024-03-05 10:00:00 +0200", datetime(2024, 3, 5, 8, tzinfo=UTC)),
        (date(2024, 3, 5), datetime(2024, 3, 4, 23, tzinfo=UTC)),
        (datetime(2024, 3, 5, 10), datetime(2024, 3, 5, 9, tzinfo=UTC)),  # noqa: DTZ001
        (
            datetime(2024, 3, 5, 10, tzinfo=timezone(timedelta(hours=3))),
            datetime(2024, 3, 5, 7, tzinfo=UTC),
        ),
    ],
)
def test_times_are_read_as_utc(value: object, moment: datetime) -> None:
    assert time_reader(ZoneInfo("Europe/Berlin"), None)(value) == moment


def test_a_date_format_is_the_only_form_then() -> None:
    read = time_reader(UTC, "%d/%m/%Y")
    assert read(" 05/03/2024 ") == datetime(2024, 3, 5, tzinfo=UTC)
    with pytest.raises(NotUsableError, match="expected a time like %d/%m/%Y, found '2024-03-05'"):
        read("2024-03-05")


@pytest.mark.parametrize("value", ["05/03/2024", "yesterday", "2024-13-01", 20240305, 1.5, ["x"]])
def test_no_iso_time(value: object) -> None:
    with pytest.raises(NotUsableError, match="expected an ISO 8601 time, found"):
        time_reader(UTC, None)(value)


def test_a_time_that_utc_cannot_hold() -> None:
    with pytest.raises(NotUsableError, match="between the years 1 and 9999"):
        time_reader(UTC, None)("0001-01-01T00:00:00+05:00")


@given(st.datetimes(datetime(1, 1, 2), datetime(9999, 12, 30)))  # noqa: DTZ001
def test_microseconds_are_exact(moment: datetime) -> None:
    since = microseconds(moment.replace(tzinfo=UTC))
    assert np.int64(since).view("datetime64[us]").item() == moment


def test_long_values_are_cut_in_messages() -> None:
    with pytest.raises(NotUsableError, match="found '" + "x" * 38 + "…$"):
        to_number("x" * 500)
