"""The population stability index: how far later leads lie from the training leads, from counts.

Needs numpy alone, so that the service tells the same numbers as `leadml drift`.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

Counts = NDArray[np.int64]
Apart = tuple[Sequence[int], Sequence[int]]

FEWEST_EXPECTED = 5
"""Fewest leads expected in a bin of either sample; sparser bins are put together."""


@dataclass(frozen=True)
class Stability:
    """How far a distribution has moved.

    Attributes
    ----------
    psi : float
        Population stability index: lower is more alike, 0 or more; sum of
        ``(new - reference) * log(new / reference)`` over the shares of leads in each bin. It
        cannot tell chance from change: see `expected`.
    expected : float
        What `psi` is on average where nothing has changed.
    bins : int
        Compared, after sparse ones were put together.
    """

    psi: float
    expected: float
    bins: int


def stability(
    reference: Sequence[int],
    new: Sequence[int],
    *,
    apart: Apart = ((), ()),
    ordered: bool = True,
) -> Stability:
    """Compare two samples counted in the same bins; the arguments are those of `grouped`.

    Notes
    -----
    Where nothing has changed, `psi` over B bins of n new and m reference leads is about
    ``(1/n + 1/m)`` times a chi-square variable with B - 1 degrees of freedom, so that its mean is
    ``(B - 1) (1/n + 1/m)``: Yurdakul, B. (2018), Statistical properties of population stability
    index, Western Michigan University; why fixed limits such as 0.1 mislead in small samples:
    Potgieter et al. (2023), arXiv:2307.11878. Half a lead is added to every bin, so that empty
    ones have a logarithm.

    Examples
    --------
    >>> stability([50, 50], [50, 50])
    Stability(psi=0.0, expected=0.02, bins=2)
    """
    return stability_of(grouped(reference, new, apart=apart, ordered=ordered))


def stability_of(counts: Counts) -> Stability:
    """Compare the two rows of `counts`, shape (2, bins): reference and new leads."""
    bins = counts.shape[1]
    total = counts.sum(axis=1)
    if bins < 2 or total.min() == 0:
        return Stability(0.0, 0.0, bins)
    share = (counts + 0.5) / (total + 0.5 * bins)[:, None]
    psi = float(((share[1] - share[0]) * np.log(share[1] / share[0])).sum())
    expected = float((bins - 1) * (1 / total).sum())
    return Stability(psi, expected, bins)


def grouped(
    reference: Sequence[int],
    new: Sequence[int],
    *,
    apart: Apart = ((), ()),
    ordered: bool = True,
) -> Counts:
    """Put sparse bins together until each expects `FEWEST_EXPECTED` leads of either sample.

    Parameters
    ----------
    reference, new : sequences of int
        Leads in each bin.
    apart : pair of sequences of int
        Further bins (missing, unlisted) of the reference and the new leads, never put together
        with values unless sparse themselves.
    ordered : bool
        Whether neighbouring bins are alike, so that a sparse one joins its neighbour; else it
        joins the other sparse ones.

    Returns
    -------
    int array, shape (2, bins)
        Reference and new leads.
    """
    counts, extras = np.array([reference, new], np.int64), np.array(apart, np.int64)
    smaller = min(int(c.sum() + a.sum()) for c, a in zip(counts, extras, strict=True))
    leads = int(counts.sum() + extras.sum())
    least = FEWEST_EXPECTED * leads / max(smaller, 1)  # pooled leads that a bin needs
    if not ordered:
        counts = counts[:, np.argsort(-counts.sum(axis=0), kind="stable")]
    groups = _gathered(list(counts.T), least)
    for extra in extras.T:
        groups = [*groups, extra] if extra.sum() >= least else _joined(groups, extra)
    return np.array(groups, np.int64).reshape(-1, 2).T


def _gathered(columns: list[Counts], least: float) -> list[Counts]:
    groups: list[Counts] = []
    open_group = np.zeros(2, np.int64)
    for column in columns:
        open_group = open_group + column
        if open_group.sum() >= least:
            groups.append(open_group)
            open_group = np.zeros(2, np.int64)
    return _joined(groups, open_group)


def _joined(groups: list[Counts], extra: Counts) -> list[Counts]:
    if not extra.sum():
        return groups
    return [*groups[:-1], groups[-1] + extra] if groups else [extra]
