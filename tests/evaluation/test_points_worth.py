"""The joint fit of the rules and the unit that makes it points."""

import numpy as np
import pytest

from leadml.evaluation.points_worth import Firing, fit_worth, unit_of, units_of


def firing(unit: list[list[float]], points: list[float], won: list[int]) -> Firing:
    return Firing(
        names=[f"rule {i}" for i in range(len(points))],
        points=np.array(points, float),
        unit=np.array(unit, float),
        won=np.array(won, bool),
        accounts=np.arange(len(won)),
    )


def drawn(leads: int, *, wrong: int = 0, seed: int = 0) -> tuple[Firing, np.ndarray]:
    """Five rules of 20 points each at 0.05 log-odds a point; the first `wrong` give three times."""
    random = np.random.default_rng(seed)
    unit = (random.random((leads, 5)) < 0.4).astype(float)
    truth = np.full(5, 20.0)
    won = random.random(leads) < 1 / (1 + np.exp(-(0.05 * unit @ truth - 3)))
    today = np.where(np.arange(5) < wrong, 60.0, 20.0)
    return firing(unit.tolist(), today.tolist(), won.astype(int).tolist()), truth


def test_what_a_firing_is() -> None:
    own = firing([[1, 0, 0], [0, 3, 0], [1, 1, 0]], [10, -20, 0], [1, 0, 0])
    assert own.fires.tolist() == [2, 2, 0]
    assert own.size.tolist() == [1, 2, 1]
    assert own.fitted.tolist() == [True, True, False]
    assert own.typical_points == 15
    assert own.take(np.array([1])).unit.tolist() == [[0, 3, 0]]


def test_the_unit_is_the_mean_of_the_rules_that_agree_with_the_median() -> None:
    # log-odds a point 0.05, 0.06, 0.02, -0.05; weights min(points, median 20) / error: 200 each, so
    # the lower median is 0.02 and only it agrees: within 2.5 errors (0.1 / 60 = 0.0017 a point)
    log_odds, points = np.array([1.0, 1.2, 1.2, -1.0]), np.array([20.0, 20, 60, 20])
    assert unit_of(log_odds, points, np.full(4, 0.1)) == pytest.approx(0.02)
    # two more right rules: the median is 0.05, 0.06 lies within 2.5 * 0.1 / 20 = 0.0125 of it;
    # mean of 0.05, 0.06, 0.05, 0.05
    log_odds, points = np.append(log_odds, [1.0, 1.0]), np.append(points, [20.0, 20])
    assert unit_of(log_odds, points, np.full(6, 0.1)) == pytest.approx(0.0525)
    # the second one is ten times as precise as the rest, so it is the median: 0.06; within 0.0125
    # of it lie all four, with weights 200, 2000, 200, 200, of which the squares count
    error = np.array([0.1, 0.01, 0.1, 0.1, 0.1, 0.1])
    assert unit_of(log_odds, points, error) == pytest.approx((0.06 * 100 + 3 * 0.05) / 103)
    assert unit_of(np.ones(2), np.zeros(2), np.ones(2)) == 0


def test_many_fits_have_a_unit_each() -> None:
    # medians 0.2 and 0.3; nothing lies within 2.5 * 0.01 / 10 or a fifth of them, so they stay
    log_odds = np.array([[1.0, 2.0, 3.0], [3.0, 6.0, 0.0]])
    assert units_of(log_odds, np.full(3, 10.0), np.full(3, 0.01)).tolist() == [0.2, 0.3]


@pytest.mark.parametrize("wrong", [0, 1, 2])
def test_inflated_rules_do_not_make_the_right_ones_look_wrong(wrong: int) -> None:
    own, truth = drawn(40_000, wrong=wrong)
    worth = fit_worth(own)
    assert worth.basis == "rules"
    assert worth.unit == pytest.approx(0.05, rel=0.06)
    np.testing.assert_allclose(worth.supported, truth, atol=2)


def test_few_outcomes_keep_a_rule_near_what_the_table_gives() -> None:
    random = np.random.default_rng(1)
    own, _ = drawn(4_000)
    rare = np.zeros((4_000, 1))
    rare[random.choice(4_000, 3, replace=False)] = 1
    more = firing(
        np.hstack([own.unit, rare]).tolist(), [*own.points, 40], own.won.astype(int).tolist()
    )
    assert 20 < fit_worth(more).supported[5] < 60


def test_rules_that_are_the_same_for_all_are_not_fitted() -> None:
    own, _ = drawn(2_000)
    unit = np.column_stack([own.unit, np.ones(2_000), np.zeros(2_000)])
    more = firing(unit.tolist(), [20] * 7, own.won.astype(int).tolist())
    worth = fit_worth(more)
    assert np.isnan(worth.log_odds[5:]).all()
    np.testing.assert_allclose(worth.log_odds[:5], fit_worth(own).log_odds)


def test_a_table_the_wrong_way_round_gets_the_unit_of_its_spread() -> None:
    own, _ = drawn(8_000)
    turned = firing(own.unit.tolist(), [-20] * 5, own.won.astype(int).tolist())
    worth = fit_worth(turned)
    assert worth.basis == "spread"
    told, today = own.unit @ worth.log_odds, own.unit @ own.points
    assert told.std() / worth.unit == pytest.approx(today.std(), rel=0.05)
    assert (worth.supported > 0).all()


def test_a_fit_can_be_drawn_elsewhere_and_keep_a_unit() -> None:
    own, _ = drawn(500)
    towards = np.array([3.0, 0, 0, 0, 0])
    worth = fit_worth(own, towards=towards, spread=0.001, unit=0.1)
    np.testing.assert_allclose(worth.log_odds, towards, atol=0.01)
    assert worth.unit == 0.1
