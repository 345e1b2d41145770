"""The margin expected of a lead if it is won: fitted on won leads whose margin is known."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray
from sklearn.linear_model import GammaRegressor
from threadpoolctl import threadpool_limits

from leadml.model.candidates import shape_of
from leadml.model.scorecard import Scorecard, Term
from leadml.model.search import quietly, seen
from leadml.model.selection import choose
from leadml.model.value import Basis
from leadml.snapshot.split import Folds

Numbers = NDArray[np.float64]
Flags = NDArray[np.bool_]
Rows = NDArray[np.intp]

PENALTIES = (300.0, 100.0, 30.0, 10.0, 3.0, 1.0)
"""Strengths tried, in won leads: how many would have to speak against no effect."""
SCREENING = 10.0
"""Strength of the fit on all features, after which those that tell most are kept."""
MOST_FEATURES = 20
"""Most features that are read: wins bear no more, and it runs at every score."""
MOST_WINS, MOST_SCREENED = 5_000, 1_000
"""Most wins that are fitted on, and on all features, evenly spaced in time."""
MOST_COLUMNS = 400
"""Most columns of a design that is solved to the last digit; screening need not be."""
FEWEST_TO_TELL_APART = 30
"""Wins with a known margin from which they are told apart; a fold learns from a third of that."""
WINS_FOR_HALF = 25
"""Wins from which differences in margin count by half, beside the penalty."""
LEAST_SHARE, CAP = 0.01, 0.98
"""Margins below this share of the mean, and above this quantile, teach the pattern no more than
these; the level follows from the margins as they are."""


@dataclass(frozen=True)
class FittedMargins:
    """Margins given a win, fitted.

    Attributes
    ----------
    basis : {"model", "mean"}
    mean : float
        Of the known margins.
    card : Scorecard or None
        Log of the margin; None with basis ``mean``.
    forward : float array, shape (leads,)
        Margin expected of each tested lead if it is won, known before its fold's test; NaN
        elsewhere.
    out_of_time : dict or None
        See `leadml.model.value.Value`.
    """

    basis: Basis
    mean: float
    card: Scorecard | None
    forward: Numbers
    out_of_time: Mapping[str, Any] | None


def fit_margins(x: Numbers, money: Numbers, *, categorical: Flags, folds: Folds) -> FittedMargins:
    """Fit a multiplicative model of the margin, or take the mean where that does as well.

    A generalised linear model with a log link and gamma variance (McCullagh and Nelder 1989,
    chapter 8): every feature multiplies the margin, and errors grow with it, as those of money do.
    The gamma deviance that judges it out of time is a proper score of a mean, also for margins of
    0 and losses (Patton 2011, doi:10.1016/j.jeconom.2010.03.034); the mean is kept unless the
    model is better by a standard error. The pattern is drawn towards no difference where wins are
    few, n² / (n² + 25²), and its level is set so that the wins together have the margin they had.

    Parameters
    ----------
    x : float array, shape (leads, features)
        Oldest lead first where dated.
    money : float array, shape (leads,)
        Margin of won leads in money, at least one known; NaN where the lead was not won or its
        margin is not known.
    categorical : bool array, shape (features,)
    folds : Folds
        Of all leads.
    """
    known = np.flatnonzero(~np.isnan(money))
    mean = float(money[known].mean())
    forward = _forward_means(money, folds, mean)
    if len(known) < FEWEST_TO_TELL_APART or mean <= 0 or x.shape[1] == 0:
        return FittedMargins("mean", mean, None, forward, None)
    thin = known[:: -(-len(known) // MOST_WINS)]
    with threadpool_limits(1), quietly():
        tried = _tried(x, money, forward, categorical, folds, thin)
        if not tried.tested:
            return FittedMargins("mean", mean, None, forward, None)
        best = min(PENALTIES, key=lambda penalty: float(tried.losses[penalty].mean()))
        told = _told(tried, best)
        chosen = choose({"base_rate": tried.by_mean, "model": tried.losses[best]})
        if chosen == "base_rate":
            return FittedMargins("mean", mean, None, forward, told)
        (card,) = _cards(x[thin], money[thin], categorical, (best,))
    level = float(np.log(money[known].sum() / np.exp(card.log_odds(x[known])).sum()))
    card = replace(card, constant=card.constant + level)
    return FittedMargins("model", mean, card, tried.forward[best], told)


def _forward_means(money: Numbers, folds: Folds, mean: float) -> Numbers:
    """Return the mean margin known at each tested lead's time; where none was, that of all."""
    forward = np.full(len(money), np.nan)
    for train, test in folds:
        taught = money[train][~np.isnan(money[train])]
        forward[test] = taught.mean() if len(taught) else mean
    return forward


@dataclass(frozen=True)
class _Tried:
    forward: Mapping[float, Numbers]
    losses: Mapping[float, Numbers]
    by_mean: Numbers

    @property
    def tested(self) -> bool:
        return len(self.by_mean) > 1


def _tried(
    x: Numbers, money: Numbers, means: Numbers, categorical: Flags, folds: Folds, thin: Rows
) -> _Tried:
    """Predict the wins of every fold with every strength."""
    forward = {penalty: means.copy() for penalty in PENALTIES}
    usable = np.zeros(len(money), bool)
    usable[thin] = True
    tested: list[Rows] = []
    for train, test in folds:
        taught = np.sort(train[usable[train]])
        if len(taught) * 3 < FEWEST_TO_TELL_APART or money[taught].sum() <= 0:
            continue
        cards = _cards(x[taught], money[taught], categorical, PENALTIES)
        inside = seen(x[test], x[taught], categorical)
        for penalty, card in zip(PENALTIES, cards, strict=True):
            forward[penalty][test] = np.exp(card.log_odds(inside))
        tested.append(test[~np.isnan(money[test]) & (means[test] > 0)])
    rows = np.sort(np.concatenate([np.empty(0, np.intp), *tested]))
    unit = float(np.nanmean(money))
    return _Tried(
        forward,
        {
            penalty: deviance(own[rows] / unit, money[rows] / unit)
            for penalty, own in forward.items()
        },
        deviance(means[rows] / unit, money[rows] / unit),
    )


def deviance(expected: Numbers, found: Numbers) -> Numbers:
    """Return the part of the gamma deviance that depends on what was expected: lower is better.

    Its mean is least where `expected` is the mean of `found`; `expected` must be above 0. It says
    nothing about how margins scatter around their mean.

    Examples
    --------
    >>> deviance(np.array([1.0, 2.0]), np.array([1.0, 4.0])).round(3).tolist()
    [1.0, 2.693]
    """
    each: Numbers = np.log(expected) + found / expected
    return each


def _told(tried: _Tried, best: float) -> dict[str, Any]:
    gains = tried.by_mean - tried.losses[best]
    error = float(gains.std(ddof=1) / np.sqrt(len(gains)))
    return {"wins": len(gains), "gain": float(gains.mean()), "error": error, "penalty": best}


def _cards(
    x: Numbers, money: Numbers, categorical: Flags, penalties: Sequence[float]
) -> list[Scorecard]:
    """Fit on the features that tell most in a first fit on all, at each strength."""
    mean = float(money.mean())
    taught = np.clip(money / mean, LEAST_SHARE, max(float(np.quantile(money / mean, CAP)), 1.0))
    everything = np.arange(x.shape[1])
    step = -(-len(x) // MOST_SCREENED)
    (first,) = _fits(x[::step], taught[::step], everything, categorical, (SCREENING,))
    spread = first.contributions(x).std(axis=0)
    kept = np.sort(np.argsort(-spread, kind="stable")[:MOST_FEATURES])
    share = len(x) ** 2 / (len(x) ** 2 + WINS_FOR_HALF**2)
    found = _fits(x, taught, kept, categorical, penalties)
    return [_levelled(card, x, money, share) for card in found]


def _fits(
    x: Numbers, taught: Numbers, kept: Rows, categorical: Flags, penalties: Sequence[float]
) -> list[Scorecard]:
    shapes = [shape_of(x[:, j], bool(categorical[j])) for j in kept]
    columns = [shape.columns(x[:, j]) for j, shape in zip(kept, shapes, strict=True)]
    design = np.concatenate(columns, axis=1)
    exact = design.shape[1] <= MOST_COLUMNS
    solver, steps = ("newton-cholesky", 100) if exact else ("lbfgs", 50)
    found = []
    for penalty in penalties:
        alpha = penalty / len(x)
        model = GammaRegressor(alpha=alpha, solver=solver, max_iter=steps, tol=1e-5)
        weights = model.fit(design, taught).coef_
        terms: list[Term] = []
        for j, shape in zip(kept, shapes, strict=True):
            own, weights = weights[: shape.width], weights[shape.width :]
            terms.append(shape.term(int(j), own))
        found.append(Scorecard(0.0, tuple(terms)))
    return found


def _levelled(card: Scorecard, x: Numbers, money: Numbers, share: float) -> Scorecard:
    """Draw the pattern in, and set the level at which the wins have the margin they had."""
    terms = tuple(_scaled(term, share) for term in card.terms)
    drawn = Scorecard(0.0, terms)
    level = float(np.log(money.sum() / np.exp(drawn.log_odds(x)).sum()))
    return Scorecard(level, terms)


def _scaled(term: Term, share: float) -> Term:
    values = tuple(share * value for value in term.values)
    return replace(term, values=values, missing=share * term.missing)
