"""The hand-off threshold: the loosest cut whose *group* still closes at the agreed rate."""

from dataclasses import asdict, dataclass
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray
from scipy.stats import binom

from leadml.domain.agreement import Agreement
from leadml.evaluation.close_rate import lower_bound, upper_bound

Numbers = NDArray[np.float64]
Outcomes = NDArray[np.int8]
Basis = Literal["guaranteed", "estimated", "points", "none"]

FIRST_GROUP = 50
"""Fewest leads of the strictest group that is tested."""
FIRST_ESTIMATED = 20
"""Fewest leads of a group whose observed close rate may set an estimated cut."""
VOLUMES = 20
"""Number of group sizes tested, fixed before any outcome is looked at."""
FEWEST_WINS = 20
"""With fewer wins among out-of-time predictions no cut is read from them."""


@dataclass(frozen=True)
class Threshold:
    """Where leads are handed off, on what basis, and what is expected of the group above.

    Attributes
    ----------
    probability : float or None
        Calibrated probability from which a lead is handed off; None with basis points or none.
    basis : {"guaranteed", "estimated", "points", "none"}
        ``guaranteed``: the group passed the test at the agreed confidence (approximately: folds
        are shared with training decisions and the model is refitted). ``estimated``: the group
        reached the rate as observed. ``points``: too few wins, the agreed points decide.
        ``none``: no group reached the rate, or too few wins and no points.
    expected_close_rate, low, high : float or None
        Observed rate of the group on out-of-time predictions, and one-sided exact bounds, each
        at the agreed confidence. With basis ``estimated`` the bounds hold for all the groups that
        were looked at, and so for the one chosen because it did well.
    volume : int
        Out-of-time leads in the group.
    won : int
        Wins among them.
    share : float or None
        Group as a share of all out-of-time leads.
    """

    probability: float | None
    basis: Basis
    expected_close_rate: float | None = None
    low: float | None = None
    high: float | None = None
    volume: int = 0
    won: int = 0
    share: float | None = None

    def to_dict(self) -> dict[str, Any]:
        """Return the JSON-ready form."""
        return asdict(self)


def choose_threshold(
    p: Numbers,
    y: Outcomes,
    *,
    agreement: Agreement,
    points_ready: NDArray[np.bool_] | None = None,
) -> Threshold:
    """Choose the cut from out-of-time predictions, each calibrated from other folds only.

    Parameters
    ----------
    p : float array, shape (leads,)
        Probabilities.
    y : int array, shape (leads,)
        1 sales-ready, 0 not.
    agreement : Agreement
        Close rate and confidence.
    points_ready : bool array or None
        Whether each lead reaches the agreed points; None without a points score.

    Notes
    -----
    Fixed-sequence testing: groups of sizes fixed in advance are tested from strictest to loosest
    with an exact one-sided binomial test of *close rate >= agreed rate*; the first failure ends
    the walk, so that all tests together keep the level (Maurer, Hothorn & Lehmacher 1995; used for
    risk control by Angelopoulos et al. 2021, arXiv:2110.01052).
    """
    if int(y.sum()) < FEWEST_WINS:
        return _by_points(y, points_ready, agreement)
    order = np.argsort(-p, kind="stable")
    ranked, wins = p[order], np.cumsum(y[order], dtype=np.int64)
    groups = _groups(ranked, FIRST_GROUP)
    passed = _walk(groups, wins, agreement)
    if passed:
        return _cut(ranked, wins, passed, "guaranteed", agreement)
    groups = _groups(ranked, FIRST_ESTIMATED)
    reached = [n for n in groups if wins[n - 1] >= agreement.close_rate * n]
    if reached:
        return _cut(ranked, wins, max(reached), "estimated", agreement, looks=len(groups))
    return Threshold(None, "none")


def _groups(ranked: Numbers, first: int) -> list[int]:
    """Return group sizes from strictest to loosest; leads of equal score stay together."""
    if len(ranked) < first:
        return []
    start = max(first, len(ranked) // VOLUMES)
    sizes = np.linspace(start, len(ranked), VOLUMES).round().astype(int)
    whole = [int(np.searchsorted(-ranked, -ranked[size - 1], side="right")) for size in sizes]
    return sorted(set(whole))


def _walk(groups: list[int], wins: NDArray[np.int64], agreement: Agreement) -> int:
    """Return the loosest group that passes before the first failure, 0 if the first one fails."""
    passed = 0
    for size in groups:
        chance = binom.sf(int(wins[size - 1]) - 1, size, agreement.close_rate)
        if chance > 1 - agreement.confidence:
            break
        passed = size
    return passed


def _cut(
    ranked: Numbers,
    wins: NDArray[np.int64],
    size: int,
    basis: Basis,
    agreement: Agreement,
    *,
    looks: int = 1,
) -> Threshold:
    """Return the cut below a group, the best of so many `looks` (Bonferroni)."""
    confidence = 1 - (1 - agreement.confidence) / looks
    won = int(wins[size - 1])
    return _threshold(float(ranked[size - 1]), basis, won, size, len(ranked), confidence)


def _threshold(
    probability: float | None, basis: Basis, won: int, size: int, leads: int, confidence: float
) -> Threshold:
    low = lower_bound(won, size, confidence)
    high = upper_bound(won, size, confidence)
    return Threshold(probability, basis, won / size, low, high, size, won, size / leads)


def _by_points(
    y: Outcomes, points_ready: NDArray[np.bool_] | None, agreement: Agreement
) -> Threshold:
    if points_ready is None:
        return Threshold(None, "none")
    group = y[points_ready]
    if len(group) == 0:
        return Threshold(None, "points")
    return _threshold(None, "points", int(group.sum()), len(group), len(y), agreement.confidence)
