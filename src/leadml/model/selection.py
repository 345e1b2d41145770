"""Which candidate serves: out-of-time predictions of each, and the choice among them."""

import time
import warnings
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from joblib import Parallel, delayed
from numpy.typing import NDArray
from threadpoolctl import threadpool_limits

from leadml.model.calibration import Calibration, calibrate_forward, fit_calibration
from leadml.model.candidates import SIMPLEST_FIRST, Fitted, base_rate, blend, boosted, logistic
from leadml.model.scorecard import Machine, probability
from leadml.snapshot.split import Folds

Numbers = NDArray[np.float64]
Outcomes = NDArray[np.int8]
Flags = NDArray[np.bool_]
Rows = NDArray[np.intp]
Progress = Callable[[str, float], None]

CLOSE_ENOUGH = 0.002
"""Relative log loss within which a simpler candidate is preferred (and one standard error)."""
WORKERS = 2
"""Folds fitted at a time, each on one core."""
BLENDED = ("logistic", "additive", "full")


@dataclass(frozen=True)
class Candidate:
    """How one candidate did.

    Attributes
    ----------
    log_loss : float
        Mean over its out-of-time predictions, each calibrated on other folds only.
    auc : float
        Mean over the folds, weighted by their pairs of a won and a lost lead: folds differ in
        level, and ranking across them would reward or punish that.
    seconds : float
        Fitting time over all folds.
    """

    name: str
    log_loss: float
    auc: float
    seconds: float


@dataclass(frozen=True)
class Selection:
    """The competition's outcome.

    Attributes
    ----------
    candidates : tuple of Candidate
        Simplest first.
    chosen : str
        Name of the winner.
    rows : int array
        Leads with an out-of-time prediction.
    log_odds : float array, shape (leads,)
        The winner's out-of-time predictions before calibration; NaN elsewhere.
    forward : float array, shape (leads,)
        The same, each calibrated on other folds only and at the level known by then: what
        deployment would have said.
    calibration : Calibration
        Fitted on all of `log_odds`.
    """

    candidates: tuple[Candidate, ...]
    chosen: str
    rows: NDArray[np.intp]
    log_odds: Numbers
    forward: Numbers
    calibration: Calibration


def compete(
    x: Numbers,
    y: Outcomes,
    *,
    categorical: Flags,
    folds: Folds,
    seed: int,
    weights: Sequence[Numbers | None] | None = None,
    level: Numbers | None = None,
    progress: Progress = lambda _step, _share: None,
) -> Selection:
    """Predict every fold's test leads with every candidate, and choose.

    Parameters
    ----------
    x : float array, shape (leads, features)
        Oldest lead first where dated.
    y : int array, shape (leads,)
    categorical : bool array, shape (features,)
    folds : Folds
    seed : int
    weights : sequence of float arrays, optional
        For every fold, the weight of each of its training leads; None weighs all alike. Test leads
        always count once.
    level : float array, shape (leads,), optional
        What the chosen rule of the level adds to each test lead's log-odds.
    progress : callable
        Told what is being done and the share done.
    """
    weights = [None] * len(folds) if weights is None else weights
    predicted = {name: np.full(len(y), np.nan) for name in SIMPLEST_FIRST}
    seconds = dict.fromkeys(SIMPLEST_FIRST, 0.0)
    jobs = (
        delayed(_predict)(x[train], y[train], x[test], categorical, folds.ordered, seed, weight)
        for (train, test), weight in zip(folds, weights, strict=True)
    )
    workers = Parallel(min(WORKERS, len(folds)), prefer="threads", return_as="generator")
    # BLAS and warnings have one setting for all threads, which folds must not reset.
    with threadpool_limits(1), quietly():
        for number, ((_, test), found) in enumerate(zip(folds, workers(jobs), strict=True)):
            for name, (log_odds, took) in found.items():
                predicted[name][test] = log_odds
                seconds[name] += took
            progress(f"fold {number + 1} of {len(folds)}", (number + 1) / len(folds))
    tests = [test for _, test in folds]
    rows = np.sort(np.concatenate(tests))
    added = np.zeros(len(y)) if level is None else level
    forward = {
        name: calibrate_forward(values, y, folds) + added for name, values in predicted.items()
    }
    losses = {name: _losses(forward[name][rows], y[rows]) for name in SIMPLEST_FIRST}
    chosen = choose(losses)
    return Selection(
        candidates=tuple(
            Candidate(name, float(losses[name].mean()), _auc(forward[name], y, tests), took)
            for name, took in seconds.items()
        ),
        chosen=chosen,
        rows=rows,
        log_odds=predicted[chosen],
        forward=forward[chosen],
        calibration=fit_calibration(predicted[chosen][rows], y[rows]),
    )


def _predict(
    x: Numbers,
    y: Outcomes,
    x_test: Numbers,
    categorical: Flags,
    newest_last: bool,
    seed: int,
    weight: Numbers | None,
) -> dict[str, tuple[Numbers, float]]:
    """Fit every candidate on one fold; return its test log-odds and the seconds it took."""
    found: dict[str, tuple[Numbers, float]] = {}
    x_test = seen(x_test, x, categorical)
    rest = _Rest(categorical, newest_last, seed, weight)
    for name in SIMPLEST_FIRST[:-1]:
        start = time.perf_counter()
        with threadpool_limits(1):  # OpenMP's limit belongs to the calling thread
            fitted = _fit(name, x, y, rest)
        found[name] = fitted.machine.raw_log_odds(x_test), time.perf_counter() - start
    parts = [found[name] for name in BLENDED]
    blended = np.mean([log_odds for log_odds, _ in parts], axis=0)
    return found | {"blend": (blended, sum(took for _, took in parts))}


def seen(x_test: Numbers, x: Numbers, categorical: Flags) -> Numbers:
    """Make levels that the training part never saw missing, as an unseen text is when serving."""
    seen = x_test.copy()
    for feature in np.flatnonzero(categorical):
        seen[~np.isin(x_test[:, feature], x[:, feature]), feature] = np.nan
    return seen


def fit(
    name: str,
    x: Numbers,
    y: Outcomes,
    *,
    categorical: Flags,
    newest_last: bool,
    seed: int,
    weight: Numbers | None = None,
) -> Fitted:
    """Fit one candidate by name, on one core: threads that wait for each other cost more."""
    with threadpool_limits(1), quietly():
        return _fit(name, x, y, _Rest(categorical, newest_last, seed, weight))


@contextmanager
def quietly() -> Iterator[None]:
    """Let the logistic regression stop before it has converged to the last digit: good enough."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", category=UserWarning)
        yield


@dataclass(frozen=True)
class _Rest:
    """What every candidate is fitted with besides features and outcomes."""

    categorical: Flags
    newest_last: bool
    seed: int
    weight: Numbers | None


def _fit(name: str, x: Numbers, y: Outcomes, rest: _Rest) -> Fitted:
    if name == "base_rate":
        return base_rate(y, weight=rest.weight)
    if name == "logistic":
        return logistic(x, y, categorical=rest.categorical, weight=rest.weight)
    if name == "blend":
        return blend(tuple(_fit(part, x, y, rest) for part in BLENDED))
    return boosted(
        x,
        y,
        categorical=rest.categorical,
        additive=name == "additive",
        newest_last=rest.newest_last,
        seed=rest.seed,
        weight=rest.weight,
    )


def _losses(log_odds: Numbers, y: Outcomes) -> Numbers:
    losses: Numbers = np.logaddexp(0, log_odds) - y * log_odds
    return losses


def _auc(log_odds: Numbers, y: Outcomes, tests: list[Rows]) -> float:
    from sklearn.metrics import roc_auc_score

    pairs = np.array([float(y[test].sum() * (1.0 - y[test]).sum()) for test in tests])
    if not pairs.any():
        return 0.5
    inside = [
        roc_auc_score(y[test], log_odds[test]) if count else 0.5
        for test, count in zip(tests, pairs, strict=True)
    ]
    return float(np.average(inside, weights=pairs))


def choose(losses: Mapping[str, Numbers]) -> str:
    """Return the candidate with the lowest mean loss, or a simpler one that is as good.

    Parameters
    ----------
    losses : mapping of str to float array, shape (leads,)
        Log loss of every lead, by candidate, simplest first.

    Notes
    -----
    A simpler candidate wins when its mean is worse by neither one standard error of the *paired*
    difference nor 0.2 % of the best.
    """
    best = min(losses, key=lambda name: float(losses[name].mean()))
    for name, own in losses.items():
        difference = own - losses[best]
        worse = float(difference.mean())
        error = float(difference.std(ddof=1) / np.sqrt(len(own)))
        if worse <= error and worse <= CLOSE_ENOUGH * float(losses[best].mean()):
            return name
    return best


def finished(
    machine: Machine, x: Numbers, calibration: Calibration, *, most: int = 200_000
) -> Machine:
    """Put the calibration line on a machine and note each feature's mean contribution."""
    step = max(1, len(x) // most)
    center = machine.contributions(x[::step]).mean(axis=0)
    return replace(
        machine,
        slope=calibration.slope,
        intercept=calibration.intercept,
        center=tuple(float(value) for value in center),
    )


def out_of_time(selection: Selection) -> tuple[NDArray[np.intp], Numbers]:
    """Return the leads predicted out of time, and their forward-calibrated probabilities."""
    return selection.rows, probability(selection.forward[selection.rows])


def to_rows(candidates: tuple[Candidate, ...]) -> list[dict[str, Any]]:
    """Return the candidates as JSON-ready rows."""
    return [
        {"name": c.name, "log_loss": c.log_loss, "auc": c.auc, "seconds": round(c.seconds, 3)}
        for c in candidates
    ]
