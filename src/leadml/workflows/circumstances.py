"""What else an evaluation knows of its leads: money, slices, and who could have been worked."""

from collections.abc import Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray

from leadml.data.values import NO_TIME
from leadml.domain.agreement import Agreement
from leadml.domain.definition import Definition
from leadml.evaluation.answers import Together
from leadml.evaluation.fair import Circumstances
from leadml.evaluation.range_restriction import Pool
from leadml.snapshot.exploration import Weights, propensity_of
from leadml.snapshot.labels import UNUSABLE, Judged
from leadml.workflows.material import Material, batch_of
from leadml.workflows.months import months_of
from leadml.workflows.new_leads import learnt_from
from leadml.workflows.score import Scorer
from leadml.workflows.value import money_of

Rows = NDArray[np.intp]
MOST_POOLED = 20_000
"""Most leads by which it is judged whether the points decided who was worked: every k-th."""
MOST_SCORED = 3_000
"""Most leads by which it is judged whether the model did."""
SLICED_BY = ("source", "industry", "owner")


def circumstances_of(
    material: Material, judged: Judged, scorer: Scorer, rows: Rows, definition: Definition
) -> Circumstances:
    """Gather what the fair comparison needs beside outcomes and scores.

    Parameters
    ----------
    material, judged
        The whole export, held against the agreement.
    scorer : Scorer
        Its definition gives the points; its manifest holds model and points as one score.
    rows : int array
        Positions of the evaluated leads.
    definition : Definition
        The present one.
    """
    weights = exploration_of(material, rows)
    fitted = scorer.manifest.get("together")
    line = ("intercept", "model", "points")
    money = money_of(material, judged, definition.agreement, rows)
    return Circumstances(
        together=Together(*(fitted[key] for key in line)) if fitted else None,
        margin=None if money.of is None else money.known,
        cost=definition.handoff.cost,
        weight=None if weights is None or not weights.any else weights.weight,
        pool=_pool(material, judged, scorer, definition.agreement),
        slices=_slices(material, judged, rows),
        explored=None if weights is None else weights.explored,
    )


def exploration_of(material: Material, rows: Rows) -> Weights | None:
    """Return the weights of the evaluated leads; None where exploration is not recorded."""
    known = propensity_of(material.leads)
    return None if known is None else known.weights(rows)


def exploration_told(weights: Weights, won: NDArray[np.bool_]) -> dict[str, Any]:
    """Say how leads handed off at random were weighed, and how they closed, JSON-ready.

    Their close rate is no verdict on anything: they lie below the cut and were worked on command.
    """
    explored = weights.explored
    rate = float(won[explored].mean()) if explored.any() else None
    told = {"won": int(won[explored].sum()), "close_rate": rate}
    return weights.to_dict() | told


def _slices(material: Material, judged: Judged, rows: Rows) -> Mapping[str, NDArray[np.object_]]:
    found = {key: material.leads.texts(key) for key in SLICED_BY}
    named = {key: texts[rows] for key, texts in found.items() if texts is not None}
    if judged.dated:
        zone = material.leads.mapping.timezone
        named["month"] = months_of(judged.as_of[rows], zone)
    return named


def _pool(material: Material, judged: Judged, scorer: Scorer, agreement: Agreement) -> Pool | None:
    """Return points and scores of all leads that could have been worked, and who was worked."""
    if not (scorer.definition.points.rules or scorer.definition.leads.points):
        return None
    moments = _moments(material, judged)
    worked = judged.in_group & judged.followed_up
    if agreement.counts == "handed_off":
        worked = judged.in_group
    there = ~np.isin(judged.why_not.astype(str), UNUSABLE) & (judged.matured | (~judged.dated))
    rows = np.flatnonzero(there & (moments != NO_TIME) if judged.dated else there)
    rows = rows[~learnt_from(material.leads.lead_id[rows].tolist(), scorer)]
    rows = rows[:: -(-len(rows) // MOST_POOLED) or 1]
    points = scorer.points_of(batch_of(material, rows, moments[rows]))
    if points is None:
        return None
    some = np.arange(0, len(rows), -(-len(rows) // MOST_SCORED) or 1)
    model = np.full(len(rows), np.nan)
    scores = scorer.score_batch(batch_of(material, rows[some], moments[rows[some]]), explain=False)
    model[some] = scores.log_odds
    model[some[list(scores.errors)]] = np.nan
    whole = np.arange(0, len(moments), -(-len(moments) // MOST_POOLED) or 1)
    return Pool(
        points,
        worked[rows],
        _stands_for(material, rows, worked),
        model,
        scorer.points_of(batch_of(material, whole, moments[whole])),
    )


def _stands_for(
    material: Material, rows: Rows, worked: NDArray[np.bool_]
) -> NDArray[np.float64] | None:
    """Return how many leads each worked one stands for; None where nobody was explored."""
    found = exploration_of(material, rows[worked[rows]])
    if found is None or not found.any:
        return None
    weight = np.ones(len(rows))
    weight[worked[rows]] = found.weight
    return weight


def _moments(material: Material, judged: Judged) -> NDArray[np.int64]:
    """Return when each lead is judged; where it was never handed off, at the usual age.

    Points grow with time: a lead judged when it came in has fewer than one judged at its hand-off,
    whatever the points had to do with handing it off.
    """
    moments: NDArray[np.int64] = judged.as_of.astype("datetime64[us]").view("i8").copy()
    created = material.leads.times.get("created_at")
    if created is None or "handed_off_at" not in material.leads.times:
        return moments
    since = created.astype("datetime64[us]").view("i8")
    known = judged.handed_off & (since != NO_TIME) & (moments != NO_TIME)
    if not known.any():
        return moments
    usual = int(np.median(moments[known] - since[known]))
    latest = material.now_microseconds
    other = ~judged.handed_off & (since != NO_TIME)
    later = since + max(usual, 0)
    moments[other] = (later if latest is None else np.minimum(later, latest))[other]
    return moments
