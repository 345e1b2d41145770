"""What leads still open hold: values only closed leads have, and values known from the start."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.stats import chi2

from leadml.data.leads import Leads
from leadml.data.raw import RawColumn
from leadml.data.values import is_missing, missing_texts
from leadml.snapshot.labels import Judged
from leadml.snapshot.separation import groups_of, win_rates

Flags = NDArray[np.bool_]
Numbers = NDArray[np.float64]

BLOCKS = 10
"""Periods in which open leads are compared with closed ones, so that new habits mislead no one."""
FEWEST_CLOSED = 10
"""Fewest closed leads of a period to compare open ones with."""
FEWEST_OF_GAP = 5
"""Leads with a text that means missing, from which it is looked for."""
STILL_KNOWN = 0.2
"""Values open leads would have to hold, as a share of what closed leads of the same periods hold,
for a column to count as known before the outcome."""
YOUNG_OPEN = 0.6
"""Share of the newest leads that must still be open for them to show what is known early."""
FEWEST_YOUNG = 50
AGAINST = -1.0
"""Standard errors from half way at which young leads speak against a column."""
LEAST_ERROR = 1e-6
ALIKE = 0.2
"""Largest total variation between the values of waiting leads and those to expect of them."""


@dataclass(frozen=True)
class OnlyClosed:
    """How many leads hold something other than what open leads hold by default.

    Attributes
    ----------
    closed, closed_leads, open, open_leads : int
        In the periods compared.
    expected : float
        How many open leads would, were they like the closed ones of their periods.
    """

    closed: int
    closed_leads: int
    open: int
    open_leads: int
    expected: float


class OpenLeads:
    """The leads still open beside the closed ones of the same periods.

    Parameters
    ----------
    leads : Leads
        The whole export: won, lost and open leads.
    judged : Judged
        When each lead is judged; undated leads are one period.

    Attributes
    ----------
    young : int array
        Positions of the newest leads, of whom most are still open.
    waiting : bool array
        Which of them are.
    young_won : int
        How many of them are won already.
    """

    def __init__(self, leads: Leads, judged: Judged) -> None:
        outcome = np.full(len(leads), -1, np.int8) if leads.outcome is None else leads.outcome
        there = ~np.isin(judged.why_not.astype(str), ("ROW001", "ROW002", "ROW003"))
        there &= judged.handed_off  # others are not judged yet: what they lack says nothing
        self.missing = missing_texts(leads.mapping.missing)
        self.open = np.flatnonzero(there & (outcome < 0))
        self.closed = np.flatnonzero(there & (outcome >= 0))
        at = judged.as_of.astype("datetime64[us]").view("i8")
        edges, first = _periods(at[self.open])
        self.closed = self.closed[at[self.closed] >= first]
        self.open_block = np.searchsorted(edges, at[self.open])
        self.closed_block = np.searchsorted(edges, at[self.closed])
        self.young = _young(at, outcome, there, dated=judged.dated)
        self.waiting = outcome[self.young] < 0
        self.young_won = int((outcome[self.young] == 1).sum())

    def to_come(self, won: float) -> float:
        """Return the share of the waiting leads to be won, if as many young leads are as usual.

        Parameters
        ----------
        won : float
            The usual share. At least half of it is expected of the waiting ones.
        """
        wins = won * len(self.young) - self.young_won
        return max(wins / max(int(self.waiting.sum()), 1), won / 2)

    def only_closed(self, raw: RawColumn) -> OnlyClosed | None:
        """Return the counts where (nearly) only closed leads hold values; None otherwise.

        Open leads that hold nothing, or all the same, are held against the closed leads of their
        own periods: had the values been known before the outcome, open leads would hold as many.
        The upper 97.5 % Poisson bound of what they hold must lie below a fifth of that.
        """
        if not len(self.open) or not len(self.closed):
            return None
        sizes = np.bincount(raw.codes + 1, minlength=len(raw.values) + 1)[1:]
        often = np.flatnonzero(sizes >= FEWEST_OF_GAP)
        gaps = [code for code in often.tolist() if is_missing(raw.values[code], self.missing)]
        codes = np.where(np.isin(raw.codes, gaps), -1, raw.codes)
        default = int(np.bincount(codes[self.open] + 1).argmax()) - 1
        told = (codes >= 0) & (codes != default)
        counts = self._counts(told)
        most = chi2.ppf(0.975, 2 * (counts.open + 1)) / 2
        return counts if most <= STILL_KNOWN * counts.expected else None

    def _counts(self, told: Flags) -> OnlyClosed:
        size = int(max(self.open_block.max(), self.closed_block.max())) + 1
        closed_leads = np.bincount(self.closed_block, minlength=size)
        closed = np.bincount(self.closed_block, told[self.closed], minlength=size)
        open_leads = np.bincount(self.open_block, minlength=size)
        opened = np.bincount(self.open_block, told[self.open], minlength=size)
        used = closed_leads >= FEWEST_CLOSED
        share = closed[used] / closed_leads[used]
        return OnlyClosed(
            closed=int(closed[used].sum()),
            closed_leads=int(closed_leads[used].sum()),
            open=int(opened[used].sum()),
            open_leads=int(open_leads[used].sum()),
            expected=float((share * open_leads[used]).sum()),
        )


def _periods(at: NDArray[np.int64]) -> tuple[NDArray[np.int64], int]:
    """Cut the open leads' moments into periods of like numbers: inner edges, and the start."""
    if not len(at):
        return at, 0
    cuts = np.linspace(0, 1, BLOCKS + 1)[1:-1]
    return np.unique(np.quantile(at, cuts, method="lower")), int(at.min())


def _young(
    at: NDArray[np.int64], outcome: NDArray[np.int8], there: Flags, *, dated: bool
) -> NDArray[np.intp]:
    """Return the newest leads, closed ones too, of whom most are still open."""
    rows = np.flatnonzero(there)
    if not dated:
        return rows[outcome[rows] < 0]
    newest = rows[np.argsort(at[rows], kind="stable")[::-1]]
    share = np.cumsum(outcome[newest] < 0) / np.arange(1, len(newest) + 1)
    enough = np.flatnonzero(share >= YOUNG_OPEN)
    return newest[: enough[-1] + 1] if len(enough) else newest[:0]


def held_early(
    young: Numbers,
    waiting: Flags,
    values: Numbers,
    won: NDArray[np.int8],
    *,
    to_come: float,
    categorical: bool,
) -> float | None:
    """Tell how surely leads still waiting for their outcome hold win-like values already.

    Had the column been known early, as large a share of them would as will be won; of what is
    recorded with the outcome, none would. Half way between the two counts neither way.

    Parameters
    ----------
    young : float array
        The column of the newest leads.
    waiting : bool array
        Which of them are still open.
    values, won : arrays, shape (leads,)
        The column and the outcome (0 or 1) of the leads learnt from.
    to_come : float
        Share of the waiting leads that will be won, above 0.

    Returns
    -------
    surely : float or None
        In standard errors from half way: above 0 speaks for the column, below 0 against it. None
        where there are too few young leads to ask. At most `AGAINST` where waiting leads' values
        are not spread as those of won and lost ones, mixed as they will be, are.
    """
    if len(young) < FEWEST_YOUNG:
        return None
    group, other = groups_of(values, young[waiting], categorical=categorical)
    rates = win_rates(group, won)
    surely = _nearer_to_wins(rates[other], rates[group], won, to_come)
    few = groups_of(rates[group], rates[other], categorical=False, most=5)
    return surely if _alike(*few, won, to_come) else min(surely, AGAINST)


def _alike(
    group: NDArray[np.intp], other: NDArray[np.intp], won: NDArray[np.int8], to_come: float
) -> bool:
    """Tell whether waiting leads are spread as won and lost ones, mixed as they will be, are."""
    size = int(max(group.max(), other.max())) + 1
    weight = np.where(won == 1, to_come / won.mean(), (1 - to_come) / (1 - won.mean()))
    share = np.bincount(group, weight, minlength=size) / weight.sum()
    waiting = np.bincount(other, minlength=size) / len(other)
    return bool(np.abs(share - waiting).sum() / 2 <= ALIKE)


def _nearer_to_wins(
    waiting: Numbers, score: Numbers, won: NDArray[np.int8], to_come: float
) -> float:
    lost, gap = score[won == 0].mean(), score[won == 1].mean() - score[won == 0].mean()
    if gap <= 0:
        return 0.0
    share = (waiting.mean() - lost) / gap
    error = max(waiting.std() / np.sqrt(len(waiting)) / gap, LEAST_ERROR)
    return float((share - to_come / 2) / error)


def told_by_presence(present: Flags, won: NDArray[np.int8]) -> tuple[float, float] | None:
    """Return the shares of won and of lost leads with a value where they surely differ by .2.

    Surely: two standard errors off, and in the older and the newer half alike (by .1).
    """
    halves = np.array_split(np.arange(len(won)), 2)
    gaps = [_gap(present[half], won[half]) for half in halves]
    if min(won.sum(), len(won) - won.sum()) < FEWEST_CLOSED or None in gaps:
        return None
    with_won, with_lost = present[won == 1], present[won == 0]
    a, b = float(with_won.mean()), float(with_lost.mean())
    error = np.sqrt(a * (1 - a) / len(with_won) + b * (1 - b) / len(with_lost))
    stable = all(gap is not None and gap * np.sign(a - b) >= 0.1 for gap in gaps)
    return (a, b) if stable and abs(a - b) - 2 * error >= 0.2 else None


def _gap(present: Flags, won: NDArray[np.int8]) -> float | None:
    if not 0 < won.sum() < len(won):
        return None
    return float(present[won == 1].mean() - present[won == 0].mean())
