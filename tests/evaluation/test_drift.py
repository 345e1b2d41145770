"""Drift statistics: worked by hand, against SciPy, and false alarms counted where nothing moved."""

import numpy as np
import pytest
from scipy.stats import chi2_contingency, fisher_exact

from leadml.evaluation.drift import (
    Slope,
    calibration_slope,
    fallen,
    holm,
    in_the_large,
    movement,
    rise,
)


def test_psi_by_hand() -> None:
    # 100 leads each; with half a lead added to 2 bins, shares are 60.5/101, 40.5/101 before and
    # 40.5/101, 60.5/101 after: PSI = 2 * (20/101) * log(60.5/40.5) = 0.396040 * 0.401341
    moved = movement([60, 40], [40, 60])
    assert moved.psi == pytest.approx(0.396040 * 0.401341, abs=1e-6)
    assert moved.expected == pytest.approx(0.02)  # one degree of freedom, 1/100 + 1/100
    assert moved.excess == pytest.approx(moved.psi - 0.02)
    assert moved.p == pytest.approx(chi2_contingency([[60, 40], [40, 60]], correction=False).pvalue)


def test_a_sparse_bin_joins_its_neighbour_so_that_five_are_expected() -> None:
    # Pooled 3, 97, 100 of 200: the first expects 1.5 of either sample and joins the second.
    moved = movement([2, 48, 50], [1, 49, 50])
    assert moved.bins == 2
    assert moved.psi == pytest.approx(0.0, abs=1e-12)


def test_sparse_levels_join_each_other_and_not_a_big_one() -> None:
    # 80 and 80; then 4, 4, 4 of 20 and 8 leads: together 12 + 12 of 100 + 100.
    counts = ([4, 80, 4, 4, 8], [4, 80, 4, 4, 8])
    assert movement(*counts, ordered=False).bins == 3  # 80 | 8 | 4 + 4 + 4
    # By their order: 4 + 80, then 4 + 4, then 8.
    assert movement(*counts).bins == 3


def test_missing_stands_apart_unless_it_is_sparse() -> None:
    apart = ((0,), (30,))
    moved = movement([50, 50], [35, 35], apart=apart)
    assert moved.bins == 3
    assert moved.p == pytest.approx(chi2_contingency([[50, 50, 0], [35, 35, 30]]).pvalue)
    assert movement([50, 50], [50, 49], apart=((0,), (1,))).bins == 2


@pytest.mark.parametrize(
    ("reference", "new"), [([10], [20]), ([0, 0], [5, 5]), ([2, 2], [2, 2]), ([], [])]
)
def test_nothing_to_compare_has_not_moved(reference: list[int], new: list[int]) -> None:
    moved = movement(reference, new)
    assert (moved.psi, moved.expected, moved.p) == (0.0, 0.0, 1.0)


def test_the_expected_index_is_its_mean_and_the_test_keeps_its_level() -> None:
    random = np.random.default_rng(0)
    share = np.array([0.3, 0.25, 0.2, 0.15, 0.1])
    drawn = [
        movement(random.multinomial(1000, share), random.multinomial(200, share))
        for _ in range(2000)
    ]
    psi = np.array([moved.psi for moved in drawn])
    assert drawn[0].expected == pytest.approx(4 * (1 / 1000 + 1 / 200))
    assert psi.mean() == pytest.approx(drawn[0].expected, rel=0.06)
    assert np.mean([moved.p < 0.05 for moved in drawn]) == pytest.approx(0.05, abs=0.015)


def test_rise_is_fishers_one_sided_test() -> None:
    table = [[12, 28], [30, 130]]
    expected = fisher_exact(table, alternative="greater").pvalue
    assert rise((30, 160), (12, 40)) == pytest.approx(expected)


def test_holm_keeps_order_and_never_exceeds_one() -> None:
    # Sorted 0.001, 0.02, 0.5 times 3, 2, 1.
    assert holm([0.5, 0.001, 0.02]) == pytest.approx([0.5, 0.003, 0.04])
    assert holm([0.9, 0.8]) == [1.0, 1.0]
    assert holm([]) == []


def test_calibration_in_the_large_by_hand() -> None:
    # 10 leads at probability 1/2, 8 won: P(8 or more, or 2 or fewer) = 2 * 56 / 1024.
    found = in_the_large(np.array([True] * 8 + [False] * 2), np.zeros(10))
    assert (found.leads, found.won, found.observed, found.expected) == (10, 8, 0.8, 0.5)
    assert found.difference == pytest.approx(0.3)
    assert found.p == pytest.approx(112 / 1024)
    # Clopper-Pearson 95 % of 8 of 10 is 0.4439 to 0.9748 (published table).
    assert found.low == pytest.approx(0.4439 - 0.5, abs=1e-4)
    assert found.high == pytest.approx(0.9748 - 0.5, abs=1e-4)
    assert found.slope is None
    assert found.to_dict()["slope"] is None


def drawn(leads: int, slope: float, shift: float, seed: int = 0) -> tuple[np.ndarray, np.ndarray]:
    random = np.random.default_rng(seed)
    z = random.normal(-1, 1.2, leads)
    return random.random(leads) < 1 / (1 + np.exp(-(slope * z + shift))), z


def slope_of(won: np.ndarray, z: np.ndarray) -> Slope:
    found = calibration_slope(won, z)
    assert found is not None
    return found


@pytest.mark.parametrize("truth", [0.5, 1.0, 1.6])
def test_a_known_slope_is_recovered(truth: float) -> None:
    found = slope_of(*drawn(20_000, truth, 0.3))
    assert found.value == pytest.approx(truth, abs=0.06)
    assert found.low < truth < found.high
    assert (found.p < 0.001) == (truth != 1.0)


def test_the_slopes_test_and_interval_keep_their_level() -> None:
    found = [slope_of(*drawn(300, 1.0, 0.0, seed)) for seed in range(400)]
    assert np.mean([slope.p < 0.05 for slope in found]) == pytest.approx(0.05, abs=0.025)
    assert np.mean([slope.low < 1 < slope.high for slope in found]) >= 0.92


def test_no_slope_from_too_few_outcomes_or_one_score() -> None:
    few = np.array([True] * 9 + [False] * 50)
    assert calibration_slope(few, np.arange(59.0)) is None
    assert calibration_slope(np.array([True, False] * 20), np.zeros(40)) is None


def test_a_separated_sample_has_a_slope_without_a_crash() -> None:
    z = np.linspace(-2, 2, 40)
    assert slope_of(z > 0, z).value > 1


def test_a_worse_ranking_is_told_from_chance() -> None:
    assert fallen((0.80, 300, 900), (0.80, 100, 300)) == pytest.approx(0.5)
    assert fallen((0.80, 300, 900), (0.60, 100, 300)) < 1e-6
    assert fallen((0.80, 300, 900), (0.78, 20, 60)) > 0.2
    assert fallen((1.0, 10, 10), (1.0, 10, 10)) == 1.0
