"""Terms of a scorecard: what one feature adds to log-odds, as a lookup table. Numpy only.

What tables are scored with, ``of`` an array, has beside it what one lead is scored with, ``at`` a
number, in plain Python: the same operations in the same order, so the same number to the last bit.
Change both.
"""

from bisect import bisect_left, bisect_right
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any, ClassVar

import numpy as np
from numpy.typing import NDArray

Numbers = NDArray[np.float64]


@dataclass(frozen=True)
class Steps:
    """A step function of a number: ``values[i]`` where ``cuts[i-1] < x <= cuts[i]``."""

    feature: int
    cuts: tuple[float, ...]
    values: tuple[float, ...]
    missing: float
    shape: ClassVar[str] = "steps"

    @cached_property
    def _cuts(self) -> Numbers:
        return np.array(self.cuts)

    @cached_property
    def _values(self) -> Numbers:
        return np.array(self.values)

    def of(self, x: Numbers) -> Numbers:
        """Return the term's log-odds for every number, shape (leads,)."""
        steps = self._values[np.searchsorted(self._cuts, x, side="left")]
        return np.where(np.isnan(x), self.missing, steps)

    def at(self, number: float) -> float:
        """Return the term's log-odds for one number."""
        if number != number:
            return self.missing
        return self.values[bisect_left(self.cuts, number)]


@dataclass(frozen=True)
class Line:
    """A piecewise linear function of a number, level beyond the first and last knot."""

    feature: int
    cuts: tuple[float, ...]
    values: tuple[float, ...]
    missing: float
    shape: ClassVar[str] = "line"

    @cached_property
    def _straight(self) -> "_Straight":
        return _straight(self.cuts, (self.values[0], *self.values), (*self.values, self.values[-1]))

    def of(self, x: Numbers) -> Numbers:
        """Return the term's log-odds for every number, shape (leads,)."""
        line = self._straight.of(x, np.searchsorted(self.cuts, x, side="right"))
        return np.where(np.isnan(x), self.missing, line)

    def at(self, number: float) -> float:
        """Return the term's log-odds for one number."""
        if number != number:
            return self.missing
        lower, start, rise = self._straight.each[bisect_right(self.cuts, number)]
        return start + rise * (number - lower) if rise else start


@dataclass(frozen=True)
class Levels:
    """One value for each code of a text feature; a code beyond them counts as missing."""

    feature: int
    values: tuple[float, ...]
    missing: float
    shape: ClassVar[str] = "levels"

    @cached_property
    def _values(self) -> Numbers:
        return np.array([*self.values, self.missing])

    def of(self, x: Numbers) -> Numbers:
        """Return the term's log-odds for every code, shape (leads,)."""
        codes = np.fmin(x, len(self.values)).astype(np.intp)
        return self._values[codes]

    def at(self, code: float) -> float:
        """Return the term's log-odds for one code."""
        return self.values[int(code)] if code < len(self.values) else self.missing


@dataclass(frozen=True)
class Pieces:
    """Straight pieces side by side: the i-th, for ``cuts[i-1] < x <= cuts[i]``, has two ends.

    Attributes
    ----------
    cuts : tuple of float, at least one
        Ascending.
    starts : tuple of float
        Log-odds just above each piece's lower cut; one more than cuts.
    values : tuple of float
        Log-odds at each piece's upper cut. The first and the last piece are level.
    """

    feature: int
    cuts: tuple[float, ...]
    starts: tuple[float, ...]
    values: tuple[float, ...]
    missing: float
    shape: ClassVar[str] = "pieces"

    @cached_property
    def _straight(self) -> "_Straight":
        return _straight(self.cuts, self.starts, self.values)

    def of(self, x: Numbers) -> Numbers:
        """Return the term's log-odds for every number, shape (leads,)."""
        pieces = self._straight.of(x, np.searchsorted(self.cuts, x, side="left"))
        return np.where(np.isnan(x), self.missing, pieces)

    def at(self, number: float) -> float:
        """Return the term's log-odds for one number."""
        if number != number:
            return self.missing
        lower, start, rise = self._straight.each[bisect_left(self.cuts, number)]
        return start + rise * (number - lower) if rise else start


@dataclass(frozen=True)
class _Straight:
    """Straight pieces: of each its lower cut, its start and its rise; all lie within two ends."""

    ends: tuple[float, float]
    lower: Numbers
    starts: Numbers
    rises: Numbers

    def of(self, x: Numbers, piece: NDArray[np.intp]) -> Numbers:
        """Return the height at every number, of which the piece is known."""
        far = np.fmin(np.fmax(x, self.ends[0]), self.ends[1]) - self.lower[piece]
        height: Numbers = self.starts[piece] + self.rises[piece] * far
        return height

    @cached_property
    def each(self) -> list[tuple[float, float, float]]:
        """Return each piece's lower cut, start and rise."""
        columns = (self.lower.tolist(), self.starts.tolist(), self.rises.tolist())
        return list(zip(*columns, strict=True))


def _straight(cuts: Sequence[float], starts: Sequence[float], ends: Sequence[float]) -> _Straight:
    """Make pieces between cuts of the heights just above and at their cuts; the outer are level."""
    knots, heights = np.array(cuts), np.array(starts)
    width, rises = np.diff(knots), np.zeros(len(heights))
    rise = (np.array(ends) - heights)[1:-1]
    rises[1:-1] = rise / np.where(width > 0, width, np.inf)
    return _Straight((cuts[0], cuts[-1]), np.concatenate([knots[:1], knots]), heights, rises)


Term = Steps | Line | Levels | Pieces
_SHAPES: dict[str, type[Term]] = {kind.shape: kind for kind in (Steps, Line, Levels, Pieces)}


def term_to_dict(term: Term) -> dict[str, Any]:
    """Return a term's JSON-ready form."""
    values = {"shape": term.shape, "feature": term.feature, "values": list(term.values)}
    if not isinstance(term, Levels):
        values["cuts"] = list(term.cuts)
    if isinstance(term, Pieces):
        values["starts"] = list(term.starts)
    return values | {"missing": term.missing}


def term_from_dict(values: Mapping[str, Any]) -> Term:
    """Read `term_to_dict`'s form."""
    plain: dict[str, Any] = {k: tuple(v) if isinstance(v, list) else v for k, v in values.items()}
    return _SHAPES[plain.pop("shape")](**plain)
