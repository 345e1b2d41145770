"""Drift as numbers: how far later leads have moved from the training leads, and whether by chance.

Everything takes counts and arrays. Small samples move by chance alone, so every distance comes
with what chance would give and with a test.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.stats import binomtest, chi2, hypergeom, norm

from leadml.evaluation.stability import Apart, Counts, grouped, stability_of

Floats = NDArray[np.float64]
Bools = NDArray[np.bool_]

FEWEST_FOR_SLOPE = 10
"""Fewest wins and fewest losses from which a slope is estimated."""
LEVEL = 0.95
"""Of the two-sided intervals."""


@dataclass(frozen=True)
class Movement:
    """How far a distribution has moved.

    Attributes
    ----------
    psi, expected : float
        Population stability index, and what it is on average where nothing has changed: see
        `leadml.evaluation.stability.Stability`.
    p : float
        Chance of such a difference where nothing has changed (Pearson's chi-square test of two
        samples).
    bins : int
        Compared, after sparse ones were put together.
    """

    psi: float
    expected: float
    p: float
    bins: int

    @property
    def excess(self) -> float:
        """How far the index lies above what chance gives."""
        return self.psi - self.expected


def movement(
    reference: Sequence[int],
    new: Sequence[int],
    *,
    apart: Apart = ((), ()),
    ordered: bool = True,
) -> Movement:
    """Compare two samples counted in the same bins; see `leadml.evaluation.stability`.

    Examples
    --------
    >>> movement([50, 50], [50, 50]).psi
    0.0
    """
    counts = grouped(reference, new, apart=apart, ordered=ordered)
    moved = stability_of(counts)
    p = _pearson(counts) if moved.bins > 1 and counts.sum(axis=1).min() else 1.0
    return Movement(moved.psi, moved.expected, p, moved.bins)


def _pearson(counts: Counts) -> float:
    total = counts.sum(axis=1)
    pooled = counts.sum(axis=0) / counts.sum()
    expected = np.outer(total, pooled)
    statistic = float(((counts - expected) ** 2 / expected).sum())
    return float(chi2.sf(statistic, counts.shape[1] - 1))


def rise(reference: tuple[int, int], new: tuple[int, int]) -> float:
    """Return the chance of at least so large a new share where nothing has changed.

    One-sided exact test of Fisher (1935) of two shares, each given as (cases, leads).

    Examples
    --------
    >>> round(rise((0, 4), (2, 2)), 4)  # both cases among 2 of 6 leads: 1 in 15
    0.0667
    """
    cases, leads = reference[0] + new[0], reference[1] + new[1]
    return float(hypergeom.sf(new[0] - 1, leads, cases, new[1]))


def holm(p: Sequence[float]) -> list[float]:
    """Adjust p-values for their number: below a level, all such findings together keep it.

    Step-down procedure of Holm (1979), Scandinavian Journal of Statistics 6, 65-70.

    Examples
    --------
    >>> holm([0.01, 0.04, 0.03])
    [0.03, 0.06, 0.06]
    """
    order = np.argsort(p, kind="stable")
    adjusted = np.empty(len(p))
    worst = 0.0
    for rank, position in enumerate(order):
        worst = max(worst, min(1.0, (len(p) - rank) * p[position]))
        adjusted[position] = worst
    return [float(value) for value in adjusted]


@dataclass(frozen=True)
class Slope:
    """Logistic regression of the outcome on the predicted log-odds.

    Attributes
    ----------
    value : float
        1 is right, below 1 the predictions are too far apart, at 0 they say nothing.
    low, high : float
        Wald interval.
    p : float
        Chance of a slope so far from 1 where it is 1.
    """

    value: float
    low: float
    high: float
    p: float


@dataclass(frozen=True)
class InTheLarge:
    """Calibration of later leads: is the level right, and the slope.

    Attributes
    ----------
    leads, won : int
    observed, expected : float
        Close rate that came, and mean probability.
    low, high : float
        Exact interval of ``observed - expected`` (Clopper and Pearson 1934): wins of leads with
        unlike probabilities vary less than a binomial (Hoeffding 1956), so it is on the wide side.
    p : float
        Chance of such a difference where every probability is right.
    slope : Slope or None
        None with fewer than `FEWEST_FOR_SLOPE` wins or losses, or where all leads score alike.
    """

    leads: int
    won: int
    observed: float
    expected: float
    low: float
    high: float
    p: float
    slope: Slope | None

    @property
    def difference(self) -> float:
        """Observed minus expected close rate: above 0 the model is too low."""
        return self.observed - self.expected

    def to_dict(self) -> dict[str, float | int | None]:
        """Return the JSON-ready form."""
        slope = self.slope
        return {
            "leads": self.leads,
            "won": self.won,
            "observed": self.observed,
            "expected": self.expected,
            "difference": self.difference,
            "low": self.low,
            "high": self.high,
            "p": self.p,
            "slope": None if slope is None else slope.value,
            "slope_low": None if slope is None else slope.low,
            "slope_high": None if slope is None else slope.high,
            "slope_p": None if slope is None else slope.p,
        }


def in_the_large(won: Bools, log_odds: Floats) -> InTheLarge:
    """Hold outcomes against predicted log-odds.

    Parameters
    ----------
    won : bool array, shape (leads,)
        At least one lead.
    log_odds : float array, shape (leads,)
        Calibrated predictions for leads the model has not learnt from.
    """
    leads, wins = len(won), int(won.sum())
    expected = float((1 / (1 + np.exp(-log_odds))).mean())
    test = binomtest(wins, leads, expected)
    interval = test.proportion_ci(LEVEL, method="exact")
    return InTheLarge(
        leads,
        wins,
        wins / leads,
        expected,
        float(interval.low) - expected,
        float(interval.high) - expected,
        float(test.pvalue),
        calibration_slope(won, log_odds),
    )


def calibration_slope(won: Bools, log_odds: Floats) -> Slope | None:
    """Fit the slope by maximum likelihood (Newton); None where there is too little to fit it.

    Cox, D. R. (1958), doi:10.1093/biomet/45.3-4.562. Tested against 1 by the likelihood ratio.
    """
    if min(won.sum(), (~won).sum()) < FEWEST_FOR_SLOPE or np.ptp(log_odds) == 0:
        return None
    centred = log_odds - log_odds.mean()
    free, error = _fit(won, np.zeros_like(centred), np.stack([np.ones_like(centred), centred]))
    fixed, _ = _fit(won, centred, np.ones((1, len(centred))))
    ratio = 2 * (_loss(won, centred + fixed[0]) - _loss(won, free[0] + free[1] * centred))
    reach = float(norm.ppf((1 + LEVEL) / 2)) * float(error[1])
    slope = float(free[1])
    return Slope(slope, slope - reach, slope + reach, float(chi2.sf(max(ratio, 0.0), 1)))


def _loss(won: Bools, z: Floats) -> float:
    return float((np.logaddexp(0, z) - won * z).sum())


def _fit(won: Bools, offset: Floats, design: Floats) -> tuple[Floats, Floats]:
    """Return the coefficients of a logistic regression with an offset, and standard errors."""
    weights = np.zeros(len(design))
    for _ in range(50):
        p = 1 / (1 + np.exp(-(offset + weights @ design)))
        information = (design * (p * (1 - p))) @ design.T + 1e-9 * np.eye(len(design))
        step = np.linalg.solve(information, design @ (won - p))
        weights = weights + np.clip(step, -1, 1)
        if np.abs(step).max() < 1e-9:
            break
    return weights, np.sqrt(np.diag(np.linalg.inv(information)))


def fallen(reference: tuple[float, int, int], new: tuple[float, int, int]) -> float:
    """Return the chance of so much lower an AUC where the ranking is as good as it was.

    One-sided; each side is (AUC, wins, losses), with the standard errors of Hanley and McNeil
    (1982), doi:10.1148/radiology.143.1.7063747.
    """
    error = np.hypot(_auc_error(*reference), _auc_error(*new))
    return float(norm.cdf((new[0] - reference[0]) / error)) if error > 0 else 1.0


def _auc_error(auc: float, won: int, lost: int) -> float:
    both_won, both_lost = auc / (2 - auc), 2 * auc**2 / (1 + auc)
    spread = (won - 1) * (both_won - auc**2) + (lost - 1) * (both_lost - auc**2)
    return float(np.sqrt(max(auc * (1 - auc) + spread, 0.0) / (won * lost)))
