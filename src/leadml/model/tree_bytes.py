"""The trees of a full model, read from the bytes that treelite wrote in training.

Treelite itself reads what its own writer wrote, and trusts it: a child or a feature beyond the
arrays is followed into foreign memory, and the process dies. So the bytes are read here, in the
layout of treelite's serialisation of version 4 (https://treelite.readthedocs.io, "Serialization
format"), and held to what training writes: one probability, numbers of 64 bits, children after
their parents.
"""

import struct
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

LEAF, NUMBER, LEVEL = 0, 1, 2
_NODES = ("<u1", "<i4", "<i4", "<i4", "<u1", "<f8", "<f8", "<i1", "<u1")
"""node_type, cleft, cright, split_index, default_left, leaf_value, threshold, cmp and
category_list_right_child: one value a node."""
_STATISTICS = ("<u8", "<u1", "<f8", "<u1", "<f8", "<u1")
"""Counts, sums and gains with whether they are told: a value a node, or none at all."""
MOST_LEAVES = 64
"""Most leaves of a tree: training makes 8."""
_LARGEST = 1e100
"""Log-odds that no sum of which overflows."""
_LESS_OR_EQUAL = 3
_FLOAT64 = 3
_BINARY = 0


class _NotTreesError(ValueError):
    """The bytes are not what training writes."""


@dataclass(frozen=True)
class Tree:
    """One tree, a value a node; the first is the root and children stand behind their parents.

    Attributes
    ----------
    kind : array
        `LEAF`, `NUMBER` or `LEVEL`.
    left, right : int arrays
        Children; -1 for a leaf.
    feature, cut : arrays
        A lead goes left whose number is at most the cut.
    unknown_left : array
        Whether leads without a value go left.
    value : float array
        Log-odds of leaves.
    listed_right : array
        Whether leads go right whose level is listed, and left else; or the other way round.
    levels : list of list of int
        Codes that are listed.
    """

    kind: NDArray[Any]
    left: NDArray[Any]
    right: NDArray[Any]
    feature: NDArray[Any]
    unknown_left: NDArray[Any]
    value: NDArray[Any]
    cut: NDArray[Any]
    listed_right: NDArray[Any]
    levels: list[list[int]]


def read_trees(content: bytes, inputs: int) -> tuple[float, list[Tree]]:
    """Return the log-odds before any tree, and the trees, of bytes without a `problem_of_trees`."""
    return _walk(_Reader(content), inputs)


def problem_of_trees(content: bytes, inputs: int) -> str:
    """Tell what is wrong with the bytes of trees.

    Parameters
    ----------
    content : bytes
        Of `leadml.model.trees.Trees`.
    inputs : int
        Number of columns they are given.

    Returns
    -------
    problem : str
        Empty where they can be read, and every lead ends in a leaf.
    """
    try:
        _walk(_Reader(content), inputs)
    except _NotTreesError as error:
        return str(error)
    return ""


@dataclass
class _Reader:
    """Reads little-endian values one after the other, never beyond the end."""

    content: bytes
    place: int = 0

    def plain(self, form: str) -> tuple[float, ...]:
        """Return the values of a form of `struct`."""
        size = struct.calcsize(form)
        if self.place + size > len(self.content):
            msg = "they end in the middle"
            raise _NotTreesError(msg)
        values = struct.unpack_from(form, self.content, self.place)
        self.place += size
        return values

    def array(self, dtype: str) -> NDArray[Any]:
        """Return an array that tells its own length."""
        length = int(self.plain("<Q")[0])
        kind = np.dtype(dtype)
        if length > (len(self.content) - self.place) // kind.itemsize:
            msg = "they end in the middle"
            raise _NotTreesError(msg)
        found = np.frombuffer(self.content, kind, length, self.place)
        self.place += length * kind.itemsize
        return found


def _walk(reader: _Reader, inputs: int) -> tuple[float, list[Tree]]:
    major, _, _, thresholds, leaves, trees = reader.plain("<iiiBBQ")
    _expect("layout of version 4", major == 4)
    _expect("numbers of 64 bits", thresholds == leaves == _FLOAT64)
    _expect("trees", 0 < trees <= len(reader.content))
    read, task, averaged, targets = reader.plain("<iBBi")
    _expect(f"{inputs} inputs", read == inputs)
    _expect("one probability", (task, averaged, targets) == (_BINARY, 0, 1))
    for expected in ([1], [1, 1], [0] * int(trees), [0] * int(trees)):
        _expect("one probability", reader.array("<i4").tolist() == expected)
    _expect("log-odds", reader.array("<u1").tobytes() == b"sigmoid")
    reader.plain("<ff")
    start = reader.array("<f8")
    _expect("one finite start", len(start) == 1 and bool((np.abs(start) < _LARGEST).all()))
    reader.array("<u1")  # attributes
    _expect("no further fields", reader.plain("<i") == (0,))
    found = [_walk_tree(reader, inputs) for _ in range(int(trees))]
    _expect("nothing behind the last tree", reader.place == len(reader.content))
    return float(start[0]), found


def _walk_tree(reader: _Reader, inputs: int) -> Tree:
    nodes, _ = reader.plain("<iB")
    columns = [reader.array(dtype) for dtype in _NODES]
    _expect("a value a node", nodes > 0 and {len(column) for column in columns} == {nodes})
    _expect("single leaves", len(reader.array("<f8")) == 0)
    for _ in range(2):
        places = reader.array("<u8")
        _expect("single leaves", len(places) == nodes and not places.any())
    _check_nodes(columns, inputs)
    levels, first, end = reader.array("<u4"), reader.array("<u8"), reader.array("<u8")
    _expect("a list of levels a node", len(first) == len(end) == nodes)
    _expect("lists within the levels", bool((first <= end).all() and (end <= len(levels)).all()))
    for dtype in _STATISTICS:
        _expect("a statistic a node", len(reader.array(dtype)) in (0, nodes))
    _expect("no further fields", reader.plain("<ii") == (0, 0))
    kind, left, right, feature, unknown_left, value, cut, _, listed_right = columns
    lists = [levels[a:b].tolist() for a, b in zip(first, end, strict=True)]
    return Tree(kind, left, right, feature, unknown_left, value, cut, listed_right, lists)


def _check_nodes(columns: Sequence[NDArray[Any]], inputs: int) -> None:
    kind, left, right, feature, default_left, value, cut, sign, listed_right = columns
    places = np.arange(len(kind))
    ends = kind == LEAF
    inner = ~ends
    _expect("leaves, numbers and levels", bool(np.isin(kind, (LEAF, NUMBER, LEVEL)).all()))
    for flags in (default_left, listed_right):
        _expect("true or false", bool(np.isin(flags, (0, 1)).all()))
    _expect("leaves without children", bool((left[ends] == -1).all()))
    _expect(f"at most {MOST_LEAVES} leaves a tree", int(ends.sum()) <= MOST_LEAVES)
    _expect("finite leaves", bool((np.abs(value[ends]) < _LARGEST).all()))
    for child in (left[inner], right[inner]):
        later = (child > places[inner]) & (child < len(kind))
        _expect("children behind their parents", bool(later.all()))
    known = (feature[inner] >= 0) & (feature[inner] < inputs)
    _expect("splits by the inputs", bool(known.all()))
    numbers = kind == NUMBER
    _expect("cuts that are numbers", not np.isnan(cut[numbers]).any())
    _expect("splits by at most", bool((sign[numbers] == _LESS_OR_EQUAL).all()))


def _expect(what: str, holds: bool) -> None:
    if not holds:
        msg = f"they were expected to hold {what}, and do not"
        raise _NotTreesError(msg)
