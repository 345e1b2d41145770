"""How soon wins come, where losses end the wait and open leads are only partly seen."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

OPEN, WON, LOST = 0, 1, 2

Floats = NDArray[np.float64]


@dataclass(frozen=True)
class Incidence:
    """Share of leads won by each day; arrays of shape (distinct days with a win,).

    Attributes
    ----------
    days : float array
        Days since the lead was judged, ascending.
    share : float array
        Share of all leads that is won by then, in [0, 1].
    at_risk : int array
        Leads still neither won, lost nor out of sight just before that day.
    """

    days: Floats
    share: Floats
    at_risk: NDArray[np.int64]


def cumulative_incidence(days: Floats, ending: NDArray[np.int8]) -> Incidence:
    """Estimate the share of leads won by each day (Aalen-Johansen), in [0, 1]; not a rate of sales.

    A lost lead can no longer be won: losses compete with wins. Counting them as merely out of
    sight (Kaplan-Meier of the wins) would estimate how soon wins would come if nobody ever lost,
    which is too late; taking only the wins seen so far is too early, for the slow ones among the
    newest leads are still to come.

    Parameters
    ----------
    days : float array, shape (leads,)
        Days from the moment judged to the close, or to the end of what was seen; >= 0.
    ending : int8 array, shape (leads,)
        `WON`, `LOST`, or `OPEN` (still open at the end).

    References
    ----------
    Aalen, Johansen (1978), An empirical transition matrix for non-homogeneous Markov chains based
    on censored observations, Scandinavian Journal of Statistics 5, 141-150.
    """
    times, place = np.unique(days, return_inverse=True)
    ended, won = (np.zeros(len(times), np.int64) for _ in range(2))
    np.add.at(ended, place[ending != OPEN], 1)
    np.add.at(won, place[ending == WON], 1)
    seen = np.bincount(place, minlength=len(times))
    at_risk = len(days) - np.cumsum(seen) + seen
    unended = np.cumprod(1.0 - ended / at_risk)
    before = np.concatenate(([1.0], unended[:-1]))
    share = np.cumsum(before * won / at_risk)
    with_win = won > 0
    return Incidence(times[with_win], share[with_win], at_risk[with_win])


def days_until(incidence: Incidence, share: float, *, fewest_at_risk: int) -> float | None:
    """Return the day by which `share` of the wins to be had have come; None without a win.

    The wins to be had are those up to the last day with `fewest_at_risk` leads still at risk: the
    steps of the curve beyond it rest on a handful of leads.
    """
    solid = incidence.at_risk >= fewest_at_risk
    if not solid.any():
        return None
    days, won = incidence.days[solid], incidence.share[solid]
    return float(days[np.searchsorted(won, share * won[-1])])
