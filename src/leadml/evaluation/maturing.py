"""What to expect of units still maturing, from what units of the same age became."""

import numpy as np
from numpy.typing import NDArray
from scipy.stats import norm

from leadml.evaluation.interval import Interval

Flags = NDArray[np.bool_]
Days = NDArray[np.float64]

FEWEST_MATURED = 20
FEWEST_WINS = 5
"""Entered units, and wins among them, from which a rate is projected."""


def projected(
    entered: tuple[Flags, Days], maturing: tuple[Flags, Days], *, confidence: float
) -> Interval:
    """Return the share of maturing units that will have been won, in [0, 1]; no bound of a claim.

    A unit not yet won has the chance that entered units had which were not yet won at that age:
    the wins still to come are neither forgotten nor taken for granted. The bounds, one-sided each,
    count the luck of the maturing units and that of the entered ones they are projected from
    (delta method), not a change of the times.

    Parameters
    ----------
    entered : (bool array, float array)
        Won, and days from the hand-off to the close (NaN where unknown), shape (entered,).
    maturing : (bool array, float array)
        Won so far, and age in days since the hand-off, shape (maturing,).
    confidence : float
        Of each bound, nearly.

    Returns
    -------
    Interval
        Absent, with the reason, where there is nothing to project or too little to do it from.
    """
    won, days = entered
    already, age = maturing
    if not len(age):
        return Interval.absent("nothing is maturing")
    if len(won) < FEWEST_MATURED or won.sum() < FEWEST_WINS:
        few = f"fewer than {FEWEST_MATURED} entered, or fewer than {FEWEST_WINS} of them were won"
        return Interval.absent(few)
    if np.isnan(days[won]).any():
        return Interval.absent("when leads were won is not known of all")
    chance, pull = _later(np.where(won, days, np.inf), np.sort(age[~already]))
    value = (already.sum() + chance.sum()) / len(age)
    error = np.sqrt((chance * (1 - chance)).sum() + (pull**2).sum()) / len(age)
    reach = float(norm.ppf(confidence) * error)
    certain = already.sum() / len(age)
    return Interval.around(value, max(value - reach, certain), min(value + reach, 1.0))


def _later(days: Days, age: Days) -> tuple[Days, Days]:
    """Return the chance of a win after each age, and how far each entered unit moves their sum.

    Parameters
    ----------
    days : float array, shape (entered,)
        Until the win; infinite where not won.
    age : float array, shape (open,)
        Ascending.
    """
    wins = np.sort(days[np.isfinite(days)])
    by_then = np.searchsorted(wins, age, side="right")
    unwon = len(days) - by_then
    chance = np.divide(len(wins) - by_then, unwon, out=np.zeros(len(age)), where=unwon > 0)
    weight = np.divide(1.0, unwon, out=np.zeros(len(age)), where=unwon > 0)
    younger = np.searchsorted(age, days, side="left")  # open units of an age before that win
    lost = np.concatenate([[0.0], np.cumsum(chance * weight)])[younger]
    gained = np.concatenate([[0.0], np.cumsum(weight)])[younger]
    return chance, np.where(np.isfinite(days), gained, 0.0) - lost
