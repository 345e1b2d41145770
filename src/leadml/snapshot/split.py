"""Folds that respect time: train on what was known, test on what came next."""

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from sklearn.model_selection import StratifiedGroupKFold, StratifiedKFold

from leadml.data.values import MICROSECONDS_A_DAY
from leadml.domain.finding import Finding

Rows = NDArray[np.intp]

FOLDS = 5
FEWEST_OF_EACH = 10
"""Fewest leads of either outcome a training part may hold."""
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
    """

    pairs: tuple[tuple[Rows, Rows], ...]
    ordered: bool
    gap_days: float
    notes: tuple[Finding, ...] = ()

    def __iter__(self) -> Iterator[tuple[Rows, Rows]]:
        """Go through the folds."""
        return iter(self.pairs)

    def __len__(self) -> int:
        """Return the number of folds."""
        return len(self.pairs)


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
                return Folds(tuple(pairs), ordered=True, gap_days=gap, notes=notes)
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
        train = order[: int(np.searchsorted(sorted_at, limit, "left" if gap == 0 else "right"))]
        wins = int(y[train].sum())
        enough = min(wins, len(train) - wins) >= FEWEST_OF_EACH
        if enough and len(train) >= SMALLEST_SHARE * len(at):
            pairs.append((train, order[start:stop]))
    return pairs


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
    maker = StratifiedGroupKFold(folds, shuffle=True, random_state=seed)
    pairs = tuple(maker.split(y, y, groups))
    fewest = min(min(y[train].sum(), (1 - y[train]).sum()) for train, _ in pairs)
    return pairs if fewest >= FEWEST_OF_EACH else ()
