"""A rolling-origin rehearsal with the logistic regression: how the level moves as time goes on.

The competition's folds are few and late. What drifts is looked at in more and earlier ones, with
one candidate that is quick to fit; a level moves alike for every candidate, since each is right on
average over the leads it learnt from.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from joblib import Parallel, delayed
from numpy.typing import NDArray
from threadpoolctl import threadpool_limits

from leadml.data.values import MICROSECONDS_A_DAY
from leadml.model.calibration import FEWEST_OF_EACH, level_shift
from leadml.model.candidates import logistic
from leadml.model.scorecard import Machine, probability
from leadml.model.search import quietly, seen
from leadml.model.trend import Trend
from leadml.snapshot.censoring import effective_size
from leadml.snapshot.split import Folds

Numbers = NDArray[np.float64]
Outcomes = NDArray[np.int8]
Flags = NDArray[np.bool_]
Moments = NDArray[np.int64]
Rows = NDArray[np.intp]

WORKERS = 2
SHIFT_SPREAD = 0.5
"""Standard deviation, in log-odds, of the normal prior that draws a shift towards 0."""
RATE_SPREAD = 0.7 / 365
"""The same of a rate in log-odds a day: odds that double or halve in a year are nothing special."""


@dataclass(frozen=True)
class Rehearsal:
    """What was said of each test block, and how the level moved in the training parts.

    Attributes
    ----------
    y : int array, shape (leads,)
    folds : Folds
        Dated, oldest first.
    machines : tuple of Machine
        The model of each fold, and last the one of all leads.
    log_odds : float array, shape (leads,)
        Out-of-time predictions; NaN for leads in no test block.
    trends : tuple of Trend
        Of each fold's training part, and last of all leads.
    limits : tuple of int
        Microseconds; the latest moment whose outcome was known, of each fold and last of all.
    """

    y: Outcomes
    folds: Folds
    machines: tuple[Machine, ...]
    log_odds: Numbers
    trends: tuple[Trend, ...]
    limits: tuple[int, ...]

    @property
    def at(self) -> Moments:
        """When each lead is judged, shape (leads,)."""
        return np.empty(0, np.int64) if self.folds.at is None else self.folds.at

    @property
    def tested(self) -> Rows:
        """Leads in a test block."""
        return np.concatenate([np.empty(0, np.intp), *(test for _, test in self.folds)])

    def correction(self, rule: str, limit: int, as_of: Moments) -> Numbers:
        """Return what a rule adds to the log-odds of leads, knowing outcomes up to `limit` only.

        Parameters
        ----------
        rule : {"none", "shift", "trend"}
        limit : int
            Microseconds; outcomes of leads judged later are not known.
        as_of : int64 array, shape (leads,)
            Microseconds; when the leads are judged.
        """
        if rule == "shift":
            return np.full(len(as_of), self.shift_at(limit))
        trend = self.trend_at(limit) if rule == "trend" else None
        return np.zeros(len(as_of)) if trend is None else trend.of(as_of)

    def losses(self, rule: str) -> Numbers:
        """Return the log loss of every tested lead under a rule, in the order of `tested`.

        Times its share of the mean weight, where leads stand for unlike numbers of leads.
        """
        rows = self.tested
        log_odds = (self.log_odds + self.forward(rule, self.folds))[rows]
        losses: Numbers = np.logaddexp(0, log_odds) - self.y[rows] * log_odds
        return self.folds.counted(losses, rows)

    def error(self, gain: Numbers) -> float:
        """Return the standard error of a mean gain: over leads or over test blocks, the larger.

        Leads of one block share what moved meanwhile, which errors over leads do not see. Infinite
        with a single block.

        Parameters
        ----------
        gain : float array, shape (tested leads,)
            Of each, in the order of `tested`.
        """
        by_lead = float(gain.std(ddof=1) / np.sqrt(len(gain)))
        ends = np.cumsum([len(test) for _, test in self.folds])[:-1]
        means = np.array([block.mean() for block in np.split(gain, ends)])
        if len(means) < 2:
            return np.inf
        return max(by_lead, float(means.std(ddof=1) / np.sqrt(len(means))))

    def shift_at(self, limit: int) -> float:
        """Return the shift of the newest known out-of-time predictions, of one window's length."""
        rows = self.tested
        at = self.at[rows]
        rows = rows[(at <= limit) & (at > limit - self.window)]
        own = self.folds.stands_for
        weight = None if own is None else own[rows]
        return shrunk_shift(self.log_odds[rows], self.y[rows], weight)

    def trend_at(self, limit: int) -> Trend | None:
        """Return the trend of the newest training part known by then; None where there is none."""
        number = int(np.searchsorted(self.limits, limit, side="right")) - 1
        return self.trends[number] if number >= 0 else None

    @property
    def window(self) -> int:
        """Microseconds of the newest outcomes: the lag, or a test block's length without one."""
        gap = round(self.folds.gap_days * MICROSECONDS_A_DAY)
        return gap or _longest(self.folds)

    def forward(self, rule: str, folds: Folds) -> Numbers:
        """Return what a rule adds to each test lead of other folds, known when its test began.

        Returns
        -------
        float array, shape (leads,)
            0 for leads in no test block.
        """
        added = np.zeros(len(self.at) if folds.at is None else len(folds.at))
        if folds.at is None or not folds.ordered:
            return added
        for number, (_, test) in enumerate(folds):
            added[test] = self.correction(rule, folds.limit(number), folds.at[test])
        return added


def rehearse(
    x: Numbers,
    y: Outcomes,
    *,
    categorical: Flags,
    folds: Folds,
    weights: Sequence[Numbers | None] | None = None,
) -> Rehearsal:
    """Fit the logistic regression at every origin, and on all leads.

    Parameters
    ----------
    x : float array, shape (leads, features)
    y : int array, shape (leads,)
    categorical : bool array, shape (features,)
    folds : Folds
        Dated, oldest first (`leadml.snapshot.split.origins`).
    weights : sequence of float arrays, optional
        For every fold, the weight of each of its training leads, and last of all leads; None
        weighs all alike.
    """
    everything = np.arange(len(y))
    trains = [*(train for train, _ in folds), everything]
    weights = [None] * len(trains) if weights is None else weights
    jobs = (
        delayed(_fitted)(x[train], y[train], categorical, weight)
        for train, weight in zip(trains, weights, strict=True)
    )
    with threadpool_limits(1), quietly():
        machines = tuple(Parallel(WORKERS, prefer="threads")(jobs))
    log_odds = np.full(len(y), np.nan)
    for machine, (train, test) in zip(machines, folds, strict=False):
        log_odds[test] = machine.raw_log_odds(seen(x[test], x[train], categorical))
    at = folds.at if folds.at is not None else np.zeros(len(y), np.int64)
    limits = (*(folds.limit(number) for number in range(len(folds))), _newest(folds))
    carried = round(folds.gap_days * MICROSECONDS_A_DAY) + _longest(folds)
    trends = tuple(
        trend_of(machine.raw_log_odds(x[train]), y[train], at[train], limit + carried, weight)
        for machine, train, limit, weight in zip(machines, trains, limits, weights, strict=True)
    )
    return Rehearsal(y, folds, machines, log_odds, trends, limits)


def _fitted(x: Numbers, y: Outcomes, categorical: Flags, weight: Numbers | None) -> Machine:
    return logistic(x, y, categorical=categorical, weight=weight).machine


def _newest(folds: Folds) -> int:
    """Return the moment of the newest test lead, microseconds."""
    tests = [int(folds.at[test].max()) for _, test in folds] if folds.at is not None else []
    return max(tests, default=0)


def _longest(folds: Folds) -> int:
    """Return the length of the longest test block, microseconds."""
    if folds.at is None or not len(folds):
        return 0
    return max(int(np.ptp(folds.at[test])) for _, test in folds)


def shrunk_shift(log_odds: Numbers, y: Outcomes, weight: Numbers | None = None) -> float:
    """Return the shift that makes the mean probability the share of wins, shrunk by its error.

    Zero with fewer than `FEWEST_OF_EACH` wins or losses. With weights both are weighted means, and
    the error grows as their effective number falls (Kish 1965).
    """
    if min(y.sum(), len(y) - y.sum()) < FEWEST_OF_EACH:
        return 0.0
    weight = np.ones(len(y)) if weight is None else weight
    shift = level_shift(log_odds, float(np.average(y, weights=weight)), weight)
    p = probability(log_odds + shift)
    told = float(np.average(p * (1 - p), weights=weight)) * effective_size(weight)
    return shrunk(shift, float(1 / np.sqrt(told)), SHIFT_SPREAD)


def shrunk(estimate: float, error: float, spread: float) -> float:
    """Return an estimate drawn towards 0 by its standard error.

    ``estimate * spread^2 / (spread^2 + error^2)``: its mean under a normal prior around 0 of
    standard deviation `spread`, above 0.
    """
    return estimate * spread**2 / (spread**2 + error**2)


def trend_of(
    log_odds: Numbers, y: Outcomes, at: Moments, last: int, weight: Numbers | None = None
) -> Trend:
    """Fit a line in time beside a model's own log-odds, over the leads it learnt from.

    Parameters
    ----------
    log_odds : float array, shape (leads,)
        What the model says of the leads it learnt from.
    y : int array, shape (leads,)
    at : int64 array, shape (leads,)
        Microseconds; when each is judged.
    last : int
        Microseconds; the moment to which the line is carried at most.
    weight : float array, shape (leads,), optional

    Notes
    -----
    ``log-odds = model + a + rate * days`` by Newton's method, days counted from where the leads
    tell most (weights p (1 - p)), so that a is next to nothing and is left to the model. The rate
    is shrunk by its standard error, which holds for weighted leads too (White 1982).
    """
    first = int(at.min())
    weight = np.ones(len(y)) if weight is None else weight
    p = probability(log_odds)
    zero = round(float(np.average(at - first, weights=weight * p * (1 - p) + 1e-12))) + first
    days = (at - zero) / MICROSECONDS_A_DAY
    rate = 0.0
    if min(y.sum(), len(y) - y.sum()) >= FEWEST_OF_EACH and np.ptp(at) > 0:
        rate = shrunk(*_rate(log_odds, y, days, weight), RATE_SPREAD)
    return Trend(rate, zero, first, last)


def _rate(log_odds: Numbers, y: Outcomes, days: Numbers, weight: Numbers) -> tuple[float, float]:
    """Return log-odds a day and its standard error."""
    scale = float(np.abs(days).max())
    design = np.stack([np.ones(len(days)), days / scale], axis=1)
    line = np.zeros(2)
    for _ in range(50):
        p = probability(log_odds + design @ line)
        off = weight * (y - p)
        information = (design.T * (weight * p * (1 - p))) @ design
        step = np.linalg.solve(information + 1e-12 * np.eye(2), design.T @ off)
        line = line + np.clip(step, -1, 1)
        if np.abs(step).max() < 1e-10:
            break
    inverse = np.linalg.inv(information)
    scores = design * off[:, None]
    error = float(np.sqrt((inverse @ scores.T @ scores @ inverse)[1, 1]))
    return float(line[1]) / scale, error / scale
