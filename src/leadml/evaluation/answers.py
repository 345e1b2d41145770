"""What model and points said about the same leads, and what was promised."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from leadml.evaluation.challenge import Scored
from leadml.evaluation.tally import Floats

Bools = NDArray[np.bool_]
FURTHEST = 36.0
"""Log-odds beyond which a double's probability is 0 or 1."""


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

    @property
    def log_odds(self) -> Floats:
        """The probability in log-odds, finite."""
        p = np.clip(self.probability, 1e-15, 1 - 1e-15)
        return np.asarray(np.log(p / (1 - p)))


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
            log_odds = np.clip(intercept + slope * self.ranking, -FURTHEST, FURTHEST)
            probability = 1 / (1 + np.exp(-log_odds))
        return Scored(self.ranking, probability, self.known, self.no_calibration)


@dataclass(frozen=True)
class Promise:
    """What a hand-off group has to keep: a close rate, and the confidence of every bound."""

    close_rate: float
    confidence: float


@dataclass(frozen=True)
class Together:
    """The model and the points as one score: ``intercept + model * log_odds + points * points``.

    Attributes
    ----------
    intercept, model, points : float
        As `leadml.model.together` fitted them on predictions made ahead of time.
    """

    intercept: float
    model: float
    points: float

    def log_odds(self, of_model: Floats, points: Floats) -> Floats:
        """Return the log-odds by both."""
        both = self.intercept + self.model * of_model + self.points * points
        return np.asarray(np.clip(both, -FURTHEST, FURTHEST))
