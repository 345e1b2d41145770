"""Areas under several ROC curves of the same leads: covariance, intervals and tests.

DeLong, DeLong and Clarke-Pearson 1988 (doi:10.2307/2531595), computed from midranks as in Sun and
Xu 2014 (doi:10.1109/LSP.2014.2337313). Leads of one account resemble each other, so with accounts
the covariance is Obuchowski's for clustered data (1997, doi:10.2307/2533958), which is DeLong's
where every lead is an account of its own.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.special import expit, logit
from scipy.stats import norm, rankdata

from leadml.evaluation.interval import Interval
from leadml.evaluation.tally import Floats

FEWEST_OF_EACH = 10
"""Fewest accounts (leads where not known) with a won lead, and with a lost one, for which the
normal approximation is used: two customers tell nothing for certain, with ever so many contacts."""


@dataclass(frozen=True)
class Areas:
    """Areas under the ROC curves of several scores on the same leads.

    Attributes
    ----------
    auc : float array, shape (scores,)
    covariance : float array, shape (scores, scores)
        Of the estimated areas.
    clustered : bool
        Whether accounts were taken into account.
    """

    auc: Floats
    covariance: Floats
    clustered: bool

    def interval(self, score: int, *, level: float = 0.95) -> Interval:
        """Return one area with its two-sided interval, made in log-odds so that it stays in [0, 1].

        An area of exactly 0 or 1 has no such interval: the two bounds are the area.
        """
        value = float(self.auc[score])
        error = float(np.sqrt(max(self.covariance[score, score], 0.0)))
        if not 0 < value < 1:
            return Interval.around(value, value, value)
        arm = norm.ppf((1 + level) / 2) * error / (value * (1 - value))
        return Interval.around(value, float(expit(logit(value) - arm)), expit(logit(value) + arm))

    def difference(self, first: int, second: int, *, level: float = 0.95) -> tuple[Interval, float]:
        """Return ``first - second`` with its two-sided interval, and the test's p-value.

        Scores that rank all leads alike differ by 0 for certain: p is 1.
        """
        gap = float(self.auc[first] - self.auc[second])
        among = self.covariance[np.ix_([first, second], [first, second])]
        error = float(np.sqrt(max(among[0, 0] + among[1, 1] - 2 * among[0, 1], 0.0)))
        if error < _ROUNDING:
            return Interval.around(gap, gap, gap), 1.0 if abs(gap) < _ROUNDING else 0.0
        arm = float(norm.ppf((1 + level) / 2)) * error
        return Interval.around(gap, gap - arm, gap + arm), float(2 * norm.sf(abs(gap) / error))


_ROUNDING = 1e-12


def areas(
    won: NDArray[np.bool_],
    scores: Sequence[Floats],
    *,
    accounts: NDArray[np.intp] | None = None,
) -> Areas:
    """Compute the areas of several scores, and their covariance.

    Parameters
    ----------
    won : bool array, shape (leads,)
        With both outcomes among them.
    scores : sequence of float arrays, shape (leads,)
        Finite, in any unit; higher means more likely won.
    accounts : int array, shape (leads,), or None
        Leads with the same number belong to one account.

    Raises
    ------
    ValueError
        If all leads have the same outcome.
    """
    won = np.asarray(won, bool)
    if won.all() or not won.any():
        msg = "expected won and lost leads, found only one of them"
        raise ValueError(msg)
    account = np.arange(len(won)) if accounts is None else np.asarray(accounts, np.intp)
    placed = np.array([_placements(won, np.asarray(score, float)) for score in scores])
    auc = placed[:, won].mean(axis=1)
    off = placed - auc[:, None]
    of_won, of_lost = (_sums(off, account, rows) for rows in (won, ~won))
    number_won, number_lost = int(won.sum()), int((~won).sum())
    covariance = (
        _spread(of_won, of_won, _count(account, won)) / number_won**2
        + _spread(of_lost, of_lost, _count(account, ~won)) / number_lost**2
    )
    if accounts is not None:
        among = _count(account, np.ones(len(won), bool))
        cross = _spread(of_won, of_lost, among) / (number_won * number_lost)
        covariance += cross + cross.T
    return Areas(auc, covariance, accounts is not None)


def evidence(won: NDArray[np.bool_], accounts: NDArray[np.intp] | None = None) -> int:
    """Return how many accounts have a won lead, or how many a lost one if those are fewer.

    Without `accounts` every lead is an account of its own.

    Examples
    --------
    >>> won = np.array([True, True, False, False, False])
    >>> evidence(won), evidence(won, np.array([0, 0, 0, 1, 2]))
    (2, 1)
    """
    account = np.arange(len(won)) if accounts is None else accounts
    return min(_count(account, won), _count(account, ~won))


def _placements(won: NDArray[np.bool_], score: Floats) -> Floats:
    """Return for every lead the share of leads of the other outcome it is on the right side of."""
    everyone = rankdata(score)
    placed = np.empty(len(score))
    lost = int((~won).sum())
    placed[won] = (everyone[won] - rankdata(score[won])) / lost
    placed[~won] = 1 - (everyone[~won] - rankdata(score[~won])) / int(won.sum())
    return placed


def _sums(off: Floats, account: NDArray[np.intp], rows: NDArray[np.bool_]) -> Floats:
    """Sum over the leads of each account; shape (scores, accounts)."""
    width = int(account.max()) + 1
    return np.array([np.bincount(account[rows], own[rows], width) for own in off])


def _count(account: NDArray[np.intp], rows: NDArray[np.bool_]) -> int:
    return len(np.unique(account[rows]))


def _spread(first: Floats, second: Floats, accounts: int) -> Floats:
    """Return the sums of products over accounts, corrected for their number."""
    products: Floats = first @ second.T
    return products * accounts / (accounts - 1) if accounts > 1 else products
