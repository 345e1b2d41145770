"""Model and points where both hand off equally many leads."""

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from leadml.evaluation.challenge import FEWEST_ACCOUNTS, LEVEL, replicates_for
from leadml.evaluation.close_rate import close_rate
from leadml.evaluation.interval import Interval
from leadml.evaluation.tally import Floats, Ranked

Bools = NDArray[np.bool_]
FEWEST = 20
"""Fewest leads, and fewest won and lost together, that are compared."""
MOST_TAKEN = 0.9
"""Largest share of the leads that counts as a choice: beyond, both take nearly the same ones."""


@dataclass(frozen=True, kw_only=True)
class Contenders:
    """What model and points said of the same matured leads; arrays of shape (leads,).

    Attributes
    ----------
    won : bool array
    probability, points : float arrays
    weight : float array or None
        How many leads each stands for; None where each stands for itself.
    accounts : int array or None
        Leads with the same number are drawn together.
    """

    won: Bools
    probability: Floats
    points: Floats
    weight: Floats | None = None
    accounts: NDArray[np.intp] | None = None


@dataclass(frozen=True)
class Volume:
    """How many leads both contenders choose.

    Attributes
    ----------
    leads : int
        Of the leads given.
    share : float
        Of what they stand for, in (0, 1].
    why : str
        Why so many.
    """

    leads: int
    share: float
    why: str


def volume_of(points: Floats, threshold: float | None, weight: Floats | None = None) -> Volume:
    """Return how many leads both contenders choose.

    As many as the points hand off, unless that is (nearly) all or none of them: whoever takes all
    leads has not chosen. Then half.

    Parameters
    ----------
    points : float array, shape (leads,)
    threshold : float or None
        From how many points on a lead is handed off; None where that is not agreed.
    weight : float array, shape (leads,), optional
        How many leads each stands for.

    Examples
    --------
    >>> volume_of(np.array([10.0, 20.0, 30.0, 40.0]), 30.0)
    Volume(leads=2, share=0.5, why='as many as reach the agreed points')
    >>> volume_of(np.array([30.0, 40.0]), 30.0).leads
    1
    """
    stands_for = np.ones(len(points)) if weight is None else weight
    reach = np.zeros(len(points), bool) if threshold is None else points >= threshold
    above, share = int(reach.sum()), float(stands_for[reach].sum() / stands_for.sum())
    if 0 < share <= MOST_TAKEN:
        return Volume(above, share, "as many as reach the agreed points")
    half = len(points) // 2
    if threshold is None:
        return Volume(
            half, half / len(points), "the better half, for no points threshold is agreed"
        )
    words = "nearly all of them reach" if above else "none of them reaches"
    return Volume(half, half / len(points), f"the better half, for {words} the agreed points")


def equal_volume(
    of: Contenders, volume: Volume, *, confidence: float, seed: int = 0
) -> dict[str, Any]:
    """Compare the wins among the best so many leads by the model and by the points.

    Ties at the edge are broken fairly: wins are averaged over their order. The difference comes
    with a 95 % percentile interval of paired resamples of whole accounts.

    Returns
    -------
    dict
        JSON-ready: ``volume, leads, model, points, difference, better, why_null``; each contender
        as ``{"won", "close_rate"}``.
    """
    leads, won = len(of.won), int(of.won.sum())
    told: dict[str, Any] = {"volume": volume.leads, "leads": leads, "model": None, "points": None}
    told |= {"difference": None, "better": None, "why_null": None}
    if leads < FEWEST or min(won, leads - won) < 2 or not volume.leads:
        return told | {"why_null": _too_few(leads, won)}
    ranked = Ranked(of.won, of.probability), Ranked(of.won, of.points)
    for name, one in zip(("model", "points"), ranked, strict=True):
        told[name] = _chosen(one, volume, of.weight, confidence)
    difference, settles = _difference(ranked, volume.share, of, seed)
    return told | {"difference": difference.to_dict(), "better": _better(difference, settles)}


def _too_few(leads: int, won: int) -> str:
    return (
        f"{leads:,} matured leads with a served probability and points, {won:,} of them won: at "
        f"least {FEWEST} leads, 2 won and 2 lost are needed"
    )


def _chosen(
    ranked: Ranked, volume: Volume, weight: Floats | None, confidence: float
) -> dict[str, Any]:
    if weight is None:
        wins = _wins_on_top(ranked, None, float(volume.leads))
        return {"won": wins, "close_rate": close_rate(wins, volume.leads, confidence).to_dict()}
    rate = _rate_on_top(ranked, weight, volume.share)
    absent = {"value": rate, "low": None, "high": None}
    reason = "weighted by the exploration, so that no exact bounds apply"
    return {"won": rate * volume.leads, "close_rate": absent | {"reason": reason}}


def _wins_on_top(ranked: Ranked, weight: Floats | None, volume: float) -> float:
    tally = ranked.tally(weight)
    leads = np.concatenate([[0.0], np.cumsum(tally.leads[::-1])])
    won = np.concatenate([[0.0], np.cumsum(tally.won[::-1])])
    return float(np.interp(volume, leads, won))


def _rate_on_top(ranked: Ranked, weight: Floats, share: float) -> float:
    volume = share * float(weight.sum())
    return _wins_on_top(ranked, weight, volume) / volume


def _difference(
    ranked: tuple[Ranked, Ranked], share: float, of: Contenders, seed: int
) -> tuple[Interval, bool]:
    leads = len(of.won)
    own = np.ones(leads) if of.weight is None else of.weight
    cluster = np.arange(leads) if of.accounts is None else of.accounts
    cluster = np.unique(cluster, return_inverse=True)[1].reshape(-1)
    clusters, random = int(cluster.max()) + 1, np.random.default_rng(seed)
    gaps = []
    for _ in range(replicates_for(leads)):
        drawn = np.bincount(random.integers(0, clusters, clusters), minlength=clusters)[cluster]
        if drawn.any():
            gaps.append(_gap(ranked, own * drawn, share))
    low, high = np.quantile(gaps, [(1 - LEVEL) / 2, (1 + LEVEL) / 2])
    return Interval.around(_gap(ranked, own, share), low, high), clusters >= FEWEST_ACCOUNTS


def _gap(ranked: tuple[Ranked, Ranked], weight: Floats, share: float) -> float:
    model, points = (_rate_on_top(one, weight, share) for one in ranked)
    return model - points


def _better(difference: Interval, settles: bool) -> str | None:
    if not settles or difference.low is None or difference.high is None:
        return None
    if difference.low <= 0 <= difference.high:
        return None
    return "model" if difference.low > 0 else "points"
