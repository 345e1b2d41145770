"""Activities after the outcome, and columns that count them."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.stats import rankdata

from leadml.data.activity_log import ActivityLog
from leadml.data.values import MICROSECONDS_A_DAY, NO_TIME

Numbers = NDArray[np.float64]
Microseconds = NDArray[np.int64]

FEWEST_ACTIVITIES = 20
FEWEST_LEADS = 30
"""Fewest leads with later activities for a column to be held against them."""
NEARLY_ALL = 0.95
"""Share of a kind's activities after the closing from which it belongs to what follows it."""
TRACKS = 0.5
"""Partial rank correlation with later activities from which a column counts them."""
RESEMBLES = 0.3
MOST_LEADS = 4_000
MOST_KINDS = 12


@dataclass(frozen=True)
class AfterClosing:
    """Activities that come after their lead was won or lost.

    Attributes
    ----------
    count, total : int
        Activities after it, and all activities of leads with a closing time.
    kinds : dict
        Kind -> share after it, for kinds that (nearly) only come then.
    """

    count: int
    total: int
    kinds: dict[str, float]


def after_closing(log: ActivityLog, closed: Microseconds) -> AfterClosing:
    """Find activities at or after the closing.

    Parameters
    ----------
    log : ActivityLog
        Activities of the leads.
    closed : int64 array, shape (leads,)
        Microseconds; when each was won or lost, `NO_TIME` where open. Where all are whole days,
        the closing day itself counts as before.
    """
    known = closed[closed != NO_TIME]
    if not len(known) or not len(log):
        return AfterClosing(0, 0, {})
    dates_only = len(np.unique(known % MICROSECONDS_A_DAY)) <= 2  # one per summer and winter time
    limit = closed + (MICROSECONDS_A_DAY if dates_only else 0)
    ended = closed[log.lead] != NO_TIME
    after = ended & (log.at >= limit[log.lead])
    told = log.kind >= 0
    per_kind = np.bincount(log.kind[told], minlength=len(log.kinds))
    late = np.bincount(log.kind[told & after], minlength=len(log.kinds))
    kinds = {
        kind: float(part / whole)
        for kind, part, whole in zip(log.kinds, late, per_kind, strict=True)
        if whole >= FEWEST_ACTIVITIES and part >= NEARLY_ALL * whole
    }
    return AfterClosing(int(after.sum()), int(ended.sum()), kinds)


@dataclass(frozen=True)
class Tracked:
    """What a column follows.

    Attributes
    ----------
    kind : str or None
        Kind of activity; None is all of them.
    correlation : float
        Partial rank correlation with the activities after the moment judged, given those before it
        and the outcome: 0 is what a column known in time has, 1 is a count of them.
    """

    kind: str | None
    correlation: float


class LaterActivity:
    """Counts of each lead's activities before and after the moment it is judged.

    Parameters
    ----------
    log : ActivityLog
        All activities of the leads.
    as_of : int64 array, shape (leads,)
        Microseconds; `NO_TIME` where undated.
    won : int array, shape (leads,)
    """

    def __init__(self, log: ActivityLog, as_of: Microseconds, won: NDArray[np.int8]) -> None:
        self.rows = np.arange(0, len(won), -(-len(won) // MOST_LEADS) or 1)
        self.won = won[self.rows].astype(float)
        known = as_of[log.lead] != NO_TIME
        after = known & (log.at >= as_of[log.lead])
        self.counts: dict[str | None, tuple[Numbers, Numbers]] = {}
        for kind, code in _commonest(log):
            of_kind = known if code is None else known & (log.kind == code)
            later = self._count(log, of_kind & after)
            if int((later > 0).sum()) >= FEWEST_LEADS:
                self.counts[kind] = (self._count(log, of_kind & ~after), later)

    def _count(self, log: ActivityLog, which: NDArray[np.bool_]) -> Numbers:
        most = int(self.rows[-1]) + 1 if len(self.rows) else 0
        return np.bincount(log.lead[which], minlength=most)[self.rows].astype(float)

    def tracked(self, values: Numbers) -> Tracked | None:
        """Return what a column of numbers follows most, None where nothing can be told.

        Parameters
        ----------
        values : float array, shape (leads,)
            NaN where missing.
        """
        values = values[self.rows]
        known = ~np.isnan(values)
        found = [
            Tracked(kind, _partial(values[known], later[known], before[known], self.won[known]))
            for kind, (before, later) in self.counts.items()
            if int((later[known] > 0).sum()) >= FEWEST_LEADS
        ]
        return max(found, key=lambda tracked: tracked.correlation, default=None)


def _commonest(log: ActivityLog) -> list[tuple[str | None, int | None]]:
    sizes = np.bincount(log.kind[log.kind >= 0], minlength=len(log.kinds))
    first = np.argsort(-sizes, kind="stable")[:MOST_KINDS]
    return [(None, None), *((log.kinds[code], int(code)) for code in first)]


def _partial(a: Numbers, b: Numbers, *given: Numbers) -> float:
    """Return the partial rank correlation of `a` and `b` given others; 0 where one is constant."""
    known = np.column_stack([np.ones(len(a)), *(rankdata(values) for values in given)])
    left = [_residual(rankdata(values), known) for values in (a, b)]
    size = np.sqrt((left[0] ** 2).sum() * (left[1] ** 2).sum())
    floor = 1e-6 * len(a) ** 3 / 12
    return float((left[0] * left[1]).sum() / size) if size > floor else 0.0


def _residual(values: Numbers, known: Numbers) -> Numbers:
    fitted, *_ = np.linalg.lstsq(known, values, rcond=None)
    left: Numbers = values - known @ fitted
    return left
