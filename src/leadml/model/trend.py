"""A level that moves with time: log-odds added as of the moment a lead is judged. Numpy only."""

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from leadml.data.values import MICROSECONDS_A_DAY, NO_TIME

Numbers = NDArray[np.float64]
Moments = NDArray[np.int64]


@dataclass(frozen=True)
class Trend:
    """Log-odds that rise or fall by the day, level before `first` and after `last`.

    Attributes
    ----------
    rate : float
        Log-odds a day.
    zero : int
        Microseconds UTC: the moment at which nothing is added, the middle of the training leads.
    first, last : int
        Microseconds UTC, first <= last: between them the line is carried, beyond them it stands
        still; no backtest has seen how it goes on.
    """

    rate: float
    zero: int
    first: int
    last: int

    def of(self, as_of: Moments) -> Numbers:
        """Return what is added to each lead's log-odds, shape (leads,).

        Parameters
        ----------
        as_of : int64 array, shape (leads,)
            Microseconds UTC; a lead without a moment (`NO_TIME`) counts as the latest.
        """
        moments = np.where(as_of == NO_TIME, self.last, np.clip(as_of, self.first, self.last))
        added: Numbers = self.rate * ((moments - self.zero) / MICROSECONDS_A_DAY)
        return added

    def at(self, as_of: int) -> float:
        """Return `of` one moment."""
        moment = self.last if as_of == NO_TIME else min(max(as_of, self.first), self.last)
        return self.rate * (float(moment - self.zero) / MICROSECONDS_A_DAY)

    def to_dict(self) -> dict[str, Any]:
        """Return the JSON-ready form."""
        return asdict(self)

    @classmethod
    def from_dict(cls, values: Mapping[str, Any]) -> "Trend":
        """Read `to_dict`'s form."""
        return cls(**values)
