"""How well one column alone tells won from lost leads, measured on leads it was not learnt from."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.stats import norm

Numbers = NDArray[np.float64]
Outcomes = NDArray[np.int8]
Rows = NDArray[np.intp]

BINS = 20
"""Most groups a column of numbers is cut into."""
PRIOR_LEADS = 10
"""Leads at the overall win rate that every group is padded with, so that small ones say little."""
FEWEST_OF_EACH = 5
"""Fewest won and fewest lost leads on either side; fewer tell nothing."""
STANDARD_ERRORS = 2.0
"""How far below the measured value the cautious one lies."""


@dataclass(frozen=True)
class Separation:
    """How well a column alone ranks won above lost leads.

    Attributes
    ----------
    auc : float
        Higher is better, from 0 to 1, 0.5 is chance: the share of pairs of a won and a lost lead
        in which the won one has the value that won more often before. Only leads with a value are
        compared, so a value's mere absence tells nothing here. It cannot tell whether the column
        was known in time.
    error : float
        Standard error of `auc` (Hanley & McNeil 1982, doi:10.1148/radiology.143.1.7063747).
    """

    auc: float
    error: float

    @property
    def low(self) -> float:
        """The cautious value: two standard errors lower."""
        return self.auc - STANDARD_ERRORS * self.error

    @property
    def distance(self) -> float:
        """Distance between won and lost leads in standard deviations (binormal), >= 0."""
        return distance_of(self.auc)


CHANCE = Separation(0.5, 0.0)


def distance_of(auc: float) -> float:
    """Return how many standard deviations two normal groups with this `auc` lie apart, >= 0."""
    return float(np.sqrt(2.0) * norm.ppf(np.clip(auc, 0.5, 1 - 1e-9)))


@dataclass(frozen=True)
class Halves:
    """Where columns are learnt and where they are measured: pairs of row positions."""

    pairs: tuple[tuple[Rows, Rows], ...]

    @classmethod
    def of(cls, leads: int, *, dated: bool, seed: int) -> "Halves":
        """Learn on the older half and measure on the newer; undated, both ways on random halves."""
        if dated:
            cut = leads // 2
            return cls(((np.arange(cut), np.arange(cut, leads)),))
        drawn = np.random.default_rng(seed).permutation(leads)
        first, second = np.sort(drawn[: leads // 2]), np.sort(drawn[leads // 2 :])
        return cls(((first, second), (second, first)))


def separation(
    values: Numbers, won: Outcomes, halves: Halves, *, categorical: bool = False
) -> Separation:
    """Measure one column.

    Parameters
    ----------
    values : float array, shape (leads,)
        NaN where missing; codes of levels where `categorical`.
    won : int array, shape (leads,)
        0 or 1.
    halves : Halves
        Where to learn and where to measure.

    Returns
    -------
    separation : Separation
        `CHANCE` where either side holds too few won or lost leads with a value.
    """
    found = []
    for learn, measure in halves.pairs:
        group, new_group = groups_of(values[learn], values[measure], categorical=categorical)
        score = win_rates(group, won[learn])
        found.append(_auc(score, new_group, won[measure], _enough(group, won[learn])))
    known = [auc for auc in found if auc is not None]
    if len(known) < len(found):
        return CHANCE
    auc = float(np.mean([a for a, _ in known]))
    error = float(np.sqrt(np.sum([e**2 for _, e in known])) / len(known))
    return Separation(auc, error)


def groups_of(
    values: Numbers, others: Numbers, *, categorical: bool, most: int = BINS
) -> tuple[Rows, Rows]:
    """Group values, and other values alike: levels as they are, numbers by quantiles of the first.

    Returns
    -------
    group, other_group : int arrays
        0 where missing or a level unknown to the first, else from 1.
    """
    present = values[~np.isnan(values)]
    levels = np.unique(present)
    if categorical:
        return _levels(values, levels), _levels(others, levels)
    if len(levels) > most:
        cuts = np.linspace(0, 1, most + 1)[1:-1]
        levels = np.unique(np.quantile(present, cuts, method="lower"))
    return _intervals(values, levels), _intervals(others, levels)


def _levels(values: Numbers, levels: Numbers) -> Rows:
    if len(levels) == 0:
        return np.zeros(len(values), np.intp)
    place = np.minimum(np.searchsorted(levels, values), len(levels) - 1)
    return np.where(levels[place] == values, place + 1, 0).astype(np.intp)


def _intervals(values: Numbers, cuts: Numbers) -> Rows:
    place = np.searchsorted(cuts, values, side="left") + 1
    return np.where(np.isnan(values), 0, place).astype(np.intp)


def win_rates(group: Rows, won: Outcomes) -> Numbers:
    """Return the win rate of each group, small groups drawn to the rate of leads with a value."""
    used = group > 0
    base = float(won[used].mean()) if used.any() else 0.0
    leads = np.bincount(group, minlength=1)
    wins = np.bincount(group, weights=won, minlength=1)
    rates: Numbers = (wins + PRIOR_LEADS * base) / (leads + PRIOR_LEADS)
    rates[0] = base
    return rates


def _enough(group: Rows, won: Outcomes) -> bool:
    wins, leads = int(won[group > 0].sum()), int((group > 0).sum())
    return min(wins, leads - wins) >= FEWEST_OF_EACH


def _auc(score: Numbers, group: Rows, won: Outcomes, learnt: bool) -> tuple[float, float] | None:
    if not learnt or not _enough(group, won):
        return None
    most = max(len(score), int(group.max()) + 1)
    score = np.concatenate([score, np.full(most - len(score), score[0])])
    wins = np.bincount(group[group > 0], weights=won[group > 0], minlength=most)
    leads = np.bincount(group[group > 0], minlength=most)
    _, rank = np.unique(score, return_inverse=True)
    wins, leads = np.bincount(rank, weights=wins), np.bincount(rank, weights=leads)
    losses = leads - wins
    below = np.cumsum(losses) - losses
    auc = float((wins * (below + losses / 2)).sum() / (wins.sum() * losses.sum()))
    return auc, _error(auc, wins.sum(), losses.sum())


def _error(auc: float, wins: float, losses: float) -> float:
    both_won = auc / (2 - auc) - auc**2
    both_lost = 2 * auc**2 / (1 + auc) - auc**2
    spread = auc * (1 - auc) + (wins - 1) * both_won + (losses - 1) * both_lost
    # Where all pairs agree the formula knows no error; one pair of extremes could still differ.
    return float(np.sqrt(max(spread / (wins * losses), 0.25 / (wins * losses))))
