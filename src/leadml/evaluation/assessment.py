"""Model and points held against each other and against the agreement, on the same leads."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from leadml.evaluation.calibration import reliability
from leadml.evaluation.challenge import LEVEL, Challenge, Difference, Progress, Scored
from leadml.evaluation.close_rate import at_volume, by_group, expected_wins, handoff, ranges_of
from leadml.evaluation.gains import gains
from leadml.evaluation.interval import Interval
from leadml.evaluation.metrics import METRICS
from leadml.evaluation.tally import Floats

Bools = NDArray[np.bool_]
BANDS = ("A", "B", "C", "D")


@dataclass(frozen=True, kw_only=True)
class ModelAnswers:
    """What the model said; arrays of shape (leads,).

    Attributes
    ----------
    probability : float array
        Calibrated, in [0, 1].
    sales_ready : bool array
        Whether it would hand the lead off.
    band : array of str
        A to D.
    threshold : float or None
        Probability from which it hands off.
    """

    probability: Floats
    sales_ready: Bools
    band: NDArray[np.object_]
    threshold: float | None


@dataclass(frozen=True, kw_only=True)
class PointsAnswers:
    """What the points said; arrays of shape (leads,).

    Attributes
    ----------
    points : float array
        NaN where a lead has none.
    ready : bool array
        At or above the threshold.
    threshold : float
        Points from which a lead is handed off.
    bucket : object array, or None
        Name of each lead's bucket (None below all); None where no buckets are agreed.
    buckets : sequence of str
        Bucket names, best first.
    calibration : (intercept, slope), or None
        Log-odds of a win as a line in the points, fitted on the training leads.
    no_calibration : str
        Why there is none.
    """

    points: Floats
    ready: Bools
    threshold: float
    bucket: NDArray[np.object_] | None = None
    buckets: Sequence[str] = ()
    calibration: tuple[float, float] | None = None
    no_calibration: str = "the points were not calibrated when the model was trained"

    @property
    def known(self) -> Bools:
        """Leads that have points."""
        return np.isfinite(self.points)

    @property
    def ranking(self) -> Floats:
        """Points, with leads that have none ranked last."""
        known = self.known
        last = self.points[known].min() - 1 if known.any() else 0.0
        return np.where(known, self.points, last)

    def scored(self) -> Scored:
        """Return the points as a contestant."""
        probability = None
        if self.calibration is not None:
            intercept, slope = self.calibration
            log_odds = np.clip(intercept + slope * self.ranking, -36, 36)
            probability = 1 / (1 + np.exp(-log_odds))
        return Scored(self.ranking, probability, self.known, self.no_calibration)


@dataclass(frozen=True)
class Promise:
    """What a hand-off group has to keep: a close rate, and the confidence of every bound."""

    close_rate: float
    confidence: float


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

    Returns
    -------
    dict
        JSON-ready: ``scores, comparison, compared_leads, handoff, verdict, reliability, gains,
        by_band, by_points, intervals``.
    """
    won = np.asarray(won, bool)
    if points is not None and not points.known.any():
        points, no_points = None, "no lead has points"
    contestants = _contestants(model, points)
    challenge = Challenge(won, contestants, accounts=accounts, seed=seed, progress=progress)
    groups = _handoffs(won, model, points, promise, no_points)
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
    }


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
) -> dict[str, Any]:
    agreed = {"rate": promise.close_rate, "confidence": promise.confidence}
    by_model = handoff(won, model.sales_ready, threshold=model.threshold, **agreed)
    if points is None:
        nobody = np.zeros(len(won), bool)
        absent = handoff(won, nobody, threshold=None, **agreed).to_dict()
        absent |= {"handed_off": None, "won": None, "recall": None, "reason": no_points}
        same = {"volume": None, "model": None, "points": None, "reason": no_points}
        return {"model": by_model.to_dict(), "points": absent, "same_volume": same}
    by_points = handoff(won, points.ready, threshold=points.threshold, **agreed)
    return {
        "model": by_model.to_dict(),
        "points": by_points.to_dict(),
        "same_volume": _same_volume(
            won, model.probability, points.ranking, by_points.handed_off, promise.confidence
        ),
    }


def _same_volume(
    won: Bools, probability: Floats, ranking: Floats, volume: int, confidence: float
) -> dict[str, Any]:
    same: dict[str, Any] = {"volume": volume}
    for name, score in (("model", probability), ("points", ranking)):
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
