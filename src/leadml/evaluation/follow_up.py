"""Hand-offs held against the promise: who matured, who was worked, who was won."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from leadml.evaluation.close_rate import close_rate
from leadml.evaluation.interval import Interval

Bools = NDArray[np.bool_]
NOT_JUDGEABLE: Final = "not_judgeable"
MOST = 100
"""Most groups of one kind that are told apart; the hand-offs of all others are one."""


@dataclass(frozen=True, kw_only=True)
class Handoffs:
    """What became of leads; bool arrays of shape (leads,).

    Attributes
    ----------
    handed_off : bool array
        Passed to sales.
    matured : bool array
        Handed off, and the horizon since then has passed.
    followed_up : bool array
        Worked by sales as agreed.
    won : bool array
        Won within the horizon at a solid margin.
    """

    handed_off: Bools
    matured: Bools
    followed_up: Bools
    won: Bools

    def take(self, rows: Bools) -> "Handoffs":
        """Return only the leads where `rows` holds."""
        return Handoffs(
            handed_off=self.handed_off[rows],
            matured=self.matured[rows],
            followed_up=self.followed_up[rows],
            won=self.won[rows],
        )


@dataclass(frozen=True)
class FollowUp:
    """Counts and close rates of a group of hand-offs.

    Attributes
    ----------
    handed_off, matured : int
        Hand-offs, and those whose horizon has passed.
    followed_up, won : int
        Matured hand-offs worked as agreed, and wins among them.
    won_after_late_follow_up : int
        Wins among the other matured hand-offs.
    close_rate : dict of Interval
        ``followed_up``: won ÷ followed up. ``handed_off``: all wins ÷ matured. Each bound holds
        with the confidence.
    """

    handed_off: int
    matured: int
    followed_up: int
    won: int
    won_after_late_follow_up: int
    close_rate: dict[str, Interval]

    @property
    def follow_up_share(self) -> float | None:
        """Followed up among matured; None without matured hand-offs."""
        return self.followed_up / self.matured if self.matured else None

    def to_dict(self) -> dict[str, Any]:
        """Return JSON-ready values."""
        return {
            "handed_off": self.handed_off,
            "matured": self.matured,
            "followed_up": self.followed_up,
            "won": self.won,
            "won_after_late_follow_up": self.won_after_late_follow_up,
            "follow_up_share": self.follow_up_share,
            "close_rate": {name: rate.to_dict() for name, rate in self.close_rate.items()},
        }


def follow_up(leads: Handoffs, *, confidence: float) -> FollowUp:
    """Count hand-offs and their close rates; only matured ones count, however early they closed."""
    matured = leads.matured & leads.handed_off
    worked = matured & leads.followed_up
    won = int((worked & leads.won).sum())
    late = int((matured & ~leads.followed_up & leads.won).sum())
    return FollowUp(
        handed_off=int(leads.handed_off.sum()),
        matured=int(matured.sum()),
        followed_up=int(worked.sum()),
        won=won,
        won_after_late_follow_up=late,
        close_rate={
            "followed_up": _rate(
                won, int(worked.sum()), confidence, "no matured hand-off was worked"
            ),
            "handed_off": _rate(
                won + late, int(matured.sum()), confidence, "no hand-off has matured"
            ),
        },
    )


def _rate(won: int, leads: int, confidence: float, reason: str) -> Interval:
    return close_rate(won, leads, confidence) if leads else Interval.absent(reason)


def by_slice(
    leads: Handoffs,
    name: NDArray[np.object_],
    *,
    key: str,
    confidence: float,
    order: Sequence[str] | None = None,
    by_name: bool = False,
) -> list[dict[str, Any]]:
    """Count hand-offs by source, owner, month and the like.

    Leads never handed off are left out; the name None means *not recorded*.

    Parameters
    ----------
    leads : Handoffs
    name : object array of str or None, shape (leads,)
    key : str
        Name of the rows' first value.
    confidence : float
    order : sequence of str, optional
        Names in the order of the rows; others follow.
    by_name : bool
        Whether the rows come in order of their names; else most hand-offs first, at most `MOST`
        names, and a last row ``"rest": true`` with all others.
    """
    handed = leads.take(leads.handed_off)
    number, names = _numbered(name[leads.handed_off])
    sorts = {one: place for place, one in enumerate(order or ())}
    handoffs = np.bincount(number, minlength=len(names))
    ranked = sorted(range(len(names)), key=lambda n: (names[n] is None, str(names[n])))
    if order is not None:
        ranked.sort(key=lambda n: sorts.get(str(names[n]), len(sorts)))
    elif not by_name:
        ranked.sort(key=lambda n: -int(handoffs[n]))
    shown = ranked if by_name or order is not None or len(ranked) <= MOST else ranked[: MOST - 1]

    def row(rows: Bools) -> dict[str, Any]:
        return follow_up(handed.take(rows), confidence=confidence).to_dict()

    found = [{key: names[n]} | row(number == n) for n in shown]
    if len(shown) < len(ranked):
        others = f"{len(ranked) - len(shown):,} others"
        found.append({key: others, "rest": True} | row(~np.isin(number, shown)))
    return found


def _numbered(names: NDArray[np.object_]) -> tuple[NDArray[np.intp], list[str | None]]:
    """Return the number of each name, and the names."""
    seen: dict[str | None, int] = {}
    number = [seen.setdefault(one, len(seen)) for one in names.tolist()]
    return np.array(number, np.intp), list(seen)
