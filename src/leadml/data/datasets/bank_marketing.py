"""UCI Bank Marketing: phone leads of a Portuguese bank, dated from the order of the rows."""

from collections.abc import Iterable, Iterator
from datetime import date, timedelta
from itertools import groupby
from pathlib import Path

from leadml.data.datasets.prepared import Prepared, read_published, row_ids
from leadml.errors import DataError

FIRST_YEAR, LAST_YEAR = 2008, 2010
MONTHS = ("jan", "feb", "mar", "apr", "may", "jun", "jul", "aug", "sep", "oct", "nov", "dec")
WEEKDAYS = ("mon", "tue", "wed", "thu", "fri", "sat", "sun")

DEFINITION = """\
# UCI Bank Marketing: did the customer subscribe to a term deposit when the bank called?
# The file gives month and weekday in time order; created_at is the first date that fits them.
# duration is known only after the call: the leakage audit finds that and leaves it out.

[leads]
id = "lead_id"
outcome = "y"
won = ["yes"]
lost = ["no"]
created_at = "created_at"
timezone = "Europe/Lisbon"
source = "contact"

[sales_ready]
version = "bank-marketing"
close_rate = 0.30
horizon_days = 90              # every outcome is final: no closing time is recorded

# The points are leadml's illustration; the bank published none.
[points]
threshold = 50

[points.buckets]
A = 80
B = 50
C = 25

[[points.rules]]
name = "bought in an earlier campaign"
group = "behaviour"
points = 50
column = "poutcome"
equals = "success"

[[points.rules]]
name = "reached before"
group = "behaviour"
points = 10
column = "previous"
at_least = 1

[[points.rules]]
name = "mobile number known"
group = "fit"
points = 20
column = "contact"
equals = "cellular"

[[points.rules]]
name = "student or pensioner"
group = "fit"
points = 25
column = "job"
in = ["student", "retired"]

[[points.rules]]
name = "no credit in default"
group = "fit"
points = 10
column = "default"
equals = "no"

[[points.rules]]
name = "called often already"
group = "behaviour"
points = -15
column = "campaign"
at_least = 5
"""


def prepare_bank_marketing(path: Path) -> Prepared:
    """Turn ``bank-additional-full.csv`` into dated leads; see `dates_in_order`."""
    columns = ("month", "day_of_week", "duration", "contact", "y")
    leads = read_published(path, delimiter=";", columns=columns)
    try:
        dates = list(dates_in_order(zip(leads["month"], leads["day_of_week"], strict=True)))
    except ValueError as error:
        msg = f"{path}: {error}; the published file is in time order from May 2008"
        raise DataError(msg) from None
    leads.insert(0, "lead_id", row_ids("B", len(leads)))
    leads.insert(1, "created_at", [day.isoformat() for day in dates])
    return Prepared(leads=leads, definition=DEFINITION)


def dates_in_order(calls: Iterable[tuple[str, str]]) -> Iterator[date]:
    """Yield the date of each call, given only month and weekday, in time order.

    A month that comes before the one above it starts a new year; calls in a row with one month
    and weekday are one day's, and each day is the first one after the day above it that fits.
    (Found so, the bank's days off are Portugal's holidays.)

    Raises
    ------
    ValueError
        If no date fits: the calls are not in time order.
    """
    day, year, month = date(FIRST_YEAR, 1, 1), FIRST_YEAR, 0
    for (month_name, weekday_name), group in groupby(calls):
        number = _place(MONTHS, month_name, "month") + 1
        if number != month:
            year += number < month
            month = number
            day = date(year, month, 1)
        day += timedelta(days=(_place(WEEKDAYS, weekday_name, "day_of_week") - day.weekday()) % 7)
        if (day.year, day.month) != (year, month) or year > LAST_YEAR:
            msg = f"no {weekday_name} is left in {month_name} {year}: the rows are not in order"
            raise ValueError(msg)
        for _ in group:
            yield day
        day += timedelta(days=1)


def _place(names: tuple[str, ...], name: str, column: str) -> int:
    if name not in names:
        msg = f"column {column}: expected one of {', '.join(names)}, found {name!r}"
        raise ValueError(msg)
    return names.index(name)
