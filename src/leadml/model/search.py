"""The settings of each candidate: a small grid, of which out-of-time predictions choose one each.

The grid goes from heavily shrunk (a few hundred leads, or times that hardly resemble each other) to
lightly shrunk (many leads, strong signal). It is the same for every export.
"""

import math
import time
import warnings
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from itertools import groupby
from typing import Any

import numpy as np
from joblib import Parallel, delayed
from numpy.typing import NDArray
from threadpoolctl import threadpool_limits

from leadml.model.calibration import calibrate_forward
from leadml.model.candidates import (
    Fitted,
    Signs,
    base_rate,
    blend,
    boosted,
    logistic,
    logistics,
)
from leadml.snapshot.split import Folds

Numbers = NDArray[np.float64]
Outcomes = NDArray[np.int8]
Flags = NDArray[np.bool_]
Progress = Callable[[str, float], None]
Setting = Mapping[str, float]
Weights = Sequence[Numbers | None]

GRID: Mapping[str, tuple[Setting, ...]] = {
    "base_rate": ({},),
    "logistic": (
        *({"bend": 0.3, "strength": strength} for strength in (0.03, 0.1, 0.3, 1.0)),
        *({"bend": 1.0, "strength": strength} for strength in (0.01, 0.03, 0.1, 0.3, 1.0)),
    ),
    "additive": (
        {"leaves": 8, "shrinkage": 50.0, "share": 0.2},
        {"leaves": 4, "shrinkage": 5.0, "share": 1.0},
    ),
    "full": (
        {"leaves": 4, "shrinkage": 5.0, "share": 0.5},
        {"leaves": 12, "shrinkage": 50.0, "share": 0.5},
    ),
}
"""Settings by candidate, the most shrunk first: `logistic`'s and `boosted`'s keywords."""
BLENDED = ("logistic", "additive", "full")
ADDITIVE = ("logistic", "additive")
"""Parts of the blend where it has to stay a sum of one function a feature."""
AS_GOOD = 0.001
"""Relative log loss within which the less shrunk of two settings is taken: the final fit has more
leads than any fold, and more leads need less shrinking."""
FADES = 0.01
"""Relative log loss by which a part of the blend has lost all but 1/e of its share."""
MOST_TO_SEARCH = 40_000
"""Most leads the settings are tried on, evenly spaced; those chosen are then tried on all."""
WORKERS = 2
"""Folds fitted at a time, each on one core."""


@dataclass(frozen=True)
class Rest:
    """What every candidate is fitted with besides features, outcomes and settings.

    Attributes
    ----------
    categorical : bool array, shape (features,)
    newest_last : bool
    seed : int
    weight : float array, shape (leads,), or None
    monotone : int array, shape (features,), or None
        1 where the log-odds must not fall as a feature rises, -1 where they must not rise, else 0.
    """

    categorical: Flags
    newest_last: bool
    seed: int
    weight: Numbers | None = None
    monotone: Signs | None = None


@dataclass(frozen=True)
class Try:
    """Out-of-time predictions of one candidate at one setting, shape (leads,); NaN elsewhere.

    Attributes
    ----------
    log_odds : float array
        Before calibration.
    calibrated : float array
        Each calibrated on folds known before it.
    """

    log_odds: Numbers
    calibrated: Numbers


@dataclass(frozen=True)
class Searched:
    """What the search came to, by candidate, simplest first.

    Attributes
    ----------
    settings : dict
        The setting chosen; of the blend the share of each part.
    log_odds : dict of float arrays, shape (leads,)
        Out-of-time predictions under that setting, before calibration; NaN elsewhere.
    seconds : dict of float
        Fitting time over all folds and settings.
    tries : dict of tuple of Try
        Every setting that was tried on all leads, the blend aside.
    """

    settings: Mapping[str, Setting]
    log_odds: Mapping[str, Numbers]
    seconds: Mapping[str, float]
    tries: Mapping[str, tuple[Try, ...]] = field(default_factory=dict)


def search(
    x: Numbers,
    y: Outcomes,
    rest: Rest,
    *,
    folds: Folds,
    weights: Weights | None = None,
    grid: Mapping[str, tuple[Setting, ...]] = GRID,
    progress: Progress = lambda _step, _share: None,
) -> Searched:
    """Predict every fold's test leads with every candidate and setting; keep each one's best.

    Parameters
    ----------
    x : float array, shape (leads, features)
        Oldest lead first where dated.
    y : int array, shape (leads,)
    rest : Rest
        Its weight is not read.
    folds : Folds
    weights : sequence of float arrays, optional
        For every fold, the weight of each of its training leads.
    grid : mapping
        Settings to try, by candidate.
    progress : callable
        Told what is being done and the share done.
    """
    weights = [None] * len(folds) if weights is None else weights
    step = -(-len(y) // MOST_TO_SEARCH)
    if step > 1:
        pairs = tuple((train[::step], test[::step]) for train, test in folds)
        thin = [None if weight is None else weight[::step] for weight in weights]
        found = _tried(x, y, rest, replace(folds, pairs=pairs), thin, grid, progress)
        grid = {name: (found.settings[name],) for name in grid}
    return _tried(x, y, rest, folds, weights, grid, progress)


def _tried(
    x: Numbers,
    y: Outcomes,
    rest: Rest,
    folds: Folds,
    weights: Weights,
    grid: Mapping[str, tuple[Setting, ...]],
    progress: Progress,
) -> Searched:
    predicted = {name: [np.full(len(y), np.nan) for _ in grid[name]] for name in grid}
    seconds = dict.fromkeys(grid, 0.0)
    jobs = (
        delayed(_predict)(x[train], y[train], x[test], replace(rest, weight=weight), grid)
        for (train, test), weight in zip(folds, weights, strict=True)
    )
    workers = Parallel(min(WORKERS, len(folds)), prefer="threads", return_as="generator")
    # BLAS and warnings have one setting for all threads, which folds must not reset.
    with threadpool_limits(1), quietly():
        for number, ((_, test), found) in enumerate(zip(folds, workers(jobs), strict=True)):
            for name, (log_odds, took) in found.items():
                seconds[name] += took
                for values, own in zip(predicted[name], log_odds, strict=True):
                    values[test] = own
            progress(f"fold {number + 1} of {len(folds)}", (number + 1) / len(folds))
    tries = {
        name: tuple(Try(values, calibrate_forward(values, y, folds)) for values in predicted[name])
        for name in grid
    }
    tried = {name: _mean_losses(own, y, folds) for name, own in tries.items()}
    best = {name: least_shrunk(means) for name, means in tried.items()}
    shares = shares_of({name: tried[name][best[name]] for name in BLENDED})
    found = _with_blend(
        {name: grid[name][place] for name, place in best.items()},
        {name: predicted[name][place] for name, place in best.items()},
        seconds,
        shares,
    )
    return replace(found, tries=tries)


def _with_blend(
    settings: dict[str, Setting],
    log_odds: dict[str, Numbers],
    seconds: dict[str, float],
    shares: Setting,
) -> Searched:
    blended: Numbers = np.sum([shares[name] * log_odds[name] for name in BLENDED], axis=0)
    took = sum(seconds[name] for name in BLENDED)
    return Searched(
        settings | {"blend": shares}, log_odds | {"blend": blended}, seconds | {"blend": took}
    )


def shares_of(means: Mapping[str, float]) -> dict[str, float]:
    """Return the share of each part of a blend, from its mean out-of-time log loss.

    A part's share falls by a factor e for every `FADES` of the best loss that it is worse, so that
    equals share alike and a part that is far behind spoils nothing.
    """
    least = min(means.values())
    raw = {name: math.exp(-(mean / least - 1) / FADES) for name, mean in means.items()}
    return {name: share / sum(raw.values()) for name, share in raw.items()}


def _mean_losses(tries: Sequence[Try], y: Outcomes, folds: Folds) -> list[float]:
    rows = np.sort(np.concatenate([test for _, test in folds]))
    return [
        float(folds.counted(losses(one.calibrated[rows], y[rows]), rows).mean()) for one in tries
    ]


def least_shrunk(means: Sequence[float]) -> int:
    """Return the place of the least shrunk setting that is as good as the best."""
    return max(place for place, mean in enumerate(means) if mean <= min(means) * (1 + AS_GOOD))


def _predict(
    x: Numbers,
    y: Outcomes,
    x_test: Numbers,
    rest: Rest,
    grid: Mapping[str, tuple[Setting, ...]],
) -> dict[str, tuple[list[Numbers], float]]:
    """Fit every candidate at every setting on one fold; return test log-odds and seconds."""
    found: dict[str, tuple[list[Numbers], float]] = {}
    x_test = seen(x_test, x, rest.categorical)
    for name, settings in grid.items():
        start = time.perf_counter()
        with threadpool_limits(1):  # OpenMP's limit belongs to the calling thread
            fitted = _fits(name, x, y, rest, settings)
        took = time.perf_counter() - start
        found[name] = [one.machine.raw_log_odds(x_test) for one in fitted], took
    return found


def seen(x_test: Numbers, x: Numbers, categorical: Flags) -> Numbers:
    """Make levels that the training part never saw missing, as an unseen text is when serving."""
    seen = x_test.copy()
    for feature in np.flatnonzero(categorical):
        seen[~np.isin(x_test[:, feature], x[:, feature]), feature] = np.nan
    return seen


def _fits(
    name: str, x: Numbers, y: Outcomes, rest: Rest, settings: Sequence[Setting]
) -> Sequence[Fitted]:
    if name != "logistic":
        return [_fit(name, x, y, rest, setting) for setting in settings]
    found: list[Fitted] = []
    for bend, alike in groupby(settings, key=lambda setting: setting["bend"]):
        strengths = [setting["strength"] for setting in alike]
        found += logistics(x, y, strengths=strengths, bend=bend, **_options(rest))
    return found


def _options(rest: Rest) -> dict[str, Any]:
    return {"categorical": rest.categorical, "weight": rest.weight, "monotone": rest.monotone}


def fit(
    name: str, x: Numbers, y: Outcomes, rest: Rest, settings: Mapping[str, Setting] | None = None
) -> Fitted:
    """Fit one candidate by name, on one core: threads that wait for each other cost more.

    Parameters
    ----------
    settings : mapping, optional
        The setting of each candidate (`Searched.settings`); without one, the keywords' defaults.
    """
    chosen = settings or {}
    with threadpool_limits(1), quietly():
        if name == "blend":
            shares = chosen.get("blend") or {part: 1 / len(BLENDED) for part in BLENDED}
            parts = tuple(_fit(part, x, y, rest, chosen.get(part, {})) for part in shares)
            return blend(parts, [*shares.values()])
        return _fit(name, x, y, rest, chosen.get(name, {}))


def _fit(name: str, x: Numbers, y: Outcomes, rest: Rest, setting: Setting) -> Fitted:
    if name == "base_rate":
        return base_rate(y, weight=rest.weight)
    options = _options(rest) | dict(setting)
    if name == "logistic":
        return logistic(x, y, **options)
    additive = name == "additive"
    return boosted(x, y, additive=additive, newest_last=rest.newest_last, seed=rest.seed, **options)


@contextmanager
def quietly() -> Iterator[None]:
    """Let the logistic regression stop before it has converged to the last digit: good enough."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", category=UserWarning)
        yield


def losses(log_odds: Numbers, y: Outcomes) -> Numbers:
    """Return the log loss of every lead, shape (leads,): lower is better, 0 or more, in nats."""
    each: Numbers = np.logaddexp(0, log_odds) - y * log_odds
    return each


def parts_of(name: str, settings: Mapping[str, Setting]) -> tuple[str, ...]:
    """Return the candidates whose settings matter to one: itself, and a blend's parts."""
    return (*settings["blend"], "blend") if name == "blend" else (name,)


def without_interactions(found: Searched, y: Outcomes, folds: Folds) -> Searched:
    """Return the search without trees that let features act together, with a blend of the rest."""
    tried = {n: Try(v := found.log_odds[n], calibrate_forward(v, y, folds)) for n in ADDITIVE}
    means = {name: _mean_losses([one], y, folds)[0] for name, one in tried.items()}
    names = ("base_rate", *ADDITIVE)
    shares = shares_of(means)
    blended: Numbers = np.sum([shares[name] * found.log_odds[name] for name in ADDITIVE], axis=0)
    return replace(
        found,
        settings={name: found.settings[name] for name in names} | {"blend": shares},
        log_odds={name: found.log_odds[name] for name in names} | {"blend": blended},
        seconds={name: found.seconds[name] for name in names}
        | {"blend": sum(found.seconds[name] for name in ADDITIVE)},
        tries={name: found.tries[name] for name in names},
    )
