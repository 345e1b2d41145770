"""Two scores of the same leads: which ranks better, which surprises less, and is it settled."""

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy.stats import rankdata, t

from leadml.evaluation.confidence_sequence import chance_at_every_look, errors_apart
from leadml.evaluation.ridge import fit_ridge

Floats = NDArray[np.float64]
Flags = NDArray[np.bool_]
Rows = NDArray[np.intp]


@dataclass(frozen=True)
class Paired:
    """A paired difference between two scores.

    Attributes
    ----------
    first, second : float
        The measure of either.
    difference, low, high : float
        ``first - second`` with a two-sided interval.
    chance : float
        Two-sided p-value of *no difference*.
    """

    first: float
    second: float
    difference: float
    low: float
    high: float
    chance: float

    def to_dict(self) -> dict[str, Any]:
        """Return JSON-ready values."""
        return dict(vars(self))


@dataclass(frozen=True)
class Watched:
    """A paired difference that may be looked at as often as one likes.

    Attributes
    ----------
    first, second : float
        The measure of either.
    difference : float
        ``first - second``.
    low, high : float or None
        Its two-sided interval, at every look at once; None with a single account.
    chance : float
        The smallest error level at which the interval leaves no difference out.
    error : float
        Standard error of the difference.
    units : float
        Accounts, as many as are worth it if they weigh differently (Kish 1965).
    """

    first: float
    second: float
    difference: float
    low: float | None
    high: float | None
    chance: float
    error: float
    units: float


@dataclass(frozen=True, kw_only=True)
class HeldOut:
    """Leads that two scores are compared on.

    Attributes
    ----------
    won : bool array, shape (leads,)
    periods : int array, shape (leads,)
        Which test block each lead is in.
    accounts : int array, shape (leads,)
        Leads of one account share a number and count as one in every error.
    """

    won: Flags
    periods: Rows
    accounts: Rows


def calibrated(tested: HeldOut, score: Floats) -> Floats:
    """Return log-odds: in every test block, a line in the score.

    Fitted on the very leads, alike for every score, so that scores in any unit are compared by how
    they tell leads of one period apart.
    """
    log_odds = np.empty(len(score))
    for block in np.unique(tested.periods):
        rows = tested.periods == block
        log_odds[rows] = _line(tested.won[rows], score[rows])
    return log_odds


def _line(won: Flags, score: Floats) -> Floats:
    """Return log-odds as a line in a score; one level where all were won, or none was."""
    leads = len(won)
    if won.all() or not won.any():
        share = (won.sum() + 0.5) / (leads + 1)
        return np.full(leads, np.log(share / (1 - share)))
    x = ((score - score.mean()) / (score.std() or 1.0))[:, None]
    return fit_ridge(x, won.astype(float), spread=10.0).log_odds(x)


def surprises(tested: HeldOut, score: Floats) -> Floats:
    """Return the log loss of each lead, in nats, after `calibrated`."""
    log_odds = calibrated(tested, score)
    return np.asarray(np.logaddexp(0, log_odds) - tested.won * log_odds)


def compare_losses(tested: HeldOut, first: Floats, second: Floats, confidence: float) -> Paired:
    """Compare the mean log loss of two scores, lower is better, after equal calibration."""
    losses = surprises(tested, first), surprises(tested, second)
    gaps = losses[0] - losses[1]
    influence = (gaps - gaps.mean()) / len(gaps)
    return _paired(float(losses[0].mean()), float(losses[1].mean()), influence, tested, confidence)


def compare_as_served(
    tested: HeldOut,
    first: Floats,
    second: Floats,
    confidence: float,
    *,
    weight: Floats | None = None,
) -> Watched:
    """Compare the mean log loss of two probabilities as they were told, lower is better, in nats.

    However often one looks: the interval is a confidence sequence over the accounts
    (`leadml.evaluation.confidence_sequence.errors_apart`).

    Nothing is calibrated: what was told is what counts. It cannot tell apart how well leads are
    ranked from how right the level is.

    Parameters
    ----------
    tested : HeldOut
        Its test blocks play no part.
    first, second : float arrays, shape (leads,)
        Probabilities; taken as no nearer to 0 and 1 than 1e-9.
    confidence : float
        Of the two-sided interval.
    weight : float array, shape (leads,), optional
        How many leads each stands for; default each for itself.
    """
    share = np.ones(len(first)) if weight is None else weight
    share = share / share.sum()
    losses = []
    for told in (first, second):
        p = np.clip(told, 1e-9, 1 - 1e-9)
        losses.append(-np.log(np.where(tested.won, p, 1 - p)))
    gaps = losses[0] - losses[1]
    number = np.unique(tested.accounts, return_inverse=True)[1].reshape(-1)
    moved = np.asarray(np.bincount(number, weights=share * (gaps - share @ gaps)), np.float64)
    units = 1 / float((np.bincount(number, weights=share) ** 2).sum())
    means = float(share @ losses[0]), float(share @ losses[1])
    return _watched(*means, moved, units, confidence)


def _watched(
    first: float, second: float, moved: Floats, units: float, confidence: float
) -> Watched:
    """Return the difference with its interval for every look; a single account tells nothing."""
    difference = first - second
    if len(moved) < 2:
        return Watched(first, second, difference, None, None, 1.0, 0.0, units)
    error = float(np.sqrt((moved**2).sum() * len(moved) / (len(moved) - 1)))
    reach = errors_apart(units, confidence) * error
    low, high = difference - reach, difference + reach
    apart = abs(difference) / error if error > 0 else np.inf * (difference != 0)
    chance = chance_at_every_look(apart, units) if difference else 1.0
    return Watched(first, second, difference, low, high, chance, error, units)


def compare_auc(tested: HeldOut, first: Floats, second: Floats, confidence: float) -> Paired:
    """Compare the AUC of two scores, higher is better, within the test blocks.

    The blocks' AUCs are averaged by their pairs of a won and a lost lead. Errors from the placement
    of each lead among those of the other outcome (DeLong, DeLong and Clarke-Pearson 1988,
    doi:10.2307/2531595), summed by account (Obuchowski 1997, doi:10.2307/2533958).
    """
    own, others = _placed(tested, first), _placed(tested, second)
    return _paired(own[0], others[0], own[1] - others[1], tested, confidence)


def _placed(tested: HeldOut, score: Floats) -> tuple[float, Floats]:
    """Return the AUC within test blocks, and how far each lead moves it."""
    blocks = [np.flatnonzero(tested.periods == block) for block in np.unique(tested.periods)]
    pairs = np.array([float(tested.won[b].sum()) * float((~tested.won[b]).sum()) for b in blocks])
    influence, total = np.zeros(len(score)), 0.0
    for rows, weight in zip(blocks, pairs / max(pairs.sum(), 1.0), strict=True):
        if weight > 0:
            value, moves = _block(tested.won[rows], score[rows])
            total += weight * value
            influence[rows] = weight * moves
    return total, influence


def _block(won: Flags, score: Floats) -> tuple[float, Floats]:
    ranks, placed = rankdata(score), np.empty(len(score))
    for members in (won, ~won):
        among = rankdata(score[members])
        share = (ranks[members] - among) / (~members).sum()
        placed[members] = share
    value = float(placed[won].mean())
    moves = np.where(
        won, (placed - value) / won.sum(), (1 - placed - value) / np.maximum((~won).sum(), 1)
    )
    return value, moves


def _paired(
    first: float, second: float, influence: Floats, tested: HeldOut, confidence: float
) -> Paired:
    """Return the difference, its error by accounts; a single account tells nothing."""
    number = np.unique(tested.accounts, return_inverse=True)[1].reshape(-1)
    moved, difference = np.bincount(number, weights=influence), first - second
    free = len(moved) - 1
    if free < 1:
        return Paired(first, second, difference, difference, difference, 1.0)
    error = float(np.sqrt((moved**2).sum() * len(moved) / free))
    reach = float(t.ppf((1 + confidence) / 2, free)) * error
    chance = float(2 * t.sf(abs(difference) / error, free)) if error > 0 else float(difference == 0)
    return Paired(first, second, difference, difference - reach, difference + reach, chance)
