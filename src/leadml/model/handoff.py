"""The hand-off decision: from which probability each lead is handed off, and whether it is.

Needs numpy alone: it serves.
"""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

Numbers = NDArray[np.float64]
Flags = NDArray[np.bool_]


@dataclass(frozen=True)
class Decision:
    """What is done with each lead; arrays of shape (leads,).

    Attributes
    ----------
    cut : float array
        Probability from which the lead is handed off: the team's, its representative's, or the one
        at which its expected margin covers its cost. NaN where no probability decides.
    sales_ready : bool array
    """

    cut: Numbers
    sales_ready: Flags


class HandoffRule:
    """From which probability leads are handed off.

    Parameters
    ----------
    threshold : mapping
        The manifest's ``threshold``; keys of newer versions may be absent.
    """

    def __init__(self, threshold: Mapping[str, Any]) -> None:
        self.by_points = threshold["basis"] == "points"
        team = threshold["probability"]
        self._team = None if team is None else float(team)
        reps = threshold.get("reps", ())
        self._own = {rep["owner"]: float(rep["probability"]) for rep in reps}
        self._cost = threshold.get("profit_cut")

    @property
    def reads_owner(self) -> bool:
        """Whether it matters whose lead it is."""
        return bool(self._own)

    @property
    def reads_worth(self) -> bool:
        """Whether the margin matters that is expected of a win."""
        return self._cost is not None

    def of(
        self,
        p: Numbers,
        *,
        points_ready: Flags | None = None,
        owner: Sequence[str | None] | None = None,
        given_win: Numbers | None = None,
    ) -> Decision:
        """Decide which leads are handed off; parameters as in `decide`."""
        nobody = np.zeros(len(p), bool)
        if self.by_points and points_ready is not None:
            return Decision(np.full(len(p), np.nan), points_ready)
        if self._team is None:
            return Decision(np.full(len(p), np.nan), nobody)
        cut = self._cuts(len(p), owner)
        ready: Flags = p >= cut
        cost = self._cost
        if cost is None:
            return Decision(cut, ready)
        if given_win is None:
            return Decision(np.full(len(p), np.nan), nobody)
        with np.errstate(divide="ignore", invalid="ignore"):
            cut = np.maximum(cut, np.where(given_win > 0, cost / given_win, np.inf))
        return Decision(np.where(cut <= 1, cut, np.nan), ready & (p * given_win > cost))

    def _cuts(self, leads: int, owner: Sequence[str | None] | None) -> Numbers:
        """Return the cut of each lead's representative, the team's where it has none of its own."""
        if not self._own or owner is None:
            return np.full(leads, self._team)
        return np.array([self._own.get(name, self._team) for name in owner], np.float64)

    def at(
        self,
        p: float,
        *,
        points_ready: bool | None = None,
        owner: str | None = None,
        given_win: float | None = None,
    ) -> tuple[float | None, bool]:
        """Decide on one lead, as `of` does: its cut, None where none decides, and whether."""
        if self.by_points and points_ready is not None:
            return None, points_ready
        if self._team is None:
            return None, False
        cut, cost = self._own.get(owner, self._team), self._cost
        if cost is None:
            return cut, p >= cut
        if given_win is None:
            return None, False
        least = max(cut, cost / given_win if given_win > 0 else math.inf)
        return least if least <= 1 else None, p >= cut and p * given_win > cost


def decide(
    threshold: Mapping[str, Any],
    p: Numbers,
    *,
    points_ready: Flags | None = None,
    owner: Sequence[str | None] | None = None,
    given_win: Numbers | None = None,
) -> Decision:
    """Decide which leads are handed off.

    Parameters
    ----------
    threshold : mapping
        The manifest's ``threshold``; keys of newer versions may be absent.
    p : float array, shape (leads,)
        Calibrated probability.
    points_ready : bool array or None
        Whether each lead reaches the agreed points, which decide with basis ``points``.
    owner : sequence of str or None
        Whose lead it is.
    given_win : float array or None
        Margin expected of each lead if it is won, in money.
    """
    rule = HandoffRule(threshold)
    return rule.of(p, points_ready=points_ready, owner=owner, given_win=given_win)
