"""How well one column alone separates, on rows it was not learnt from."""

import numpy as np
import pytest
from scipy.stats import rankdata

from leadml.snapshot.separation import (
    CHANCE,
    Halves,
    Separation,
    distance_of,
    groups_of,
    separation,
    win_rates,
)

NAN = np.nan


def twice(values: list[float], won: list[int], **options: bool) -> Separation:
    """Measure a column whose newer half repeats the older one."""
    x, y = np.array(values * 2), np.array(won * 2, np.int8)
    return separation(x, y, Halves.of(len(x), dated=True, seed=0), **options)


def test_pairs_counted_by_hand() -> None:
    # Values 1 to 4 with win rates 0/5, 1/5, 4/5, 5/5. Of 10 won and 10 lost leads the won one is
    # ahead: value 4 beats all 10 lost (5 * 10); value 3 beats 9, ties 1 (4 * 9.5); value 2 beats
    # 5, ties 4 (1 * 7): 50 + 38 + 7 = 95 of 100 pairs.
    values = [1.0] * 5 + [2.0] * 5 + [3.0] * 5 + [4.0] * 5
    won = [0] * 5 + [1, 0, 0, 0, 0] + [1, 1, 1, 1, 0] + [1] * 5
    assert twice(values, won).auc == pytest.approx(0.95)


def test_direction_and_shape_are_learnt() -> None:
    # Middle values win, both ends lose: a rank correlation would see nothing.
    values = [1.0, 2.0, 3.0] * 20
    won = [0, 1, 0] * 20
    assert twice(values, won).auc == 1.0
    assert twice([-v for v in values], won).auc == 1.0


def test_codes_of_levels_have_no_order() -> None:
    # 30 levels, every other one wins: 20 quantile bins blur numbers, levels stay apart.
    values = [float(code) for code in range(30) for _ in range(4)]
    won = [code % 2 for code in range(30) for _ in range(4)]
    assert twice(values, won, categorical=True).auc == 1.0
    assert twice(values, won).auc < 1.0


def test_measured_on_the_newer_half_only() -> None:
    # The older half says that 1 wins; in the newer half 1 loses: worse than chance.
    values = np.array([0.0, 1.0] * 20)
    won = np.array([0, 1] * 10 + [1, 0] * 10, np.int8)
    assert separation(values, won, Halves.of(40, dated=True, seed=0)).auc == 0.0


def test_undated_leads_are_measured_both_ways() -> None:
    halves = Halves.of(11, dated=False, seed=3)
    (first, second), back = halves.pairs
    assert (len(first), len(second)) == (5, 6)
    assert sorted([*first, *second]) == list(range(11))
    assert [p.tolist() for p in back] == [second.tolist(), first.tolist()]


def test_a_missing_value_tells_nothing() -> None:
    # Filled for won leads, empty for most lost ones; among the filled, values are alike.
    values = [1.0, 2.0] * 10 + [1.0, 2.0] * 5 + [NAN] * 40
    won = [1] * 20 + [0] * 50
    assert twice(values, won).auc == 0.5


def test_unseen_levels_count_as_missing() -> None:
    group, other = groups_of(
        np.array([3.0, 5.0, NAN]), np.array([5.0, 4.0, NAN, 3.0]), categorical=True
    )
    assert group.tolist() == [1, 2, 0]
    assert other.tolist() == [2, 0, 0, 1]


def test_a_column_without_values_has_no_groups() -> None:
    nothing = np.full(3, NAN)
    for categorical in (True, False):
        group, other = groups_of(nothing, np.ones(2), categorical=categorical)
        assert group.tolist() == [0, 0, 0]
        assert len(other) == 2


def test_numbers_are_cut_at_quantiles_of_the_first() -> None:
    # Five groups of 0..99: cuts at 19, 39, 59, 79 (values up to a cut belong below it).
    group, other = groups_of(
        np.arange(100.0), np.array([-5.0, 19.0, 20.0, 500.0]), categorical=False, most=5
    )
    assert np.bincount(group).tolist() == [0, 20, 20, 20, 20, 20]
    assert other.tolist() == [1, 1, 2, 5]


def test_small_groups_are_drawn_to_the_base_rate() -> None:
    # Base 3/6; group 1: (2 + 10 * 0.5) / (2 + 10) = 7/12; group 2: (1 + 5) / (4 + 10) = 6/14.
    rates = win_rates(np.array([1, 1, 2, 2, 2, 2, 0]), np.array([1, 1, 1, 0, 0, 0, 1], np.int8))
    assert rates.tolist() == pytest.approx([0.5, 7 / 12, 6 / 14])


@pytest.mark.parametrize("wins", [0, 4])
def test_too_few_of_one_outcome_are_chance(wins: int) -> None:
    assert twice([1.0] * 20, [1] * wins + [0] * (20 - wins)) == CHANCE


def test_too_few_in_one_half_are_chance() -> None:
    values, won = np.arange(60.0), np.array([1] * 20 + [0] * 40, np.int8)
    assert separation(values, won, Halves.of(60, dated=True, seed=0)) == CHANCE


def test_agrees_with_ranks_where_every_value_is_a_group() -> None:
    rng = np.random.default_rng(0)
    values = rng.integers(0, 8, 2000).astype(float)
    won = (rng.random(2000) < (values + 1) / 10).astype(np.int8)
    newer, ranks = won[1000:], rankdata(values[1000:])
    wins = newer.sum()
    expected = (ranks[newer == 1].sum() - wins * (wins + 1) / 2) / (wins * (1000 - wins))
    found = separation(values, won, Halves.of(2000, dated=True, seed=0))
    assert found.auc == pytest.approx(expected)


def test_the_error_covers_chance() -> None:
    # Noise: the measured value lies within two errors of 0.5 about 95 times in 100.
    inside = 0
    for seed in range(200):
        rng = np.random.default_rng(seed)
        values, won = rng.normal(size=200), (rng.random(200) < 0.3).astype(np.int8)
        found = separation(values, won, Halves.of(200, dated=True, seed=0))
        inside += abs(found.auc - 0.5) <= 2 * found.error
    assert inside >= 185


def test_cautious_value_and_distance() -> None:
    found = Separation(0.9, 0.02)
    assert found.low == pytest.approx(0.86)
    # Two normal groups 1.8124 sd apart: P(won > lost) = Phi(1.8124 / sqrt 2) = 0.9
    assert found.distance == pytest.approx(1.8124, abs=1e-4)
    assert distance_of(0.3) == 0.0
