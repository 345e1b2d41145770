"""Bounds for a close rate, and for a mean, that hold however often, and whenever, one looks.

Each unit (a lead, in order of hand-off) has a chance of being won given those before it. Claims
concern the running average of these chances, which may drift. With ``S`` wins among ``n`` units and
any ``step > 0``, ``exp(step * S - sum of log(1 - p + p * exp(step)))`` is a martingale of mean 1;
as the logarithm is concave in ``p``, putting the running average ``q`` in place of each ``p`` can
only lower it. Mixed over steps with fixed weights, it exceeds ``1 / a`` at any time with a chance
of at most ``a`` (Ville 1939; Robbins 1970, doi:10.1214/aoms/1177696786), so the averages at which
it does are ruled out, at every look at once (Howard, Ramdas, McAuliffe & Sekhon 2021,
doi:10.1214/20-AOS1991). docs/method.md has the derivation.
"""

from dataclasses import dataclass
from functools import lru_cache

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy.special import expit, logit
from scipy.stats import beta

Numbers = NDArray[np.float64]

PRIOR_UNITS = 30
"""Units that the mixture is worth: fewer find large differences sooner, more find small ones; what
it costs is measured by tests/benchmarks/watched_verdict.py."""
STEPS = 160
SMALLEST_STEP = 1e-4
FARTHEST = 1e-9
"""Share of the mixture beyond its largest step."""
HALVINGS = 45
FARTHEST_LOG_ODDS = 40.0


@dataclass(frozen=True)
class Mixture:
    """Weighted alternatives to a rate, as steps up in log-odds; arrays of shape (steps,)."""

    steps: Numbers
    log_weights: Numbers

    def evidence(self, won: ArrayLike, units: ArrayLike, rate: ArrayLike) -> Numbers:
        """Return the log of how far outcomes speak against a running average of at most `rate`.

        Above ``log(1 / a)`` it comes, ever, with a chance of at most ``a`` while that average is at
        most `rate`. Falls as `rate` rises.

        Parameters
        ----------
        won, units : float array
            ``0 <= won <= units``; broadcast against each other and `rate`.
        rate : float array
            In (0, 1).
        """
        wins, n, q = (np.asarray(values, float)[..., None] for values in (won, units, rate))
        growth = self.steps * wins - n * np.log1p(q * np.expm1(self.steps)) + self.log_weights
        largest = growth.max(axis=-1)
        total: Numbers = largest + np.log(np.exp(growth - largest[..., None]).sum(axis=-1))
        return total


@lru_cache(maxsize=256)
def mixture(rate: float, prior_units: float = PRIOR_UNITS) -> Mixture:
    """Return the alternatives above `rate`: a beta distribution around it, its upper part.

    At `rate` itself the evidence is that of the one-sided beta-binomial mixture with
    ``prior_units * rate`` and ``prior_units * (1 - rate)``, within 1 %. Elsewhere the same
    steps in log-odds are kept: only a mixture that does not depend on the average it judges bounds
    one that drifts. A finite mixture is as valid as a continuous one.

    Parameters
    ----------
    rate : float
        The agreed rate, in (0, 1); fixed before any outcome is seen.
    prior_units : float
        Units that the distribution is worth.
    """
    a, b = prior_units * rate, prior_units * (1 - rate)
    farthest = logit(beta.isf(FARTHEST * beta.sf(rate, a, b), a, b)) - logit(rate)
    edges = np.geomspace(SMALLEST_STEP, min(farthest, FARTHEST_LOG_ODDS), STEPS)
    beyond = beta.sf(expit(logit(rate) + np.concatenate([[0.0], edges])), a, b)
    steps = np.concatenate([[edges[0] / 2], np.sqrt(edges[:-1] * edges[1:])])
    weights = beyond[:-1] - beyond[1:]
    some = weights > 0
    return Mixture(steps[some], np.log(weights[some] / weights.sum()))


def lower_bounds(won: ArrayLike, units: ArrayLike, *, rate: float, confidence: float) -> Numbers:
    """Return bounds above which the running average lies at every look, with the confidence.

    Parameters
    ----------
    won, units : float array, shape (looks,)
        Wins among the first units; at least one unit.
    rate : float
        The agreed rate, near which the bounds are tightest.
    confidence : float
        In (0, 1), for all looks together and this side alone.

    Returns
    -------
    array, shape (looks,)
        In [0, won / units]; 0 where even the smallest rate is not ruled out.
    """
    wins, n = np.broadcast_arrays(np.asarray(won, float), np.asarray(units, float))
    against, enough = mixture(rate), -np.log1p(-confidence)
    low = np.full(wins.shape, -FARTHEST_LOG_ODDS)
    high = np.clip(logit(wins / n), -FARTHEST_LOG_ODDS, FARTHEST_LOG_ODDS)
    unbounded = against.evidence(wins, n, expit(low)) < enough
    for _ in range(HALVINGS):
        middle = (low + high) / 2
        ruled_out = against.evidence(wins, n, expit(middle)) >= enough
        low, high = np.where(ruled_out, middle, low), np.where(ruled_out, high, middle)
    return np.where(unbounded, 0.0, expit(low))


def upper_bounds(won: ArrayLike, units: ArrayLike, *, rate: float, confidence: float) -> Numbers:
    """Return bounds below which the running average lies at every look, with the confidence.

    The mirror image of `lower_bounds`: units not won, against one minus the agreed rate.
    """
    not_won = np.asarray(units, float) - np.asarray(won, float)
    mirrored: Numbers = 1 - lower_bounds(not_won, units, rate=1 - rate, confidence=confidence)
    return mirrored


def wins_to_meet(units: ArrayLike, *, rate: float, confidence: float) -> NDArray[np.int64]:
    """Return the fewest wins among so many units that prove the agreed rate; more than all if none.

    Parameters
    ----------
    units : int array, shape (looks,)

    Returns
    -------
    int array, shape (looks,)
        ``units + 1`` where not even all wins would do.
    """
    n = np.asarray(units, np.int64)
    against, enough = mixture(rate), -np.log1p(-confidence)
    low, high = np.full(n.shape, -1), n + 1
    while (high - low > 1).any():
        middle = (low + high) // 2
        proves = (against.evidence(middle, n, rate) >= enough) & (high - low > 1)
        low = np.where(~proves & (high - low > 1), middle, low)
        high = np.where(proves, middle, high)
    return high


def units_to_decide(share_won: float, *, rate: float, confidence: float, most: int) -> int | None:
    """Return from how many units on a steady share of wins shows on which side of the rate it lies.

    On a straight line of wins the log evidence is convex in the number of units and starts at 0: it
    passes the bar at most once, for good.

    Parameters
    ----------
    share_won : float
        In [0, 1].
    most : int
        Beyond so many units the answer is None, as it is for a share equal to the rate.
    """
    if share_won < rate:
        share_won, rate = 1 - share_won, 1 - rate
    against, enough = mixture(rate), -np.log1p(-confidence)

    def shown(units: int) -> bool:
        return bool(against.evidence(share_won * units, units, rate) >= enough)

    if not shown(most):
        return None
    low, high = 0, most
    while high - low > 1:
        middle = (low + high) // 2
        low, high = (low, middle) if shown(middle) else (middle, high)
    return high


UNITS_OF_ERROR = 200
"""Units at which the mean of measured values is bounded most tightly, about; measured by
tests/benchmarks/shadow_looks.py."""


def errors_apart(units: float, confidence: float) -> float:
    """Return how many standard errors a mean may lie off, at every look at once.

    The asymptotic confidence sequence of the normal mixture (Robbins 1970; Waudby-Smith, Arbour,
    Sinha, Kennedy & Ramdas 2024, doi:10.1214/24-AOS2408): 3.7 errors at 200 units, 3.0 at 2,000,
    3.2 at 10,000 for 95 %, and wide where units are few.

    Parameters
    ----------
    units : float
        Above 0; the effective number where they weigh differently.
    confidence : float
        In (0, 1), of the two-sided interval.
    """
    more = 1 + UNITS_OF_ERROR / units
    grown = np.log1p(units / UNITS_OF_ERROR) - 2 * np.log1p(-confidence)
    return float(np.sqrt(more * grown))


def chance_at_every_look(apart: float, units: float) -> float:
    """Return the smallest error level at which `errors_apart` is below so many errors.

    Below ``a`` it falls, ever, with a chance of about ``a`` at most.
    """
    more = 1 + UNITS_OF_ERROR / units
    return float(min(1.0, np.exp((np.log1p(units / UNITS_OF_ERROR) - apart**2 / more) / 2)))
