"""Months and midnights of moments in the configured zone."""

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from leadml.data.values import NO_TIME


def months_of(moments: NDArray[np.datetime64], timezone: str) -> NDArray[np.object_]:
    """Return the month of each UTC moment in the zone, such as ``2026-01``; None where unknown."""
    local = pd.Series(pd.DatetimeIndex(moments).tz_localize("UTC").tz_convert(timezone))
    months = local.dt.strftime("%Y-%m").astype(object)
    return months.where(local.notna(), None).to_numpy(dtype=object)


def only_midnights(moments: NDArray[np.int64], timezone: str) -> bool:
    """Tell whether moments (microseconds UTC) are dates: all of them 00:00 in the zone."""
    known = moments[moments != NO_TIME]
    if not len(known):
        return False
    local = pd.DatetimeIndex(known.view("datetime64[us]")).tz_localize("UTC").tz_convert(timezone)
    return bool((local == local.normalize()).all())


def month_starts(first: int, last: int, timezone: str) -> list[tuple[str, int]]:
    """Return name and first moment of every month from one moment's to the one after another's.

    Parameters
    ----------
    first, last : int
        Microseconds UTC, ``first <= last``.

    Examples
    --------
    >>> [name for name, _ in month_starts(0, 31 * 86_400_000_000, "UTC")]
    ['1970-01', '1970-02', '1970-03']
    """
    zone = [pd.Timestamp(end, unit="us", tz="UTC").tz_convert(timezone) for end in (first, last)]
    start, end = (pd.Timestamp(year=at.year, month=at.month, day=1) for at in zone)
    months = pd.date_range(start, end + pd.DateOffset(months=1), freq="MS").tz_localize(
        timezone, nonexistent="shift_forward", ambiguous=True
    )
    return [(month.strftime("%Y-%m"), int(month.value // 1000)) for month in months]
