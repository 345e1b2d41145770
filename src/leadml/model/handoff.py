"""The hand-off decision: from which probability each lead is handed off, and whether it is.

Needs numpy alone: it serves.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

Numbers = NDArray[np.float64]
Flags = NDArray[np.bool_]


@dataclass(frozen=True)
class Decision:
    """What is done with each lead; arrays of shape (leads,).

    Attributes
    ----------
    cut : float array
        Probability from which the lead is handed off: the team's, its representative's, or the one
        at which its expected margin covers its cost. NaN where no probability decides.
    sales_ready : bool array
    """

    cut: Numbers
    sales_ready: Flags


def decide(
    threshold: Mapping[str, Any],
    p: Numbers,
    *,
    points_ready: Flags | None = None,
    owner: Sequence[str | None] | None = None,
    given_win: Numbers | None = None,
) -> Decision:
    """Decide which leads are handed off.

    Parameters
    ----------
    threshold : mapping
        The manifest's ``threshold``; keys of newer versions may be absent.
    p : float array, shape (leads,)
        Calibrated probability.
    points_ready : bool array or None
        Whether each lead reaches the agreed points, which decide with basis ``points``.
    owner : sequence of str or None
        Whose lead it is.
    given_win : float array or None
        Margin expected of each lead if it is won, in money.
    """
    nobody = np.zeros(len(p), bool)
    if threshold["basis"] == "points" and points_ready is not None:
        return Decision(np.full(len(p), np.nan), points_ready)
    if threshold["probability"] is None:
        return Decision(np.full(len(p), np.nan), nobody)
    cut = _cuts(threshold, len(p), owner)
    ready: Flags = p >= cut
    cost = threshold.get("profit_cut")
    if cost is None:
        return Decision(cut, ready)
    if given_win is None:
        return Decision(np.full(len(p), np.nan), nobody)
    with np.errstate(divide="ignore", invalid="ignore"):
        cut = np.maximum(cut, np.where(given_win > 0, cost / given_win, np.inf))
    return Decision(np.where(cut <= 1, cut, np.nan), ready & (p * given_win > cost))


def _cuts(threshold: Mapping[str, Any], leads: int, owner: Sequence[str | None] | None) -> Numbers:
    """Return the cut of each lead's representative, the team's where it has none of its own."""
    team = float(threshold["probability"])
    own = {rep["owner"]: float(rep["probability"]) for rep in threshold.get("reps", ())}
    if not own or owner is None:
        return np.full(leads, team)
    return np.array([own.get(name, team) for name in owner], np.float64)
