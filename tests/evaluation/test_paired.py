"""Paired comparisons of two scores on the same leads."""

import numpy as np
import pytest
from sklearn.metrics import roc_auc_score

from leadml.evaluation.confidence_sequence import errors_apart
from leadml.evaluation.paired import (
    HeldOut,
    calibrated,
    compare_as_served,
    compare_auc,
    compare_losses,
    surprises,
)


def leads(won: list[int] | np.ndarray, periods: object = None, accounts: object = None) -> HeldOut:
    n = len(won)
    return HeldOut(
        won=np.array(won, bool),
        periods=np.zeros(n, np.intp) if periods is None else np.asarray(periods),
        accounts=np.arange(n) if accounts is None else np.asarray(accounts),
    )


def test_auc_is_averaged_over_blocks_by_their_pairs() -> None:
    # block 0: won 3, 1 against lost 2, 0: 3 of 4 pairs; block 1: won 5 against lost 9: 0 of 1;
    # block 2 holds no won lead and says nothing. (4 * 0.75 + 1 * 0) / 5 = 0.6
    tested = leads([1, 1, 0, 0, 1, 0, 0], [0, 0, 0, 0, 1, 1, 2])
    score = np.array([3.0, 1, 2, 0, 5, 9, 4])
    found = compare_auc(tested, score, -score, 0.95)
    assert found.first == pytest.approx(0.6)
    assert found.second == pytest.approx(0.4)
    assert found.difference == pytest.approx(0.2)
    assert found.to_dict()["low"] < 0.2 < found.to_dict()["high"]


def test_the_error_of_an_auc_is_delongs() -> None:
    random = np.random.default_rng(0)
    won = random.random(600) < 0.3
    score = random.normal(size=600).round(1) + won
    found = compare_auc(leads(won), score, np.zeros(600), 0.95)  # a constant has no error
    assert found.first == pytest.approx(roc_auc_score(won, score))
    assert found.second == 0.5
    wins = (score[won][:, None] > score[~won]) + 0.5 * (score[won][:, None] == score[~won])
    variance = (
        wins.mean(axis=1).var(ddof=1) / won.sum() + wins.mean(axis=0).var(ddof=1) / (~won).sum()
    )
    assert found.high - found.difference == pytest.approx(1.959964 * np.sqrt(variance), rel=0.01)


def test_copies_of_leads_in_one_account_prove_nothing_more() -> None:
    random = np.random.default_rng(1)
    won = random.random(300) < 0.4
    first, second = won + random.normal(size=300), won + random.normal(size=300)
    once = leads(won)
    twice = leads(np.tile(won, 2), accounts=np.tile(np.arange(300), 2))
    for compare in (compare_auc, compare_losses):
        one = compare(once, first, second, 0.9)
        two = compare(twice, np.tile(first, 2), np.tile(second, 2), 0.9)
        assert two.high - two.low == pytest.approx(one.high - one.low, rel=0.02)


def test_one_account_settles_nothing_and_a_few_are_held_to_students_t() -> None:
    random = np.random.default_rng(1)
    won = random.random(300) < 0.4
    better, worse = won + random.normal(size=300), random.normal(size=300)
    for compare in (compare_auc, compare_losses):
        one = compare(leads(won, accounts=np.zeros(300, int)), better, worse, 0.95)
        assert one.chance == 1.0
        assert one.low == one.high == one.difference != 0
    # t of 3 degrees of freedom leaves out 5 % beyond 3.1824 errors where the normal does at 1.96
    four = compare_auc(leads(won, accounts=np.arange(300) % 4), better, worse, 0.95)
    wide = compare_auc(leads(won, accounts=np.arange(300) % 4), better, worse, 0.5)
    assert four.high - four.difference == pytest.approx(
        (wide.high - wide.difference) * 3.18245 / 0.76489, rel=1e-4
    )


def test_scores_in_any_unit_are_calibrated_alike_in_every_block() -> None:
    random = np.random.default_rng(2)
    won = random.random(400) < 0.3
    score, periods = won + random.normal(size=400), np.repeat([0, 1], 200)
    tested = leads(won, periods)
    moved = np.where(periods == 0, 100 * score - 7, 0.1 * score + 30)
    np.testing.assert_allclose(surprises(tested, moved), surprises(tested, score), atol=1e-6)
    p = 1 / (1 + np.exp(-calibrated(tested, score)))
    for block in (0, 1):
        assert p[periods == block].mean() == pytest.approx(won[periods == block].mean())


def test_a_block_of_one_outcome_gets_one_level() -> None:
    tested = leads([0, 0, 0, 1, 0], [0, 0, 0, 1, 1])
    log_odds = calibrated(tested, np.arange(5.0))
    # half a win in four leads: log((0.5 / 4) / (3.5 / 4)) = log(1 / 7)
    np.testing.assert_allclose(log_odds[:3], np.log(1 / 7))


def test_a_better_score_loses_less() -> None:
    random = np.random.default_rng(3)
    won = random.random(2_000) < 0.3
    good, bad = won + random.normal(size=2_000), won + 4 * random.normal(size=2_000)
    found = compare_losses(leads(won), good, bad, 0.95)
    assert found.difference < 0
    assert found.high < 0
    assert found.chance < 0.001
    same = compare_losses(leads(won), good, good, 0.95)
    assert (same.difference, same.chance) == (0, 1)


@pytest.mark.parametrize("compare", [compare_auc, compare_losses])
def test_equals_are_seldom_told_apart(compare: object) -> None:
    random = np.random.default_rng(4)
    false = 0
    for _ in range(200):
        won = random.random(300) < 0.3
        first, second = (won + random.normal(size=300) for _ in range(2))
        false += compare(leads(won), first, second, 0.95).chance <= 0.05  # type: ignore[operator]
    assert false <= 19  # 10 expected; 20 or more have a chance of 0.3 %


def test_served_probabilities_are_compared_for_every_look_by_accounts() -> None:
    # Won leads told 0.8 instead of 0.5 gain log 1.6, lost ones lose log 2.5 by it.
    tested = leads([1, 1, 0, 1], accounts=[0, 0, 1, 2])
    found = compare_as_served(tested, np.full(4, 0.5), np.full(4, 0.8), 0.95)
    up, down = np.log(1.6), -np.log(2.5)
    mean = (3 * up + down) / 4
    moved = np.array([2 * (up - mean), down - mean, up - mean]) / 4
    assert found.difference == pytest.approx(mean)
    assert found.error == pytest.approx(np.sqrt((moved**2).sum() * 3 / 2))
    assert found.units == pytest.approx(16 / 6)  # 4**2 / (2**2 + 1 + 1)
    assert found.low == pytest.approx(mean - errors_apart(16 / 6, 0.95) * found.error)
    assert found.high == pytest.approx(mean + errors_apart(16 / 6, 0.95) * found.error)
    assert found.chance == 1.0
    alone = compare_as_served(leads([1, 0], accounts=[7, 7]), tested.won[:2] / 2, np.ones(2), 0.95)
    assert (alone.low, alone.high, alone.chance) == (None, None, 1.0)


def test_weights_count_in_mean_error_and_units() -> None:
    tested, first = leads([1, 0, 1]), np.full(3, 0.5)
    second = np.array([0.8, 0.5, 0.5])
    found = compare_as_served(tested, first, second, 0.95, weight=np.array([2.0, 1, 1]))
    mean = np.log(1.6) / 2
    moved = np.array([0.5 * (np.log(1.6) - mean), -0.25 * mean, -0.25 * mean])
    assert found.difference == pytest.approx(mean)
    assert found.error == pytest.approx(np.sqrt((moved**2).sum() * 3 / 2))
    assert found.units == pytest.approx(16 / 6)


def test_equal_versions_are_seldom_told_apart_in_a_year_of_weekly_looks() -> None:
    # 80 companies: by the interval for one look a third of them come to a name.
    random = np.random.default_rng(3)
    named = once = 0
    for _ in range(80):
        true = random.normal(-1.6, 1.0, 2080)
        won = random.random(2080) < 1 / (1 + np.exp(-true))
        first, second = (1 / (1 + np.exp(-true - random.normal(0, 0.35, 2080))) for _ in range(2))
        found = [
            compare_as_served(leads(won[:n]), first[:n], second[:n], 0.95)
            for n in range(160, 2081, 40)
        ]
        named += any(look.chance < 0.05 for look in found)
        once += any(abs(look.difference) > 1.97 * look.error for look in found)
    assert named <= 0.05 * 80
    assert once > 0.2 * 80
