"""The level of the probabilities: left alone unless a rolling-origin backtest says otherwise.

Three rules compete at the lag of deployment. At an origin only leads judged at least one horizon
before it have an outcome, in the rehearsal as in service: the model has learnt from those alone,
and so have the shift and the trend.
"""

from dataclasses import asdict, dataclass, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from leadml.model.rehearsal import Rehearsal
from leadml.model.scorecard import Machine
from leadml.model.trend import Trend

Numbers = NDArray[np.float64]

RULES = ("none", "shift", "trend")


@dataclass(frozen=True)
class Option:
    """How one rule did in the rehearsal.

    Attributes
    ----------
    log_loss : float
        Mean over the leads of all test blocks; of the rehearsal's model, not of the one that
        serves.
    gain : float
        How much lower than without a correction.
    error : float
        Standard error of the paired gain: over leads or over test blocks, whichever is larger.
    """

    name: str
    log_loss: float
    gain: float
    error: float

    def to_dict(self) -> dict[str, Any]:
        """Return the JSON-ready form; the error is null where a single block cannot tell it."""
        return asdict(self) | {"error": self.error if np.isfinite(self.error) else None}

    @property
    def wins(self) -> bool:
        """Whether it beats no correction by at least one standard error."""
        return self.gain > 0 and self.gain >= self.error


@dataclass(frozen=True)
class Level:
    """The rule that won, and what it adds.

    Attributes
    ----------
    chosen : {"none", "shift", "trend"}
    options : tuple of Option
        Empty where nothing could be rehearsed.
    lag_days : float
        Days between the newest known outcome's lead and the leads that are scored.
    shift : float
        Log-odds; 0 unless chosen.
    trend : Trend or None
        None unless chosen.
    """

    chosen: str = "none"
    options: tuple[Option, ...] = ()
    lag_days: float = 0.0
    shift: float = 0.0
    trend: Trend | None = None

    def to_dict(self) -> dict[str, Any]:
        """Return the JSON-ready form."""
        return {
            "chosen": self.chosen,
            "candidates": [option.to_dict() for option in self.options],
            "lag_days": self.lag_days,
            "shift": self.shift,
            "trend": None if self.trend is None else self.trend.to_dict(),
        }

    def on(self, machine: Machine) -> Machine:
        """Return a machine at this level."""
        return replace(machine, intercept=machine.intercept + self.shift, trend=self.trend)


def choose_level(rehearsal: Rehearsal) -> Level:
    """Choose among no correction, a shift and a trend; fit the winner on all that is known.

    Notes
    -----
    *none*: the model's own level, right on average over the leads it learnt from. *shift*: what
    the newest out-of-time predictions, one lag's worth, were off by. *trend*: a line in time
    fitted beside the model over the leads it learnt from, carried to the moment a lead is judged,
    and no further beyond the newest outcome than the rehearsal carried it. Both are shrunk by
    their standard errors. One that does not beat *none* by one paired standard error is not used:
    a correction that is always on was measured to cost 2 to 6 points either way.
    """
    lag = rehearsal.folds.gap_days
    if not len(rehearsal.folds):
        return Level(lag_days=lag)
    losses = {rule: rehearsal.losses(rule) for rule in RULES}
    options = tuple(_option(rehearsal, rule, losses["none"], own) for rule, own in losses.items())
    winners = [option for option in options if option.wins]
    chosen = min(winners, key=lambda option: option.log_loss).name if winners else "none"
    limit = rehearsal.limits[-1]
    return Level(
        chosen,
        options,
        lag,
        shift=rehearsal.shift_at(limit) if chosen == "shift" else 0.0,
        trend=rehearsal.trend_at(limit) if chosen == "trend" else None,
    )


def _option(rehearsal: Rehearsal, name: str, none: Numbers, own: Numbers) -> Option:
    gain = none - own
    error = 0.0 if name == "none" else rehearsal.error(gain)
    return Option(name, float(own.mean()), float(gain.mean()), error)
