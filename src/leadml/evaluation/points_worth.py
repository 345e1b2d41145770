"""What the data support for each points rule: a joint fit, and the unit that makes it points.

A table says that log-odds rise by the same amount with every point: log-odds = level + unit ×
points. Its rules' own contributions, fitted jointly, say what each rule goes along with while all
others are held fixed. Dividing by the unit turns that into points.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from leadml.evaluation.ridge import Ridge, fit_ridge

Floats = NDArray[np.float64]
Flags = NDArray[np.bool_]

SPREAD = 1.0
"""Standard deviation, in log-odds, of how far a rule's typical firing departs from the table."""
PASSES = 3
"""Fits, each drawn to the table in the unit that the one before came to."""
AGREED, SMALL = 2.5, 0.2
"""Standard errors, and share of the unit, within which a rule agrees with the others' unit."""


@dataclass(frozen=True, kw_only=True)
class Firing:
    """A table's rules on leads with outcomes.

    Attributes
    ----------
    names : sequence of str
        The rules.
    points : float array, shape (rules,)
        What each gives today, for one firing.
    unit : float array, shape (leads, rules)
        What each gave each lead by its own decay, count and `max_points`, in firings: the
        contribution over the rule's points. Caps of groups are not applied.
    won : bool array, shape (leads,)
    accounts : int array, shape (leads,)
        Leads of one account share a number.
    """

    names: Sequence[str]
    points: Floats
    unit: Floats
    won: Flags
    accounts: NDArray[np.intp]

    @property
    def fires(self) -> NDArray[np.intp]:
        """Leads that each rule fires for."""
        return np.asarray(np.count_nonzero(self.unit, axis=0))

    @property
    def fitted(self) -> Flags:
        """Rules that do not give every lead the same."""
        return np.asarray(np.ptp(self.unit, axis=0) > 0)

    @property
    def typical_points(self) -> float:
        """The median rule's points without their sign, 1 where all are 0."""
        given = np.abs(self.points[self.points != 0])
        return float(np.median(given)) if len(given) else 1.0

    @property
    def size(self) -> Floats:
        """Mean firings of each rule where it fires, 1 where it never does."""
        total = self.unit.sum(axis=0)
        return np.where(self.fires > 0, total / np.maximum(self.fires, 1), 1.0)

    def take(self, rows: NDArray[np.intp] | Flags) -> "Firing":
        """Return some of the leads."""
        return Firing(
            names=self.names,
            points=self.points,
            unit=self.unit[rows],
            won=self.won[rows],
            accounts=self.accounts[rows],
        )


@dataclass(frozen=True)
class Worth:
    """The joint fit.

    Attributes
    ----------
    log_odds : float array, shape (rules,)
        Of one firing, all other rules held fixed; NaN for rules that were not fitted.
    error : float array, shape (rules,)
        Standard error if leads were independent, allowing for what the penalty hides.
    unit : float
        Log-odds of one point, above 0.
    basis : {"rules", "spread"}
        Whether the unit is the one under which most rules are right, or, where the points say too
        little of who wins, the one that leaves the table's spread as it was.
    line : Ridge
        The fit of the rules that were fitted.
    """

    log_odds: Floats
    error: Floats
    unit: float
    basis: str
    line: Ridge

    @property
    def supported(self) -> Floats:
        """Points of one firing that the data support, shape (rules,)."""
        return self.log_odds / self.unit


def fit_worth(
    firing: Firing, *, towards: Floats | None = None, spread: float = SPREAD, unit: float = 0.0
) -> Worth:
    """Fit all rules jointly and read the unit off them.

    Parameters
    ----------
    firing : Firing
        With won and lost leads, and at least one rule that does not give every lead the same.
    towards : float array, shape (rules,), optional
        Log-odds of one firing that each rule is drawn to; default: today's points in the unit.
    spread : float
        Standard deviation of the prior, in log-odds of a typical firing.
    unit : float
        Log-odds of a point where it is known; 0 reads it off the rules.

    Notes
    -----
    The slope of log-odds on the total would be pulled down by every inflated or reversed rule and
    make the right ones look too low. `units_of` leaves the majority right.
    """
    kept = firing.fitted
    x, points, y = firing.unit[:, kept], firing.points[kept], firing.won.astype(float)
    prior = spread / firing.size[kept]
    now = unit or _slope_on_total(x @ points, y)
    for _ in range(1 if towards is not None else PASSES):
        centre = max(now, 0.0) * points if towards is None else towards[kept]
        line = fit_ridge(x, y, centre=centre, spread=prior)
        error = np.sqrt(np.diag(np.linalg.pinv(line.curvature))[1:])
        now = unit or unit_of(line.coef, points, error)
    basis = "rules"
    if now <= 0:
        now, basis = spread_unit(line, x, points), "spread"
    return Worth(_spread_out(line.coef, kept), _spread_out(error, kept), now, basis, line)


def _slope_on_total(total: Floats, y: Floats) -> float:
    scale = float(total.std())
    if scale == 0:
        return 0.0
    line = fit_ridge((total / scale)[:, None], y, spread=10.0)
    return float(line.coef[0]) / scale


def _spread_out(values: Floats, kept: Flags) -> Floats:
    whole = np.full(len(kept), np.nan)
    whole[kept] = values
    return whole


def unit_of(log_odds: Floats, points: Floats, error: Floats) -> float:
    """Return log-odds a point of one fit, shapes (rules,); see `units_of`."""
    return float(units_of(log_odds[None, :], points, error)[0])


def units_of(log_odds: Floats, points: Floats, error: Floats) -> Floats:
    """Return log-odds a point of many fits, shape (fits,); 0 where all rules give 0 points.

    Starts from the weighted median over the rules of log-odds a point, weighted by precision, a
    rule's points counting at most as much as the median rule's; then takes the mean, weighted by
    the squares, of the rules that agree with it: within `AGREED` standard errors or `SMALL` of it.
    Where those are the lesser part it stays with the median.

    Parameters
    ----------
    log_odds : float array, shape (fits, rules)
    points, error : float arrays, shape (rules,)
    """
    used = points != 0
    if not used.any():
        return np.zeros(len(log_odds))
    size, ratio = np.abs(points[used]), log_odds[:, used] / points[used]
    weight = np.minimum(size, np.median(size)) / error[used]
    middle = _weighted_medians(ratio, weight)[:, None]
    near = np.abs(ratio - middle) <= np.maximum(AGREED * error[used] / size, SMALL * middle)
    own = near * weight**2
    mean = (own * ratio).sum(axis=1) / np.maximum(own.sum(axis=1), np.finfo(float).tiny)
    most = near @ weight >= weight.sum() / 2
    return np.where(most, mean, middle[:, 0])


def _weighted_medians(values: Floats, weight: Floats) -> Floats:
    """Return the lower weighted median of each row."""
    order = np.argsort(values, axis=1)
    sums = np.cumsum(weight[order], axis=1)
    middle = np.argmax(sums >= sums[:, -1:] / 2, axis=1)
    return np.take_along_axis(values, np.take_along_axis(order, middle[:, None], 1), 1)[:, 0]


def spread_unit(line: Ridge, x: Floats, points: Floats) -> float:
    """Return the unit under which the fitted table has the spread of today's, noise taken off."""
    covariance = np.atleast_2d(np.cov(x, rowvar=False))
    noise = float(np.trace(covariance @ np.linalg.pinv(line.curvature)[1:, 1:]))
    told = float((x @ line.coef).var())
    today = float((x @ points).std())
    return float(np.sqrt(max(told - noise, told / 10, 1e-12)) / today) if today > 0 else 1.0
