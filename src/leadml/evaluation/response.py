"""How soon sales follows up, and how leads closed by how soon it did."""

from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from leadml.evaluation.close_rate import close_rate

Bools = NDArray[np.bool_]
Floats = NDArray[np.float64]

HOURS_A_DAY = 24.0
BANDS: tuple[tuple[str, float], ...] = (
    ("within 1 hour", 1.0),
    ("1 to 24 hours", 24.0),
    ("1 to 3 days", 72.0),
    ("3 to 7 days", 168.0),
    ("7 to 14 days", 336.0),
    ("after 14 days", np.inf),
)
"""Name and longest wait in hours, included."""
BANDS_OF_DATES: tuple[tuple[str, float], ...] = (
    ("on the day", 12.0),
    ("1 day later", 36.0),
    ("2 or 3 days later", 84.0),
    ("4 to 7 days later", 180.0),
    ("8 to 14 days later", 348.0),
    ("after 14 days", np.inf),
)
"""The same where times are dates; midnights may be an hour apart when clocks change."""
CAUTION = (
    "a comparison, not a cause: sales calls the most promising leads first, and a lead that closed "
    "before anybody called it has no speed"
)


def waiting_quantile(hours: Floats, seen: Bools, share: float) -> float | None:
    """Return the hours within which this share of all hand-offs is followed up.

    The estimate of Kaplan and Meier (1958, doi:10.1080/01621459.1958.10501452) over every
    hand-off. A lead not followed up yet counts for as long as it has waited; one that closed
    without a follow-up goes on waiting, for it will never get one: leaving it out would make sales
    look faster the more leads it gave up.

    Parameters
    ----------
    hours : float array, shape (leads,)
        From the hand-off to the follow-up, or to the present where there was none; >= 0.
    seen : bool array, shape (leads,)
        Whether it was followed up.
    share : float
        In (0, 1).

    Returns
    -------
    float or None
        None where so many were never followed up within the longest wait seen.

    Examples
    --------
    >>> hours, seen = np.array([1.0, 2.0, 3.0, 9.0]), np.array([True, True, False, True])
    >>> waiting_quantile(hours, seen, 0.5), waiting_quantile(hours, seen, 0.9)
    (2.0, 9.0)
    """
    if not len(hours):
        return None
    times, place = np.unique(hours, return_inverse=True)
    ended = np.bincount(place, seen, minlength=len(times))
    left = np.bincount(place, minlength=len(times))
    at_risk = len(hours) - np.cumsum(left) + left
    waiting = np.cumprod(1 - ended / at_risk)
    reached = np.flatnonzero(waiting <= 1 - share + 1e-12)
    return float(times[reached[0]]) if len(reached) else None


def response_time(hours: Floats, seen: Bools) -> dict[str, Any]:
    """Return the median and the 90 % point of the time to the first follow-up, JSON-ready.

    ``median_hours`` and ``p90_hours`` count every hand-off (`waiting_quantile`), those never
    followed up among them; ``of_followed_up`` only those that were, which looks better.
    """
    median, slowest = (waiting_quantile(hours, seen, share) for share in (0.5, 0.9))
    worked = hours[seen]
    why = {}
    for name, value, words in (
        ("median_hours", median, "half"),
        ("p90_hours", slowest, "nine in ten"),
    ):
        if value is None:
            why[name] = f"fewer than {words} of the hand-offs were ever followed up"
    return {
        "median_hours": median,
        "p90_hours": slowest,
        "leads": len(hours),
        "followed_up": len(worked),
        "of_followed_up": {
            "median_hours": float(np.quantile(worked, 0.5)) if len(worked) else None,
            "p90_hours": float(np.quantile(worked, 0.9)) if len(worked) else None,
            "leads": len(worked),
        },
        "why_null": why,
    }


def by_speed(
    hours: Floats, won: Bools, *, confidence: float, dates: bool = False
) -> list[dict[str, Any]]:
    """Return close rates by how soon leads were followed up, JSON-ready; empty bands left out.

    Parameters
    ----------
    hours : float array, shape (leads,)
        From the hand-off to the follow-up of matured hand-offs that were followed up.
    won : bool array, shape (leads,)
    confidence : float
        Of each one-sided bound.
    dates : bool
        Whether times are dates, so that an hour cannot be told from a day.
    """
    bands: Sequence[tuple[str, float]] = BANDS_OF_DATES if dates else BANDS
    place = np.searchsorted([most for _, most in bands], hours, side="left")
    rows = []
    for number, (name, _) in enumerate(bands):
        inside = place == number
        leads, wins = int(inside.sum()), int(won[inside].sum())
        if leads:
            rate = close_rate(wins, leads, confidence).to_dict()
            rows.append({"speed": name, "leads": leads, "won": wins, "close_rate": rate})
    return rows
