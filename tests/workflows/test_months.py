import numpy as np
import pandas as pd
import pytest

from leadml.data.values import NO_TIME
from leadml.workflows.months import month_starts, only_midnights


def moments(*times: str) -> np.ndarray:
    return np.array([int(pd.Timestamp(time).value // 1000) for time in times])


@pytest.mark.parametrize(
    ("times", "zone", "dates"),
    [
        (("2026-01-10", "2026-07-10"), "UTC", True),
        (("2026-01-09T23:00", "2026-07-09T22:00"), "Europe/Berlin", True),  # winter and summer
        (("2026-01-10", "2026-07-10"), "Europe/Berlin", False),
        (("2026-01-10", "2026-01-10T00:00:01"), "UTC", False),
        ((), "UTC", False),
    ],
)
def test_dates_are_midnights_of_the_zone(times: tuple[str, ...], zone: str, dates: bool) -> None:
    assert only_midnights(np.append(moments(*times), NO_TIME).astype(np.int64), zone) is dates


def test_months_start_at_midnight_of_the_zone() -> None:
    first, last = moments("2026-01-31T23:30", "2026-04-01")
    found = month_starts(int(first), int(last), "Europe/Berlin")
    # 23:30 UTC on 31 January is February; in April clocks are an hour ahead; May ends April
    assert [name for name, _ in found] == ["2026-02", "2026-03", "2026-04", "2026-05"]
    starts = moments("2026-01-31T23:00", "2026-02-28T23:00", "2026-03-31T22:00", "2026-04-30T22:00")
    assert [start for _, start in found] == starts.tolist()
