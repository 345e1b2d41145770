"""Boosted trees as arrays: which leaf a lead ends in, and in which it would end without a feature.

Every split knows by a bit mask which leaves of its tree it still allows, whether a lead goes left,
right, or has no value; the leaf is the one bit that is left when the masks of all splits are joined
(Lucchese et al. 2015, QuickScorer, doi:10.1145/2766462.2767733). Without a feature only the trees
that split by it end elsewhere, and of those only its own splits change: so all that the reasons of
a lead ask for is told by a few operations on small arrays. Numpy only.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property

import numpy as np
from numpy.typing import NDArray

from leadml.model.tree_bytes import LEVEL, Tree, read_trees

Numbers = NDArray[np.float64]
Places = NDArray[np.intp]
Masks = NDArray[np.unsignedinteger]

AT_ONCE = 200_000
"""Masks that are worked on at once, so that memory stays small."""


@dataclass(frozen=True)
class Trees:
    """A full boosted model, as the bytes that treelite writes."""

    content: bytes
    inputs: tuple[int, ...]
    """Positions, among the model's features, of the columns the trees were fitted on."""
    features: tuple[int, ...]
    """Positions of the features their splits use."""

    @cached_property
    def _forest(self) -> "_Forest":
        start, trees = read_trees(self.content, len(self.inputs))
        return _forest(start, trees, np.array(self.inputs, np.intp))

    @property
    def places(self) -> Places:
        """Positions of the features that `explained` tells the effects of."""
        return self._forest.used

    def log_odds(self, x: Numbers) -> Numbers:
        """Return the log-odds of every lead, shape (leads,)."""
        forest = self._forest
        return np.concatenate([forest.log_odds(piece) for piece in forest.pieces(x)])

    def explained(self, x: Numbers) -> tuple[Numbers, Numbers]:
        """Return the log-odds of every lead, and how far they fall without each feature.

        Returns
        -------
        log_odds : float array, shape (leads,)
        effects : float array, shape (leads, places)
            Against the same lead with that feature missing; 0 where it is missing anyway.
        """
        forest = self._forest
        found = [forest.explained(piece) for piece in forest.pieces(x)]
        return np.concatenate([f[0] for f in found]), np.concatenate([f[1] for f in found])


@dataclass(frozen=True)
class _Forest:
    """Splits of all trees, shape (splits of a tree, trees); those a tree lacks allow every leaf.

    Attributes
    ----------
    start : float
        Log-odds before any tree.
    feature, cut : arrays
        Of each split: a lead goes left whose feature is at most the cut.
    left, right, unknown : arrays of masks
        Leaves allowed where a lead goes left, right, or has no value.
    every : array of masks, shape (trees,)
        All leaves of each tree.
    leaves : float array, shape (trees, leaves)
        Their log-odds.
    by_level : _Levels
        Splits by levels of texts.
    used : int array
        Features that splits are made by.
    tree : int array, shape (pairs,)
        Of each pair of a feature and a tree that splits by it, in the order of `used`.
    first : int array, shape (used,)
        Where the pairs of each feature begin.
    own, lost : arrays of masks, shape (splits, pairs)
        Joined by or and then by and, they put `unknown` in place of the feature's own splits.
    """

    start: float
    feature: Places
    cut: Numbers
    left: Masks
    right: Masks
    unknown: Masks
    every: Masks
    leaves: Numbers
    by_level: "_Levels"
    used: Places
    tree: Places
    first: Places
    own: Masks
    lost: Masks

    def pieces(self, x: Numbers) -> list[Numbers]:
        """Cut leads into pieces that take little memory."""
        size = self.feature.shape[0] * max(len(self.tree), len(self.every))
        return np.array_split(x, len(x) * size // AT_ONCE + 1)

    def log_odds(self, x: Numbers) -> Numbers:
        return self._summed(self._values(self._allowed(x)))

    def explained(self, x: Numbers) -> tuple[Numbers, Numbers]:
        allowed = self._allowed(x)
        values = self._values(allowed)
        without = allowed.take(self.tree, axis=2)
        without |= self.own
        without &= self.lost
        fall = values.take(self.tree, axis=1) - self._values(without, self.tree)
        effects = np.zeros((len(x), len(self.used)))
        if len(self.used):
            np.add.reduceat(fall, self.first, axis=1, out=effects)
        return self._summed(values), effects

    def _allowed(self, x: Numbers) -> Masks:
        """Return the leaves that each split allows each lead, shape (leads, splits, trees)."""
        found = x.take(self.feature, axis=1)
        to_left = found <= self.cut
        self.by_level.correct(to_left, found)
        allowed = np.where(to_left, self.left, self.right)
        np.copyto(allowed, self.unknown, where=np.isnan(found))
        return allowed

    def _values(self, allowed: Masks, tree: Places | None = None) -> Numbers:
        """Return the log-odds of the one leaf that all splits allow, shape (leads, trees)."""
        leaf = np.bitwise_and.reduce(allowed, axis=1)
        leaf &= self.every if tree is None else self.every[tree]
        number = np.frexp(leaf.astype(np.float64))[1] - 1  # which bit it is
        row = np.arange(len(self.every)) if tree is None else tree
        values: Numbers = self.leaves[row, number]
        return values

    def _summed(self, values: Numbers) -> Numbers:
        total: Numbers = self.start + np.add.reduce(np.ascontiguousarray(values), axis=1)
        return total


@dataclass(frozen=True)
class _Levels:
    """Splits by levels: for each its place among the splits, and which codes go left.

    Attributes
    ----------
    split, tree : int arrays, shape (splits by levels,)
    to_left : bool array, shape (splits by levels, codes + 1)
        The last for codes that no split lists.
    """

    split: Places
    tree: Places
    to_left: NDArray[np.bool_]

    def correct(self, to_left: NDArray[np.bool_], found: Numbers) -> None:
        """Fill in where leads go at these splits."""
        if not len(self.split):
            return
        codes = found[:, self.split, self.tree]
        last = self.to_left.shape[1] - 1
        listed = (codes >= 0) & (codes < last)
        places = np.where(listed, codes, last).astype(np.intp)
        to_left[:, self.split, self.tree] = self.to_left[np.arange(len(self.split)), places]


def _forest(start: float, trees: Sequence[Tree], inputs: Places) -> _Forest:
    splits = max(1, *(int((tree.left >= 0).sum()) for tree in trees))
    most = max(int((tree.left < 0).sum()) for tree in trees)
    kind = np.dtype(f"u{max(1, 1 << (most - 1).bit_length() >> 3)}")
    shape, full = (splits, len(trees)), np.iinfo(kind).max
    feature, cut = np.full(shape, -1, np.intp), np.full(shape, np.inf)
    left, right, unknown = (np.full(shape, full, kind) for _ in range(3))
    every, leaves = np.zeros(len(trees), kind), np.zeros((len(trees), most))
    levels: list[tuple[int, int, frozenset[int], bool]] = []
    for number, tree in enumerate(trees):
        below = _leaves_below(tree)
        every[number] = below[0]
        ends = np.flatnonzero(tree.left < 0)
        leaves[number, : len(ends)] = tree.value[ends]
        for slot, node in enumerate(np.flatnonzero(tree.left >= 0).tolist()):
            place = slot, number
            feature[place], cut[place] = inputs[tree.feature[node]], tree.cut[node]
            left[place] = full ^ below[tree.right[node]]
            right[place] = full ^ below[tree.left[node]]
            unknown[place] = left[place] if tree.unknown_left[node] else right[place]
            if tree.kind[node] == LEVEL:
                listed = frozenset(tree.levels[node])
                levels.append((*place, listed, bool(tree.listed_right[node])))
    pairs = sorted({(int(f), t) for (_, t), f in np.ndenumerate(feature) if f >= 0})
    of, tree_of = (np.array([pair[i] for pair in pairs], np.intp) for i in (0, 1))
    used, first = np.unique(of, return_index=True)
    is_own = feature[:, tree_of] == of
    return _Forest(
        start=start,
        feature=np.maximum(feature, 0),
        cut=cut,
        left=left,
        right=right,
        unknown=unknown,
        every=every,
        leaves=leaves,
        by_level=_levels(levels),
        used=used,
        tree=tree_of,
        first=first,
        own=np.where(is_own, full, 0).astype(kind),
        lost=np.where(is_own, unknown[:, tree_of], full),
    )


def _leaves_below(tree: Tree) -> list[int]:
    """Return which leaves are below each node, as bits; children stand behind their parents."""
    below = [0] * len(tree.left)
    ends = np.flatnonzero(tree.left < 0).tolist()
    for number, node in enumerate(ends):
        below[node] = 1 << number
    for node in np.flatnonzero(tree.left >= 0).tolist()[::-1]:
        below[node] = below[tree.left[node]] | below[tree.right[node]]
    return below


def _levels(found: Sequence[tuple[int, int, frozenset[int], bool]]) -> _Levels:
    width = max((code for *_, listed, _ in found for code in listed), default=0) + 2
    to_left = np.zeros((len(found), width), bool)
    for row, (_, _, listed, listed_right) in enumerate(found):
        to_left[row] = listed_right
        to_left[row, list(listed)] = not listed_right
    split, tree = (np.array([one[i] for one in found], np.intp) for i in (0, 1))
    return _Levels(split, tree, to_left)
