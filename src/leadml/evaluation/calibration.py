"""Whether a probability of 30 % means that 30 % of such leads are won."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.optimize import isotonic_regression

from leadml.evaluation.close_rate import close_rate
from leadml.evaluation.interval import Interval
from leadml.evaluation.tally import Floats, Ranked, Tally


def recalibrated(tally: Tally) -> Floats:
    """Return the isotonic recalibration: the close rate at each score, made non-decreasing.

    The CORP curve of Dimitriadis, Gneiting and Jordan 2021 (doi:10.1073/pnas.2016191118), by
    pooling adjacent violators. Every score must have leads (`Tally.present`).
    """
    if not len(tally.score):
        return np.empty(0)
    leads = tally.leads
    return np.asarray(isotonic_regression(tally.won / leads, weights=leads).x)


def as_if_calibrated(tally: Tally, random: np.random.Generator) -> Tally:
    """Draw outcomes for the same leads as if every probability were right."""
    leads = np.rint(tally.leads).astype(np.int64)
    won = random.binomial(leads, np.clip(tally.score, 0.0, 1.0)).astype(float)
    return Tally(tally.score, won, leads - won)


@dataclass(frozen=True)
class Bin:
    """Leads with similar probabilities: what was said and what came."""

    leads: int
    won: int
    probability: float
    close_rate: Interval

    def to_dict(self) -> dict[str, object]:
        """Return JSON-ready values; `probability` is the mean of the bin."""
        counts = {"leads": self.leads, "won": self.won, "probability": self.probability}
        return counts | {"close_rate": self.close_rate.to_dict()}


@dataclass(frozen=True)
class Reliability:
    """A reliability diagram as numbers.

    Attributes
    ----------
    probability, close_rate : float arrays, shape (points,)
        The CORP curve: probability said, close rate that came (isotonic).
    low, high : float arrays, shape (points,)
        Consistency band, pointwise: where the curve would lie if the probabilities were right.
    bins : list of Bin
        The same leads in up to ten groups of about equal size.
    """

    probability: Floats
    close_rate: Floats
    low: Floats
    high: Floats
    bins: list[Bin]

    def to_dict(self) -> dict[str, object]:
        """Return JSON-ready values."""
        curve = {
            name: [float(number) for number in getattr(self, name)]
            for name in ("probability", "close_rate", "low", "high")
        }
        return {"curve": curve, "bins": [part.to_dict() for part in self.bins]}


def reliability(
    won: NDArray[np.bool_],
    probability: Floats,
    *,
    confidence: float,
    seed: int = 0,
    level: float = 0.95,
    draws: int = 400,
    points: int = 100,
) -> Reliability:
    """Compute the reliability diagram of probabilities.

    The curve needs no choice of bins; its band comes from `draws` sets of outcomes drawn as if
    every probability were right, recalibrated in the same way (the consistency band of the CORP
    paper, leads taken as independent).

    Parameters
    ----------
    won : bool array, shape (leads,)
        Outcomes.
    probability : float array, shape (leads,)
        Probabilities, in [0, 1].
    confidence : float
        Of each one-sided exact bound of a bin's close rate.
    seed : int
        Of the draws.
    level : float
        Pointwise probability of the band.
    draws, points : int
        Number of draws, and of points kept of the curve.
    """
    tally = Ranked(won, probability).tally()
    kept = _spread(tally, points)
    random = np.random.default_rng(seed)
    drawn = np.array([recalibrated(as_if_calibrated(tally, random))[kept] for _ in range(draws)])
    low, high = np.quantile(drawn, [(1 - level) / 2, (1 + level) / 2], axis=0)
    curve = recalibrated(tally)[kept]
    return Reliability(tally.score[kept], curve, low, high, bins(tally, confidence=confidence))


def _spread(tally: Tally, points: int) -> NDArray[np.intp]:
    """Choose scores evenly along the leads, the lowest and the highest among them."""
    along = np.cumsum(tally.leads) - tally.leads / 2
    wanted = np.linspace(along[0], along[-1], points)
    return np.unique(np.clip(np.searchsorted(along, wanted), 0, len(along) - 1))


def bins(tally: Tally, *, confidence: float, parts: int = 10) -> list[Bin]:
    """Group leads by score into up to `parts` groups of about equal size; ties stay together."""
    below = np.cumsum(tally.leads) - tally.leads
    part = np.floor((below + tally.leads / 2) / tally.leads.sum() * parts).astype(int)
    grouped = []
    for number in np.unique(part):
        inside = part == number
        leads, won = tally.leads[inside].sum(), tally.won[inside].sum()
        mean = float(tally.leads[inside] @ tally.score[inside] / leads)
        grouped.append(Bin(int(leads), int(won), mean, close_rate(won, leads, confidence)))
    return grouped
