"""Out-of-time predictions of which every choice was made before: what a past self would have said.

The competition chooses its winner on all folds, so its own predictions are those of the luckiest.
Here each fold is predicted by the candidate that had done best on the folds known before it (Dawid
1984, doi:10.2307/2981683), and calibrated on those alone: what a cut is read from.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from leadml.model.calibration import (
    FEWEST_OF_EACH,
    Calibration,
    calibrate_forward,
    draw_in,
    share_kept,
)
from leadml.model.candidates import SIMPLEST_FIRST
from leadml.model.search import BLENDED, Try, least_shrunk, losses, shares_of
from leadml.model.selection import choose
from leadml.snapshot.split import Folds

Numbers = NDArray[np.float64]
Outcomes = NDArray[np.int8]
Rows = NDArray[np.intp]
Tries = Mapping[str, Sequence[Try]]


@dataclass(frozen=True)
class Prequential:
    """Predictions by the candidate each fold would have chosen.

    Attributes
    ----------
    log_odds : float array, shape (leads,)
        Calibrated on folds known before, at the level known by then; drawn in as the finished model
        will be, so that a cut carries over to it. NaN for leads in no fold.
    chosen : tuple of str
        Name of each fold's candidate.
    """

    log_odds: Numbers
    chosen: tuple[str, ...]


def prequential(
    tries: Tries, y: Outcomes, folds: Folds, *, level: Numbers | None = None
) -> Prequential:
    """Let every fold's candidate, setting and line be chosen by what was known when it began.

    Parameters
    ----------
    tries : mapping of str to sequence of Try
        Out-of-time predictions of every candidate at every setting.
    y : int array, shape (leads,)
    folds : Folds
    level : float array, shape (leads,), optional
        What the rule of the level adds to each test lead's log-odds, known by then.

    Notes
    -----
    A fold before which fewer than `FEWEST_OF_EACH` wins or losses were known is predicted by the
    blend of equal shares at each part's middle setting, which no outcome had a say in. In random
    folds all others count as known. How far predictions are drawn in is settled by the number of
    all outcomes: the only thing a fold is told of later ones.
    """
    level = np.zeros(len(y)) if level is None else level
    said, names, served = np.full(len(y), np.nan), [], share_kept(*_outcomes(y))
    for number, (train, test) in enumerate(folds):
        known = folds.known(number)
        upto = replace(folds, pairs=folds.pairs[: number + 1]) if folds.ordered else folds
        options = _options(tries, y, upto, known)
        share = share_kept(*_outcomes(y[train]))
        drawn = {name: _drawn(own[known], share) + level[known] for name, own in options.items()}
        names.append(_best({n: losses(own, y[known]) for n, own in drawn.items()}, folds, known))
        said[test] = _drawn(options[names[-1]][test], served) + level[test]
    return Prequential(said, tuple(names))


def _best(each: Mapping[str, Numbers], folds: Folds, known: Rows) -> str:
    """Return the candidate of the least losses on known leads, the blend where it stands alone."""
    if len(each) == 1:
        return "blend"
    return choose(
        {name: folds.counted(each[name], known) for name in SIMPLEST_FIRST if name in each}
    )


def _outcomes(y: Outcomes) -> tuple[int, int]:
    return int(y.sum()), int(len(y) - y.sum())


def _options(tries: Tries, y: Outcomes, folds: Folds, known: Rows) -> dict[str, Numbers]:
    """Return each candidate's calibrated predictions at the setting chosen on the known leads."""
    parts = [name for name in BLENDED if name in tries]
    if min(_outcomes(y[known])) < FEWEST_OF_EACH:
        middle = [tries[name][len(tries[name]) // 2].log_odds for name in parts]
        return {"blend": calibrate_forward(np.mean(middle, axis=0), y, folds)}
    means = {
        name: [_mean(losses(one.calibrated[known], y[known]), folds, known) for one in own]
        for name, own in tries.items()
    }
    place = {name: least_shrunk(own) for name, own in means.items()}
    best = {name: own[place[name]] for name, own in tries.items()}
    shares = shares_of({name: means[name][place[name]] for name in parts})
    blended: Numbers = np.sum([shares[name] * best[name].log_odds for name in parts], axis=0)
    options = {name: one.calibrated for name, one in best.items()}
    return options | {"blend": calibrate_forward(blended, y, folds)}


def _mean(each: Numbers, folds: Folds, rows: Rows) -> float:
    return float(folds.counted(each, rows).mean())


def _drawn(log_odds: Numbers, share: float) -> Numbers:
    """Draw predictions in, as a model of so few outcomes is when it is finished."""
    return draw_in(Calibration(), log_odds, share).apply(log_odds)
