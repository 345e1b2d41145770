"""The profit curve: margin brought in, less the cost of work, against the leads worked."""

from dataclasses import asdict, dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from leadml.evaluation.tally import Floats


@dataclass(frozen=True)
class Returns:
    """What leads were expected to bring and brought in, in money; arrays of shape (leads,).

    Attributes
    ----------
    expected : float array
        Expected margin of each lead, told beforehand.
    low, value, high : float arrays
        Margin it brought in, 0 unless it was won; the bounds differ where that is not known.
    """

    expected: Floats
    low: Floats
    value: Floats
    high: Floats


@dataclass(frozen=True)
class Point:
    """The profit of working the leads ranked highest.

    Attributes
    ----------
    leads : float
        Their share of all, in [0, 1].
    volume : float
        How many they are.
    expected, observed, observed_low, observed_high : float
        Their margins less the cost of working them, in money.
    """

    leads: float
    volume: float
    expected: float
    observed: float
    observed_low: float
    observed_high: float


@dataclass(frozen=True)
class ProfitCurve:
    """Profit against volume in the order of one score; higher is better, in money.

    It cannot tell what leads that nobody worked would have brought in.

    Attributes
    ----------
    curve : tuple of Point
        Evenly along the leads, from none to all.
    best : Point
        Where the profit expected beforehand is highest; the smaller volume of equals.
    hindsight : Point
        Where the profit observed is highest: known only afterwards, and flattered by luck.
    """

    curve: tuple[Point, ...]
    best: Point
    hindsight: Point

    def to_dict(self) -> dict[str, Any]:
        """Return the JSON-ready form."""
        return {
            "curve": [asdict(point) for point in self.curve],
            "best": asdict(self.best),
            "hindsight": asdict(self.hindsight),
        }


def profit_curve(
    score: Floats, returns: Returns, *, cost: float = 0.0, points: int = 101
) -> ProfitCurve:
    """Walk down a ranking and add up margins less the cost of work.

    Leads of equal score are taken together: within them the curve is straight, the average over
    their order, and the best volume never parts them.

    Parameters
    ----------
    score : float array, shape (leads,)
        Higher is worked first; at least one lead.
    returns : Returns
    cost : float
        Money it costs to work one lead, >= 0.
    points : int
        Points of the curve.
    """
    _, place = np.unique(-score, return_inverse=True)
    volume = np.concatenate([[0.0], np.cumsum(np.bincount(place))])
    sums = [_summed(each, place) - cost * volume for each in _columns(returns)]
    whole = np.column_stack([volume / volume[-1], volume, *sums])
    even = np.linspace(0.0, volume[-1], points)
    drawn = np.column_stack([np.interp(even, volume, column) for column in whole.T])
    return ProfitCurve(
        curve=tuple(_point(row) for row in drawn),
        best=_point(whole[int(np.argmax(whole[:, 2]))]),
        hindsight=_point(whole[int(np.argmax(whole[:, 3]))]),
    )


def profit_of_group(group: NDArray[np.bool_], returns: Returns, *, cost: float = 0.0) -> Point:
    """Return the profit of working one group of leads."""
    size = int(group.sum())
    sums = [float(each[group].sum()) - cost * size for each in _columns(returns)]
    return Point(size / max(len(group), 1), float(size), *sums)


def _columns(returns: Returns) -> tuple[Floats, Floats, Floats, Floats]:
    """Return the columns in the order of `Point`'s fields."""
    return returns.expected, returns.value, returns.low, returns.high


def _summed(each: Floats, place: NDArray[np.intp]) -> Floats:
    return np.concatenate([[0.0], np.cumsum(np.bincount(place, weights=each))])


def _point(row: Floats) -> Point:
    return Point(*(float(value) for value in row))
