"""Folds that respect time: train on what was known, test on what came next."""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Literal

import numpy as np
from numpy.typing import NDArray
from sklearn.model_selection import StratifiedGroupKFold, StratifiedKFold

from leadml.data.values import MICROSECONDS_A_DAY
from leadml.domain.finding import Finding

Rows = NDArray[np.intp]

FOLDS = 5
FEWEST_OF_EACH = 10
"""Fewest leads of either outcome a training part may hold."""
ALONE, MOST_TOGETHER = 0.9, 20
"""Groups per lead from which they are drawn like leads, if none holds more leads than this."""
SMALLEST_SHARE = 0.2
"""Smallest training part of a fold, as a share of all leads: less is no guide to the final fit."""


@dataclass(frozen=True)
class Folds:
    """Train and test rows of every fold, oldest first where dated.

    Attributes
    ----------
    pairs : tuple of (train, test)
        Row positions.
    ordered : bool
        Whether the folds follow time; a fold's predictions may be calibrated on earlier ones only.
    gap_days : float
        Days between the newest training lead and the first test lead of a fold.
    at : int64 array, shape (leads,), or None
        Microseconds; the moment each lead is judged. None where undated.
    stands_for : float array, shape (leads,), or None
        How many leads each stands for when predictions are measured: more than one where few of a
        kind were handed off at random. None: one each.
    """

    pairs: tuple[tuple[Rows, Rows], ...]
    ordered: bool
    gap_days: float
    notes: tuple[Finding, ...] = ()
    at: NDArray[np.int64] | None = None
    stands_for: NDArray[np.float64] | None = None

    def counted(self, values: NDArray[np.float64], rows: Rows) -> NDArray[np.float64]:
        """Return values of the leads at `rows`, each times its share of the mean weight there.

        Their plain mean is the weighted mean of `values`.
        """
        if self.stands_for is None or not len(rows):
            return values
        own = self.stands_for[rows]
        counted: NDArray[np.float64] = values * (own / own.mean())
        return counted

    def __iter__(self) -> Iterator[tuple[Rows, Rows]]:
        """Go through the folds."""
        return iter(self.pairs)

    def __len__(self) -> int:
        """Return the number of folds."""
        return len(self.pairs)

    def known(self, number: int) -> Rows:
        """Return test rows of other folds whose outcome was known when a fold's test began.

        In time order: those judged at least `gap_days` before, as at deployment the newest horizon
        has no outcome yet. Without an order all other folds are known.
        """
        others = self.pairs[:number] if self.ordered else self._without(number)
        rows = np.concatenate([np.empty(0, np.intp), *(test for _, test in others)])
        if not self.ordered or self.at is None:
            return rows
        known: Rows = rows[self.at[rows] <= self.limit(number)]
        return known

    def _without(self, number: int) -> tuple[tuple[Rows, Rows], ...]:
        return self.pairs[:number] + self.pairs[number + 1 :]

    def limit(self, number: int) -> int:
        """Return the latest moment whose outcome was known when a dated fold's test began."""
        at = np.zeros(0, np.int64) if self.at is None else self.at
        return int(at[self.pairs[number][1]].min()) - round(self.gap_days * MICROSECONDS_A_DAY)


def rolling_folds(
    at: NDArray[np.int64], y: NDArray[np.int8], *, gap_days: float, folds: int = FOLDS
) -> Folds:
    """Make rolling-origin folds: each test block is judged by leads at least `gap_days` older.

    The newest three fifths are cut into blocks of equal count; a history too short for that gives
    fewer blocks over its newest part, then a shorter gap, and says so.

    Parameters
    ----------
    at : int64 array
        Microseconds; the moment each lead is judged.
    y : int array
        0 or 1.
    gap_days : float
        The horizon where closing times are known (a label is only known once it passed), else 0.
    """
    order = np.argsort(at, kind="stable")
    for gap in (gap_days, gap_days / 2, gap_days / 4, 0.0):
        for count, share in ((folds, 0.6), (3, 0.5), (2, 0.4), (1, 0.3)):
            pairs = _blocks(at, y, order, gap=gap, folds=count, share=share)
            if len(pairs) == count:
                notes = _shortened(gap, gap_days, count, folds)
                return Folds(tuple(pairs), ordered=True, gap_days=gap, notes=notes, at=at)
        if gap == 0.0:
            break
    drawn = stratified_folds(y, groups=None, seed=0, folds=folds)
    text = "the leads' times do not allow folds in time order: folds are drawn at random instead"
    return Folds(
        drawn.pairs,
        ordered=False,
        gap_days=0.0,
        notes=(Finding("TIME016", "warning", None, len(y), text),),
    )


def _blocks(
    at: NDArray[np.int64],
    y: NDArray[np.int8],
    order: Rows,
    *,
    gap: float,
    folds: int,
    share: float,
) -> list[tuple[Rows, Rows]]:
    sorted_at = at[order]
    first = int(len(at) * (1 - share))
    cuts = np.linspace(first, len(at), folds + 1).round().astype(int)
    edges = [int(np.searchsorted(sorted_at, sorted_at[cut], "left")) for cut in cuts[:-1]]
    pairs = []
    for start, stop in zip(edges, [*edges[1:], len(at)], strict=True):
        if stop - start < 10:
            continue
        limit = sorted_at[start] - round(gap * MICROSECONDS_A_DAY)
        train = order[: int(np.searchsorted(sorted_at, limit, _side(gap)))]
        wins = int(y[train].sum())
        enough = min(wins, len(train) - wins) >= FEWEST_OF_EACH
        if enough and len(train) >= SMALLEST_SHARE * len(at):
            pairs.append((train, order[start:stop]))
    return pairs


ORIGINS = 8
"""Most origins of a rehearsal."""
SMALLEST_BLOCK = 100
"""Fewest leads of a rehearsal's test block."""


def origins(at: NDArray[np.int64], y: NDArray[np.int8], *, gap_days: float) -> Folds:
    """Make more and earlier rolling-origin folds than the competition has, to see what drifts.

    The first training part holds `SMALLEST_SHARE` of the leads and `FEWEST_OF_EACH` of either
    outcome; what comes a gap later is cut into up to `ORIGINS` blocks of equal count. A history
    too short for that gives none.

    Parameters
    ----------
    at : int64 array, shape (leads,)
        Microseconds, ascending; the moment each lead is judged.
    y : int array, shape (leads,)
    gap_days : float
        That of the competition's folds.
    """
    gap = round(gap_days * MICROSECONDS_A_DAY)
    rarer = np.minimum(np.cumsum(y), np.cumsum(1 - y))
    first = max(
        int(np.searchsorted(rarer, FEWEST_OF_EACH)), int(np.ceil(SMALLEST_SHARE * len(at))), 1
    )
    start = len(at)
    if first < len(at):
        start = int(np.searchsorted(at, at[first] + gap, "left" if gap else "right"))
    count = min(ORIGINS, (len(at) - start) // SMALLEST_BLOCK)
    if count < 1:
        return Folds((), ordered=True, gap_days=gap_days, at=at)
    cuts = np.linspace(start, len(at), count + 1).round().astype(int)[:-1]
    edges = np.unique(np.searchsorted(at, at[cuts], "left"))
    pairs = tuple(
        (np.arange(np.searchsorted(at, at[begin] - gap, _side(gap))), np.arange(begin, end))
        for begin, end in zip(edges, [*edges[1:], len(at)], strict=True)
    )
    return Folds(pairs, ordered=True, gap_days=gap_days, at=at)


def _side(gap: float) -> Literal["left", "right"]:
    """Return which of the leads judged exactly a gap earlier are known: all, without a gap none."""
    return "left" if gap == 0 else "right"


def _shortened(gap: float, wanted: float, count: int, folds: int) -> tuple[Finding, ...]:
    if gap == wanted and count == folds:
        return ()
    text = (
        f"the history is too short for {folds} folds with {wanted:g} days between training and "
        f"testing: {count} used, {gap:g} days apart; estimates are less certain"
    )
    if gap < wanted:
        text += " and, with labels of overlapping horizons, may be optimistic"
    return (Finding("TIME015", "warning", None, count, text),)


def stratified_folds(
    y: NDArray[np.int8], *, groups: NDArray[np.intp] | None, seed: int, folds: int = FOLDS
) -> Folds:
    """Make random folds with the same share of wins in each; a group is never torn apart.

    Where the groups are too few or too uneven for that, leads are drawn one by one, and that is
    said.
    """
    folds = max(2, min(folds, int(min(y.sum(), len(y) - y.sum()))))
    notes: tuple[Finding, ...] = ()
    if groups is not None and len(np.unique(groups)) < len(groups):
        pairs = _grouped(y, groups, seed, folds)
        if pairs:
            return Folds(pairs, ordered=False, gap_days=0.0)
        text = (
            "too few accounts to keep each in one fold: leads of one account are in training and "
            "test parts, and estimates may be optimistic"
        )
        notes = (Finding("TIME017", "warning", None, len(y), text),)
    maker = StratifiedKFold(folds, shuffle=True, random_state=seed)
    return Folds(tuple(maker.split(y, y)), ordered=False, gap_days=0.0, notes=notes)


def _grouped(
    y: NDArray[np.int8], groups: NDArray[np.intp], seed: int, folds: int
) -> tuple[tuple[Rows, Rows], ...]:
    """Return folds of whole groups, none where a training part would hold too few outcomes."""
    if len(np.unique(groups)) < 2 * folds:
        return ()
    pairs = _mostly_alone(y, groups, seed, folds)
    if not pairs:
        maker = StratifiedGroupKFold(folds, shuffle=True, random_state=seed)
        pairs = tuple(maker.split(y, y, groups))
    fewest = min(min(y[train].sum(), (1 - y[train]).sum()) for train, _ in pairs)
    return pairs if fewest >= FEWEST_OF_EACH else ()


def _mostly_alone(
    y: NDArray[np.int8], groups: NDArray[np.intp], seed: int, folds: int
) -> tuple[tuple[Rows, Rows], ...]:
    """Return folds of whole groups where nearly all are single leads, quickly; else none.

    Groups are drawn like leads, stratified by whether any of their leads was won: with few small
    groups the shares come out alike, which the thorough search takes seconds for.
    """
    names, which, sizes = np.unique(groups, return_inverse=True, return_counts=True)
    if len(names) < ALONE * len(y) or sizes.max() > MOST_TOGETHER:
        return ()
    won = np.zeros(len(names), np.int8)
    np.maximum.at(won, which, y)
    maker = StratifiedKFold(folds, shuffle=True, random_state=seed)
    return tuple(
        (np.flatnonzero(np.isin(which, train)), np.flatnonzero(np.isin(which, test)))
        for train, test in maker.split(won, won)
    )
