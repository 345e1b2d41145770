"""The probability of a win in the end: within the longest horizon the data can show."""

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

from leadml.model.scorecard import Scorecard, probability, probability_at

Numbers = NDArray[np.float64]
Form = Literal["none", "base_rate", "score", "logistic"]


@dataclass(frozen=True, kw_only=True)
class Eventually:
    """The chance that a lead not won within the horizon H is won after it, by the longest one, L.

    A lead's probability of a win within L is p + (1 - p) · q: p within H, q this chance. So it is
    never below p, and the two cannot contradict each other.

    Attributes
    ----------
    horizon_days : float
        L; equal to H where the data show nothing beyond it.
    leads, won : int
        Leads watched for L days that were not won within H, and late wins among them.
    why : str
        How q was estimated, or why nothing beyond H is known.
    form : {"none", "base_rate", "score", "logistic"}
        q is 0; the same for all leads; a line in the lead's own log-odds; a scorecard.
    slope, intercept : float
        Log-odds of q: ``slope * (own log-odds or scorecard) + intercept``.
    card : Scorecard or None
    """

    horizon_days: float
    leads: int = 0
    won: int = 0
    why: str = ""
    form: Form = "none"
    slope: float = 0.0
    intercept: float = 0.0
    card: Scorecard | None = None

    def of(self, log_odds: Numbers, x: Numbers) -> Numbers:
        """Return the probability of a win within L, shape (leads,).

        Parameters
        ----------
        log_odds : float array, shape (leads,)
            The model's own, for a win within H.
        x : float array, shape (leads, features)
        """
        p = probability(log_odds)
        if self.form == "none":
            return p
        reads = log_odds if self.card is None else self.card.log_odds(x)
        return p + (1 - p) * probability(self.slope * reads + self.intercept)

    def at(self, log_odds: float, values: Sequence[float]) -> float:
        """Return `of` one lead, given its features."""
        p = probability_at(log_odds)
        if self.form == "none":
            return p
        reads = log_odds if self.card is None else self.card.log_odds_at(values)
        return p + (1 - p) * probability_at(self.slope * reads + self.intercept)

    def behind(self, slope: float, intercept: float) -> "Eventually":
        """Return the same chances for a model whose log-odds got a further line."""
        if self.form != "score":
            return self
        own = self.slope / slope
        return replace(self, slope=own, intercept=self.intercept - own * intercept)

    def summary(self) -> dict[str, Any]:
        """Return what the manifest says of it."""
        kept = ("horizon_days", "leads", "won", "why", "form")
        return {key: value for key, value in asdict(self).items() if key in kept}

    def to_dict(self) -> dict[str, Any]:
        """Return the JSON-ready form."""
        card = None if self.card is None else self.card.to_dict()
        line = {"slope": self.slope, "intercept": self.intercept, "card": card}
        return self.summary() | line

    @classmethod
    def from_dict(cls, values: Mapping[str, Any]) -> "Eventually":
        """Read `to_dict`'s form."""
        card = values["card"] and Scorecard.from_dict(values["card"])
        return cls(**{**values, "card": card})
