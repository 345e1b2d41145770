"""Bulk closing: many leads closed as lost at one moment, worked or not.

A sales team that clears its pipeline closes hundreds of leads in one action. Such a closing says
nothing of the leads that nobody had worked: it is no outcome.
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from leadml.data.values import MICROSECONDS_A_DAY, NO_TIME

Flags = NDArray[np.bool_]
Microseconds = NDArray[np.int64]

FEWEST_IN_BULK = 20
"""Fewest leads lost at one moment that can be a closing in bulk."""
TIMES_THE_USUAL = 10
"""A bulk holds at least this many times the losses of the median hour (or day) with any."""
FEWEST_USUAL = 10
"""Fewest other hours (or days) with losses from which the usual number is known."""
MOST_WON = 0.1
"""Most wins for each loss of a bulk: more, and it is a date set by a migration."""
AN_HOUR = MICROSECONDS_A_DAY // 24


@dataclass(frozen=True)
class BulkClosing:
    """The losses that came in bulk.

    Attributes
    ----------
    lost_in_bulk : bool array, shape (leads,)
        Lost within half an hour (on the day, where closings are dates) of far more losses than
        usual.
    usual : float
        Losses of the median hour (day) with any; NaN where none is known.
    bulks : tuple of (int, int)
        First moment in microseconds UTC and number of losses of each bulk, largest first.
    """

    lost_in_bulk: Flags
    usual: float
    bulks: tuple[tuple[int, int], ...]


def bulk_closing(closed: Microseconds, *, lost: Flags, won: Flags) -> BulkClosing:
    """Find the moments at which far more leads were lost than usual.

    The rule is relative to the export's own rhythm: a company that always closes on Fridays, or
    whose closing times are all the date of a migration, closes nothing in bulk.

    Parameters
    ----------
    closed : int64 array, shape (leads,)
        Microseconds UTC, `NO_TIME` where not closed.
    lost, won : bool arrays, shape (leads,)
    """
    known = closed != NO_TIME
    dates = only_dates(closed)
    unit, reach = (MICROSECONDS_A_DAY, 0) if dates else (AN_HOUR, AN_HOUR // 2)
    losses = np.sort(closed[known & lost])
    per_unit = np.unique(losses // unit, return_counts=True)[1]
    flags = np.zeros(len(closed), bool)
    if len(per_unit) <= FEWEST_USUAL:
        return BulkClosing(flags, float("nan"), ())
    usual = float(np.median(per_unit))
    near = _within(losses, losses, reach)
    near_won = _within(np.sort(closed[known & won]), losses, reach)
    enough = near >= max(FEWEST_IN_BULK, TIMES_THE_USUAL * usual)
    moments = losses[enough & (near_won <= MOST_WON * near)]
    flags[known & lost] = np.isin(closed[known & lost], moments)
    return BulkClosing(flags, usual, _bulks(moments, unit))


def never_worked(bulk: BulkClosing, *, closed: Microseconds, followed_up: Microseconds) -> Flags:
    """Tell which leads lost in bulk had not been followed up clearly before.

    No follow-up is recorded, or it was stamped by the closing itself: within an hour of it or
    later; on its day or later where times are dates.

    Parameters
    ----------
    closed, followed_up : int64 arrays, shape (leads,)
        Microseconds UTC, `NO_TIME` where unknown.
    """
    missing = followed_up == NO_TIME
    days = only_dates(followed_up) and not only_dates(closed)
    slack = MICROSECONDS_A_DAY if days else AN_HOUR
    stamped = ~missing & (followed_up > closed - slack)
    flags: Flags = bulk.lost_in_bulk & (missing | stamped)
    return flags


def only_dates(moments: Microseconds) -> bool:
    """Tell whether times are dates: midnights of one zone are one time of day UTC, two with DST."""
    known = moments[moments != NO_TIME]
    return len(known) > 0 and len(np.unique(known % MICROSECONDS_A_DAY)) <= 2


def _within(events: Microseconds, moments: Microseconds, reach: int) -> NDArray[np.intp]:
    """Count the events within `reach` of each moment; events come sorted."""
    first = np.searchsorted(events, moments - reach, side="left")
    past = np.searchsorted(events, moments + reach, side="right")
    return np.asarray(past - first)


def _bulks(moments: Microseconds, unit: int) -> tuple[tuple[int, int], ...]:
    """Put moments less than a unit apart together; largest bulk first."""
    starts = np.flatnonzero(np.diff(moments, prepend=np.iinfo(np.int64).min // 2) >= unit)
    sizes = np.diff([*starts, len(moments)])
    found = [(int(moments[s]), int(n)) for s, n in zip(starts, sizes, strict=True)]
    return tuple(sorted(found, key=lambda bulk: -bulk[1]))
