"""Model and points held against each other and against the agreement, on the same leads."""

from collections.abc import Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray

from leadml.evaluation.answers import Bools, ModelAnswers, PointsAnswers, Promise
from leadml.evaluation.calibration import reliability
from leadml.evaluation.challenge import LEVEL, Challenge, Difference, Progress, Scored
from leadml.evaluation.close_rate import at_volume, by_group, expected_wins, handoff, ranges_of
from leadml.evaluation.fair import NOTHING_ELSE, Circumstances, FairComparison
from leadml.evaluation.gains import gains
from leadml.evaluation.interval import Interval
from leadml.evaluation.metrics import METRICS
from leadml.evaluation.slices import Answers, slices
from leadml.evaluation.tally import Floats

BANDS = ("A", "B", "C", "D")


def assess(
    won: Bools,
    model: ModelAnswers,
    points: PointsAnswers | None,
    promise: Promise,
    *,
    accounts: NDArray[np.intp] | None = None,
    seed: int = 0,
    progress: Progress | None = None,
    no_points: str = "there is no points score",
    circumstances: Circumstances = NOTHING_ELSE,
) -> dict[str, Any]:
    """Measure model and points on the same leads.

    Parameters
    ----------
    won : bool array, shape (leads,)
        Sales-ready outcomes under the agreement.
    model, points
        Their answers on those leads; None where there are no points.
    promise : Promise
        What was agreed.
    accounts : int array, shape (leads,), or None
        Leads of one account share a number and are resampled together.
    seed : int
        Of resamples and bands.
    progress : callable or None
        Told ``(done, total)`` resamples.
    no_points : str
        Why there are no points.
    circumstances : Circumstances
        What else is known of the leads.

    Returns
    -------
    dict
        JSON-ready: ``scores, comparison, compared_leads, handoff, verdict, reliability, gains,
        by_band, by_points, intervals, winner, winner_text, range_restricted, fair_comparison,
        slices``.
    """
    won = np.asarray(won, bool)
    if points is not None and not points.known.any():
        points, no_points = None, "no lead has points"
    contestants = _contestants(model, points)
    fair = None
    if points is not None:
        fair = FairComparison(
            won, model, points, promise, circumstances, accounts=accounts, seed=seed
        )
    challenge = Challenge(
        won,
        contestants,
        accounts=accounts,
        seed=seed,
        progress=progress,
        watch=(lambda _weight: None) if fair is None else fair.watch,
    )
    both = None if fair is None else fair.ranking_of_both
    explored = circumstances.explored
    certain = np.ones(len(won), bool) if explored is None else ~explored
    groups = _handoffs(won, model, points, promise, no_points, both, certain)
    compared = _no_comparison(no_points) if fair is None else fair.to_dict()
    return {
        "scores": _scores(challenge, points, no_points),
        "comparison": _comparison(challenge, contestants, points),
        "compared_leads": 0 if points is None else int(points.known.sum()),
        "handoff": groups,
        "verdict": groups["model"]["verdict"],
        "reliability": _reliabilities(won, contestants, promise, seed),
        "gains": _gains(won, model, points),
        "by_band": [
            group.to_dict("band")
            for group in by_group(won, model.band, BANDS, confidence=promise.confidence)
        ],
        "by_points": _by_points(won, points, promise.confidence),
        "intervals": {"scores": LEVEL, "replicates": challenge.replicates, "seed": seed},
        **compared,
        "slices": _slices(won, model, points, promise, circumstances, accounts, compared),
    }


def _no_comparison(no_points: str) -> dict[str, Any]:
    text = f"There is nothing to compare the model with: {no_points}."
    restricted = {"restricted": False, "weighted": False, "why": no_points}
    return {
        "winner": None,
        "winner_text": text,
        "range_restricted": restricted,
        "fair_comparison": None,
    }


def _slices(
    won: Bools,
    model: ModelAnswers,
    points: PointsAnswers | None,
    promise: Promise,
    circumstances: Circumstances,
    accounts: NDArray[np.intp] | None,
    compared: Mapping[str, Any],
) -> list[dict[str, Any]]:
    answers = Answers(
        won=won,
        probability=model.probability,
        points=None if points is None else points.points,
        ready=model.sales_ready,
        accounts=accounts,
    )
    return slices(
        answers,
        circumstances.slices,
        confidence=promise.confidence,
        compare=not compared["range_restricted"]["restricted"],
    )


def _contestants(model: ModelAnswers, points: PointsAnswers | None) -> dict[str, Scored]:
    contestants = {"model": Scored(model.probability, model.probability)}
    if points is None:
        return contestants
    contestants["points"] = points.scored()
    if not points.known.all():
        contestants["paired"] = Scored(model.probability, model.probability, points.known)
    return contestants


def _scores(
    challenge: Challenge, points: PointsAnswers | None, no_points: str
) -> dict[str, dict[str, Any]]:
    if points is None:
        measured = dict.fromkeys(METRICS, Interval.absent(no_points))
    else:
        measured = challenge.scores("points")
    both = {"model": challenge.scores("model"), "points": measured}
    return {
        name: {metric: interval.to_dict() for metric, interval in scores.items()}
        for name, scores in both.items()
    }


def _comparison(
    challenge: Challenge, contestants: dict[str, Scored], points: PointsAnswers | None
) -> list[dict[str, Any]]:
    if points is None:
        return []
    first = "paired" if "paired" in contestants else "model"
    return [_compared(row) for row in challenge.differences(first, "points")]


def _compared(row: Difference) -> dict[str, Any]:
    gap = row.difference
    values = {
        "metric": row.metric,
        "model": row.first,
        "points": row.second,
        "difference": gap.value,
        "low": gap.low,
        "high": gap.high,
        "better": None
        if row.better is None
        else {"first": "model", "second": "points"}[row.better],
    }
    return values if gap.reason is None else values | {"reason": gap.reason}


def _handoffs(
    won: Bools,
    model: ModelAnswers,
    points: PointsAnswers | None,
    promise: Promise,
    no_points: str,
    both: Floats | None,
    certain: Bools,
) -> dict[str, Any]:
    """Judge the hand-offs of each among the leads that were handed off for certain."""
    agreed = {"rate": promise.close_rate, "confidence": promise.confidence}
    won = won[certain]
    by_model = handoff(won, model.sales_ready[certain], threshold=model.threshold, **agreed)
    if points is None:
        nobody = np.zeros(len(won), bool)
        absent = handoff(won, nobody, threshold=None, **agreed).to_dict()
        absent |= {"handed_off": None, "won": None, "recall": None, "reason": no_points}
        same = {"volume": None, "model": None, "points": None, "both": None, "reason": no_points}
        return {"model": by_model.to_dict(), "points": absent, "same_volume": same}
    by_points = handoff(won, points.ready[certain], threshold=points.threshold, **agreed)
    rankings = {
        "model": model.probability[certain],
        "points": points.ranking[certain],
        "both": None if both is None else both[certain],
    }
    return {
        "model": by_model.to_dict(),
        "points": by_points.to_dict(),
        "same_volume": _same_volume(won, rankings, by_points.handed_off, promise.confidence),
    }


def _same_volume(
    won: Bools, rankings: Mapping[str, Floats | None], volume: int, confidence: float
) -> dict[str, Any]:
    same: dict[str, Any] = {"volume": volume}
    for name, score in rankings.items():
        if score is None:
            same[name] = None
            continue
        rate = at_volume(won, score, volume, confidence=confidence)
        same[name] = rate.to_dict() | {"won": expected_wins(won, score, volume)}
    return same


def _reliabilities(
    won: Bools, contestants: dict[str, Scored], promise: Promise, seed: int
) -> dict[str, Any]:
    diagrams: dict[str, Any] = {"model": None, "points": None}
    for name in diagrams:
        scored = contestants.get(name)
        if scored is None or scored.probability is None:
            continue
        rows = np.ones(len(won), bool) if scored.rows is None else scored.rows
        diagram = reliability(
            won[rows], scored.probability[rows], confidence=promise.confidence, seed=seed
        )
        diagrams[name] = diagram.to_dict()
    return diagrams


def _gains(won: Bools, model: ModelAnswers, points: PointsAnswers | None) -> dict[str, Any]:
    curves: dict[str, Any] = {"model": gains(won, model.probability), "points": None}
    if points is not None:
        curves["points"] = gains(won, points.ranking)
    return curves


def _by_points(won: Bools, points: PointsAnswers | None, confidence: float) -> list[dict[str, Any]]:
    if points is None:
        return []
    bucket, names = points.bucket, list(points.buckets)
    if bucket is None:
        bucket, ranges = ranges_of(points.points)
        names = list(ranges)
    else:
        below = points.known & (bucket == None)  # noqa: E711 - elementwise
        bucket = np.where(below, "below all", bucket)
        names = [*names, "below all"]
    missing = ~points.known
    if missing.any():
        bucket, names = np.where(missing, "no points", bucket), [*names, "no points"]
    return [g.to_dict("bucket") for g in by_group(won, bucket, names, confidence=confidence)]
