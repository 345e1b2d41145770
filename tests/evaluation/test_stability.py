"""The stability index, worked by hand."""

import math

import numpy as np
import pytest

from leadml.evaluation.stability import Stability, grouped, stability, stability_of


def test_psi_by_hand() -> None:
    # Half a lead is added to each of 2 bins: shares 30.5/101 and 70.5/101 before, 50.5/101 after.
    found = stability([30, 70], [50, 50])
    first = (50.5 - 30.5) / 101 * math.log(50.5 / 30.5)
    second = (50.5 - 70.5) / 101 * math.log(50.5 / 70.5)
    assert found.psi == pytest.approx(first + second)
    assert found.expected == pytest.approx(1 * (1 / 100 + 1 / 100))
    assert found.bins == 2


def test_missing_stays_apart_and_a_sparse_one_joins() -> None:
    # 8 + 12 missing of 100 + 100 expect 10 of either: a bin of their own; 1 + 2 unlisted do not.
    counts = grouped([91, 0], [86, 0], apart=((1, 8), (2, 12)))
    assert counts.tolist() == [[92, 8], [88, 12]]


def test_nothing_to_compare_has_not_moved() -> None:
    assert stability([10], [20]) == Stability(0.0, 0.0, 1)
    assert stability_of(np.array([[10, 10], [0, 0]])) == Stability(0.0, 0.0, 2)
