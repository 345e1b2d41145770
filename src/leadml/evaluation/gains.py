"""The gains curve: how many of the wins are found in the best-ranked share of the leads."""

import numpy as np
from numpy.typing import NDArray

from leadml.evaluation.tally import Floats, Ranked


def gains(won: NDArray[np.bool_], score: Floats, *, points: int = 101) -> list[dict[str, float]]:
    """Walk down the ranking and count the wins met.

    Parameters
    ----------
    won : bool array, shape (leads,)
        Outcomes, at least one won.
    score : float array, shape (leads,)
        Finite scores; higher is better.
    points : int
        Points of the curve, evenly along the leads.

    Returns
    -------
    list of dict
        ``leads`` and ``won``: share of the leads taken from the top, and share of the wins among
        them, both from 0 to 1. Within ties the curve is straight: the average over their order.
        Empty without wins.
    """
    tally = Ranked(won, score).tally()
    if not tally.won.sum():
        return []
    leads = np.concatenate([[0.0], np.cumsum(tally.leads[::-1])])
    wins = np.concatenate([[0.0], np.cumsum(tally.won[::-1])])
    shares = np.linspace(0.0, 1.0, points)
    found = np.interp(shares, leads / leads[-1], wins / wins[-1])
    return [
        {"leads": float(share), "won": float(win)} for share, win in zip(shares, found, strict=True)
    ]
