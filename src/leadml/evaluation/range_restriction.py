"""Whether the points decided who was worked, so that worked leads flatter everybody but them."""

from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy.stats import rankdata

from leadml.evaluation.delong import areas
from leadml.evaluation.interval import Interval
from leadml.evaluation.tally import Floats

Bools = NDArray[np.bool_]
FEWEST_OF_EACH = 20
"""Fewest worked leads, and fewest not worked, by which it is judged."""
NARROWED = 0.85
"""Spread of the points among worked leads ÷ among all, under which the range is restricted."""
EDGE = 0.05
"""Leads under the threshold ÷ leads just above it, under which the export was cut there."""


@dataclass(frozen=True)
class Pool:
    """Leads that could have been worked; arrays of shape (leads,).

    Attributes
    ----------
    points : float array
        As of the hand-off, or as of the usual age at hand-off where there was none; NaN allowed.
    worked : bool array
        Whether sales worked the lead, so that it has an outcome.
    weight : float array or None
        How many leads each worked one stands for; None where each stands for itself.
    model : float array or None
        The model's log-odds as of the same moments; NaN where not scored; None for none.
    export : float array, shape (leads of the export,), or None
        Points of all leads of the export, of no use otherwise or not; None for `points`.
    """

    points: Floats
    worked: Bools
    weight: Floats | None = None
    model: Floats | None = None
    export: Floats | None = None


def restriction(pool: Pool, *, threshold: float) -> dict[str, Any]:
    """Tell whether who was worked depends on the points so much that no winner may be named.

    Parameters
    ----------
    pool : Pool
    threshold : float
        Points from which a lead would be handed off.

    Returns
    -------
    dict
        JSON-ready: ``restricted, weighted, why, leads, worked, threshold, worked_share_above,
        worked_share_below, auc, spread, model``; `weighted` where weights make up for it, so that a
        winner may be named. `model` says the same of the model, ``{restricted, auc, spread}``.

    Notes
    -----
    Restricted: the area of the points for *was worked* is above 0.5 beyond chance (95 %), and the
    points of worked leads spread less than `NARROWED` times as far as those of all leads (standard
    deviation of points or of their ranks, the smaller). The narrower the range, the less points can
    tell apart (Thorndike 1949; Sackett and Yang 2000, doi:10.1037/0021-9010.85.1.112): at 0.85 two
    equally good scores differ by 0.004 in AUC in a simulation, at 0.7 by 0.010, at 0.5 by 0.017.
    Where no lead that was not worked is in the export, many leads just above the threshold and
    hardly any below show that the export was cut there.
    """
    known = np.isfinite(pool.points)
    points, worked = pool.points[known], pool.worked[known]
    found: dict[str, Any] = {
        "restricted": False,
        "weighted": False,
        "why": "",
        "leads": len(points),
        "worked": int(worked.sum()),
        "threshold": threshold,
        "worked_share_above": _share(worked[points >= threshold]),
        "worked_share_below": _share(worked[points < threshold]),
        "auc": Interval.absent("too few leads were not worked").to_dict(),
        "spread": None,
        "model": decided(pool, pool.model),
    }
    if min(worked.sum(), (~worked).sum()) < FEWEST_OF_EACH:
        export = points if pool.export is None else pool.export[np.isfinite(pool.export)]
        return found | _edge(export, threshold)
    found |= decided(replace(pool, weight=None), pool.points)
    if found["restricted"]:
        found["weighted"] = not decided(pool, pool.points)["restricted"]
    return found | {"why": _why(found)}


def decided(pool: Pool, score: Floats | None) -> dict[str, Any]:
    """Tell whether a score decided who was worked, after the pool's weights.

    Returns
    -------
    dict
        JSON-ready: ``restricted``; ``auc`` of the score for *was worked*; ``spread``.
    """
    told: dict[str, Any] = {"restricted": False, "auc": None, "spread": None}
    if score is None:
        return told
    known = np.isfinite(score)
    score, worked = score[known], pool.worked[known]
    if min(worked.sum(), (~worked).sum()) < FEWEST_OF_EACH:
        return told
    area = areas(worked, [score]).interval(0)
    weight = None if pool.weight is None else pool.weight[known]
    spread = narrowing(score, worked, weight)
    above = area.low is not None and area.low > 0.5
    return {"restricted": above and spread < NARROWED, "auc": area.to_dict(), "spread": spread}


def narrowing(points: Floats, worked: Bools, weight: Floats | None = None) -> float:
    """Return the spread of points among worked leads ÷ among all; that of the ranks if smaller."""
    own = np.ones(int(worked.sum())) if weight is None else weight[worked]
    ratios = []
    for values in (points, rankdata(points)):
        everyone, chosen = float(values.std()), values[worked]
        variance = np.average((chosen - np.average(chosen, weights=own)) ** 2, weights=own)
        ratios.append(float(np.sqrt(variance)) / everyone if everyone > 0 else 1.0)
    return min(ratios)


def _share(worked: Bools) -> float | None:
    return float(worked.mean()) if len(worked) else None


def _edge(points: Floats, threshold: float) -> dict[str, Any]:
    """Look for an export cut at the threshold."""
    width = float(points.std()) / 2 if len(points) else 0.0
    above = int(((points >= threshold) & (points < threshold + width)).sum())
    below = int((points < threshold).sum())
    if threshold <= 0 or above < FEWEST_OF_EACH or below >= EDGE * above:
        why = "(almost) every lead of this export was worked, whatever its points"
        return {"restricted": False, "why": why}
    why = (
        f"the export holds {above:,} leads just above {threshold:g} points and {below:,} below, "
        "so the points decided who is in it, and among such leads points look worse than "
        "they are"
    )
    return {"restricted": True, "why": why}


def _why(found: dict[str, Any]) -> str:
    above, below = found["worked_share_above"], found["worked_share_below"]
    if not found["restricted"]:
        return "who was worked depends little on the points"
    if above is None or below is None:
        shares = f"worked leads keep {found['spread']:.0%} of the spread of all leads' points"
    else:
        shares = (
            f"{above:.0%} of the leads from {found['threshold']:g} points were worked and "
            f"{below:.0%} of those below"
        )
    return (
        f"the points decided which leads were worked ({shares}), and among leads that the points "
        "chose, points look worse than they are"
    )
