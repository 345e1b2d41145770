"""Which candidate serves: out-of-time predictions of each, and the choice among them."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from leadml.model.calibration import (
    Calibration,
    calibrate_forward,
    draw_in,
    fit_calibration,
    periods_of,
    share_kept,
)
from leadml.model.candidates import SIMPLEST_FIRST, Fitted, Signs
from leadml.model.compiled import compiled
from leadml.model.scorecard import Machine, probability
from leadml.model.search import (
    Rest,
    Searched,
    Setting,
    Try,
    losses,
    parts_of,
    search,
    without_interactions,
)
from leadml.model.search import fit as search_fit
from leadml.snapshot.split import Folds

Numbers = NDArray[np.float64]
Outcomes = NDArray[np.int8]
Flags = NDArray[np.bool_]
Rows = NDArray[np.intp]
Progress = Callable[[str, float], None]

CLOSE_ENOUGH = 0.002
"""Relative log loss within which a simpler candidate is preferred (and one standard error)."""


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
class Cost:
    """What it costs to let additive candidates alone compete.

    Attributes
    ----------
    candidate : str
        Who would have been chosen among all.
    log_loss : float
        Its mean log loss out of time.
    difference, error : float
        How much higher the log loss of the one chosen is, and the standard error of that.
    """

    candidate: str
    log_loss: float
    difference: float
    error: float


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
        The same, each calibrated on other folds only and at the level known by then, and drawn in
        where outcomes are few: what deployment would have said.
    calibration : Calibration
        Fitted on all of `log_odds`.
    settings : dict
        What the winner was fitted with, by part: itself, or the parts of a blend.
    cost : Cost or None
        Of letting additive candidates alone compete; None where all did.
    tries : dict of tuple of Try
        Out-of-time predictions of every candidate at every setting.
    """

    candidates: tuple[Candidate, ...]
    chosen: str
    rows: NDArray[np.intp]
    log_odds: Numbers
    forward: Numbers
    calibration: Calibration
    settings: Mapping[str, Setting] = field(default_factory=dict)
    cost: Cost | None = None
    tries: Mapping[str, tuple[Try, ...]] = field(default_factory=dict)


def compete(
    x: Numbers,
    y: Outcomes,
    *,
    categorical: Flags,
    folds: Folds,
    seed: int,
    weights: Sequence[Numbers | None] | None = None,
    level: Numbers | None = None,
    monotone: Signs | None = None,
    additive: bool = False,
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
    monotone : int array, shape (features,), optional
        1 where the log-odds must not fall as a feature rises, -1 where they must not rise, else 0.
    additive : bool
        Choose among candidates without interactions alone; all are measured, to tell the cost.
    progress : callable
        Told what is being done and the share done.
    """
    rest = Rest(categorical, folds.ordered, seed, monotone=monotone)
    free = search(x, y, rest, folds=folds, weights=weights, progress=progress)
    found = without_interactions(free, y, folds) if additive else free
    predicted = found.log_odds
    tests = [test for _, test in folds]
    rows = np.sort(np.concatenate(tests))
    added = np.zeros(len(y)) if level is None else level
    forward = _forward(found, y, folds, rows, added)
    loss = _losses(forward, y, folds, rows)
    chosen = choose(loss)
    return Selection(
        candidates=tuple(
            Candidate(name, float(each.mean()), _auc(forward[name], y, folds), found.seconds[name])
            for name, each in loss.items()
        ),
        chosen=chosen,
        rows=rows,
        log_odds=predicted[chosen],
        forward=forward[chosen],
        calibration=fit_calibration(
            predicted[chosen][rows], y[rows], periods=periods_of(folds, len(y))[rows]
        ),
        settings={part: found.settings[part] for part in parts_of(chosen, found.settings)},
        cost=_cost(_losses(_forward(free, y, folds, rows, added), y, folds, rows), loss[chosen])
        if additive
        else None,
        tries=found.tries,
    )


def _forward(
    found: Searched, y: Outcomes, folds: Folds, rows: Rows, added: Numbers
) -> dict[str, Numbers]:
    """Return every candidate's predictions as deployment would have said them."""
    share = share_kept(int(y.sum()), int(len(y) - y.sum()))
    return {
        name: _served(calibrate_forward(values, y, folds), rows, share) + added
        for name, values in found.log_odds.items()
    }


def _losses(
    forward: Mapping[str, Numbers], y: Outcomes, folds: Folds, rows: Rows
) -> dict[str, Numbers]:
    names = [name for name in SIMPLEST_FIRST if name in forward]
    return {name: folds.counted(losses(forward[name][rows], y[rows]), rows) for name in names}


def _cost(free: Mapping[str, Numbers], own: Numbers) -> Cost:
    """Hold the loss of the candidate chosen against that of who would have been."""
    candidate = choose(free)
    worse = own - free[candidate]
    error = float(worse.std(ddof=1) / np.sqrt(len(worse)))
    return Cost(candidate, float(free[candidate].mean()), float(worse.mean()), error)


def _served(calibrated: Numbers, rows: Rows, share: float) -> Numbers:
    """Draw calibrated predictions in, as those of the finished model will be."""
    return draw_in(Calibration(), calibrated[rows], share).apply(calibrated)


def fit(
    name: str,
    x: Numbers,
    y: Outcomes,
    *,
    categorical: Flags,
    newest_last: bool,
    seed: int,
    weight: Numbers | None = None,
    monotone: Signs | None = None,
    settings: Mapping[str, Setting] | None = None,
) -> Fitted:
    """Fit one candidate by name; see `leadml.model.search.fit`."""
    rest = Rest(categorical, newest_last, seed, weight, monotone)
    return search_fit(name, x, y, rest, settings)


def _auc(log_odds: Numbers, y: Outcomes, folds: Folds) -> float:
    from sklearn.metrics import roc_auc_score

    tests = [test for _, test in folds]
    pairs = np.array([float(y[test].sum() * (1.0 - y[test]).sum()) for test in tests])
    if not pairs.any():
        return 0.5
    own = folds.stands_for
    inside = [
        roc_auc_score(y[test], log_odds[test], sample_weight=None if own is None else own[test])
        if count
        else 0.5
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
    difference nor 0.2 % of the best. For the base rate the standard error alone counts: whatever
    tells leads apart has to show it.
    """
    best = min(losses, key=lambda name: float(losses[name].mean()))
    for name, own in losses.items():
        difference = own - losses[best]
        worse = float(difference.mean())
        error = float(difference.std(ddof=1) / np.sqrt(len(own)))
        most = np.inf if name == "base_rate" else CLOSE_ENOUGH * float(losses[best].mean())
        if worse <= min(error, most):
            return name
    return best


def finished(
    machine: Machine, x: Numbers, calibration: Calibration, *, most: int = 200_000
) -> Machine:
    """Compile a machine, put the calibration line on it, note each feature's mean contribution."""
    machine = compiled(machine)
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
