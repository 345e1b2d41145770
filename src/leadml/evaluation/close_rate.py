"""Close rates and what they prove: exact one-sided binomial bounds and the verdict."""

from collections.abc import Hashable, Iterable, Sequence
from dataclasses import dataclass
from typing import Literal

import numpy as np
from numpy.typing import NDArray
from scipy.stats import beta

from leadml.evaluation.interval import Interval
from leadml.evaluation.tally import Floats, Ranked

Bools = NDArray[np.bool_]
Verdict = Literal["meets", "falls_short", "undecided"]


def lower_bound(won: float, leads: float, confidence: float) -> float:
    """Return the bound above which the true close rate lies with at least this confidence.

    Exact one-sided binomial bound (Clopper and Pearson 1934, doi:10.1093/biomet/26.4.404).
    Assumes that leads are won independently of each other.

    Parameters
    ----------
    won, leads : float
        Counts, ``0 <= won <= leads``.
    confidence : float
        In (0, 1).

    Examples
    --------
    >>> round(lower_bound(0, 10, 0.95), 3), round(lower_bound(5, 10, 0.975), 3)
    (0.0, 0.187)
    """
    return 0.0 if won <= 0 else float(beta.ppf(1 - confidence, won, leads - won + 1))


def upper_bound(won: float, leads: float, confidence: float) -> float:
    """Return the bound below which the true close rate lies with at least this confidence.

    The mirror image of `lower_bound`. Without wins it is ``1 - (1 - confidence) ** (1 / leads)``.

    Examples
    --------
    >>> round(upper_bound(0, 10, 0.95), 3), round(upper_bound(5, 10, 0.975), 3)
    (0.259, 0.813)
    """
    return 1.0 if won >= leads else float(beta.ppf(confidence, won + 1, leads - won))


def close_rate(won: float, leads: float, confidence: float) -> Interval:
    """Return wins ÷ leads; `low` and `high` each hold with the confidence (not only jointly).

    A fractional number of wins (an average over ties) gets the bounds of the whole numbers around
    it, which is the cautious side of both.
    """
    if leads <= 0:
        return Interval.absent("no leads")
    low = lower_bound(np.floor(won), leads, confidence)
    high = upper_bound(np.ceil(won), leads, confidence)
    return Interval.around(won / leads, low, high)


def verdict(low: float | None, high: float | None, rate: float) -> Verdict:
    """Judge a close rate by its bounds against the agreed rate.

    ``meets`` when even the lower bound reaches the rate, ``falls_short`` when even the upper bound
    lies below it, else ``undecided``. For a sample size fixed in advance and one look.

    Examples
    --------
    >>> verdict(0.30, 0.41, 0.30), verdict(0.12, 0.29, 0.30), verdict(0.25, 0.35, 0.30)
    ('meets', 'falls_short', 'undecided')
    """
    if low is None or high is None:
        return "undecided"
    if low >= rate:
        return "meets"
    return "falls_short" if high < rate else "undecided"


@dataclass(frozen=True)
class Group:
    """The close rate of one group of leads."""

    name: Hashable
    leads: int
    won: int
    close_rate: Interval

    def to_dict(self, key: str) -> dict[str, object]:
        """Return JSON-ready values with the group's name under `key`."""
        counts = {key: self.name, "leads": self.leads, "won": self.won}
        return counts | {"close_rate": self.close_rate.to_dict()}


def by_group(
    won: Bools, group: NDArray[np.object_], names: Iterable[Hashable], *, confidence: float
) -> list[Group]:
    """Return the close rate of each named group, in the order of the names."""
    groups = []
    for name in names:
        members = np.asarray(group == name, bool)
        leads, wins = int(members.sum()), int(won[members].sum())
        groups.append(Group(name, leads, wins, close_rate(wins, leads, confidence)))
    return groups


@dataclass(frozen=True)
class Handoff:
    """The leads a rule hands off, and whether they keep the promise.

    Attributes
    ----------
    threshold : float or None
        Score from which a lead is handed off; None where there is no single one.
    handed_off, won : int
        Leads handed off, and wins among them.
    close_rate : Interval
        One-sided bounds, each at the agreed confidence.
    recall : float or None
        Share of all wins that were handed off; None without wins.
    verdict : {"meets", "falls_short", "undecided"}
        Against the agreed rate.
    """

    threshold: float | None
    handed_off: int
    won: int
    close_rate: Interval
    recall: float | None
    verdict: Verdict

    def to_dict(self) -> dict[str, object]:
        """Return JSON-ready values."""
        rate = self.close_rate
        values: dict[str, object] = {
            "threshold": self.threshold,
            "handed_off": self.handed_off,
            "won": self.won,
            "close_rate": rate.value,
            "low": rate.low,
            "high": rate.high,
            "recall": self.recall,
            "verdict": self.verdict,
        }
        return values if rate.reason is None else values | {"reason": rate.reason}


def handoff(
    won: Bools, handed_off: Bools, *, threshold: float | None, rate: float, confidence: float
) -> Handoff:
    """Judge the group of leads that a rule hands off."""
    leads, wins, all_wins = int(handed_off.sum()), int(won[handed_off].sum()), int(won.sum())
    measured = close_rate(wins, leads, confidence)
    if not leads:
        measured = Interval.absent("no lead would be handed off")
    return Handoff(
        threshold=threshold,
        handed_off=leads,
        won=wins,
        close_rate=measured,
        recall=wins / all_wins if all_wins else None,
        verdict=verdict(measured.low, measured.high, rate),
    )


def expected_wins(won: Bools, score: Floats, volume: int) -> float:
    """Return the wins among the `volume` highest scored leads, averaged over the order of ties."""
    tally = Ranked(won, score).tally()
    leads_from_top = np.concatenate([[0.0], np.cumsum(tally.leads[::-1])])
    won_from_top = np.concatenate([[0.0], np.cumsum(tally.won[::-1])])
    return float(np.interp(volume, leads_from_top, won_from_top))


def at_volume(won: Bools, score: Floats, volume: int, *, confidence: float) -> Interval:
    """Return the close rate of the `volume` highest scored leads, ties broken fairly."""
    if not volume:
        return Interval.absent("no lead would be handed off")
    return close_rate(expected_wins(won, score, volume), volume, confidence)


def ranges_of(score: Floats, *, parts: int = 5) -> tuple[NDArray[np.object_], Sequence[str]]:
    """Cut scores into up to `parts` ranges of about equally many leads.

    Returns
    -------
    range : object array, shape (leads,)
        Name of each lead's range such as ``"20 to 35"``; None where the score is missing.
    names : sequence of str
        Highest range first.
    """
    known = np.isfinite(score)
    if not known.any():
        return np.full(len(score), None, object), []
    edges = np.unique(np.quantile(score[known], np.arange(1, parts) / parts))
    part = np.searchsorted(edges, score, side="right")
    name = np.full(len(score), None, object)
    names = []
    for number in sorted(set(part[known]), reverse=True):
        inside = known & (part == number)
        low, high = score[inside].min(), score[inside].max()
        names.append(f"{low:g}" if low == high else f"{low:g} to {high:g}")
        name[inside] = names[-1]
    return name, names
