import numpy as np
import pytest
from sklearn.linear_model import LogisticRegression

from leadml.evaluation.sigmoid import (
    cross_fitted,
    fold_of,
    normal_scores,
    squared_error,
    surprise,
)


def sample(leads: int = 400) -> tuple[np.ndarray, np.ndarray]:
    random = np.random.default_rng(2)
    score = random.normal(0, 1, leads)
    return score, random.random(leads) < 1 / (1 + np.exp(1 - score))


def test_whole_accounts_are_dealt_with_about_as_many_wins_each() -> None:
    accounts = np.repeat(np.arange(100), 3)
    won = np.arange(300) % 10 == 0  # 30 wins
    fold = fold_of(accounts, won, seed=1)
    assert all(len(set(fold[accounts == one])) == 1 for one in range(100))
    assert np.bincount(fold, won).tolist() == [6] * 5
    assert np.bincount(fold).tolist() == [60] * 5
    assert fold.tolist() == fold_of(accounts, won, seed=1).tolist()
    assert fold.tolist() != fold_of(accounts, won, seed=2).tolist()


def test_a_lead_gets_the_line_of_the_other_folds() -> None:
    score, won = sample()
    fold = np.arange(400) % 2
    found = cross_fitted(score[:, None], won, fold)
    for part in (0, 1):
        rest = fold != part
        line = LogisticRegression(C=np.inf, tol=1e-10).fit(score[rest, None], won[rest])
        # Platt's targets, 1/(n + 2) off 0 and 1, draw the line in by a percent or so.
        wanted = line.decision_function(score[~rest, None])
        assert (np.abs(found[~rest] - wanted) < 0.05 + 0.03 * np.abs(wanted)).all()
        assert np.corrcoef(found[~rest], wanted)[0, 1] == pytest.approx(1)


def test_a_line_by_hand() -> None:
    # Fold 1 learns from fold 0: 3 of 4 won at score 1, 1 of 4 at score 0, so 4 won and 4 lost.
    # Targets 5/6 and 1/6: means (3 · 5/6 + 1/6) / 4 = 2/3 and 1/3: log-odds ±ln 2.
    score = np.array([1.0, 1, 1, 1, 0, 0, 0, 0, 1, 0])
    won = np.array([1, 1, 1, 0, 1, 0, 0, 0, 1, 0], bool)
    fold = np.array([0] * 8 + [1] * 2)
    found = cross_fitted(score[:, None], won, fold)
    assert found[8:] == pytest.approx([np.log(2), -np.log(2)], abs=1e-3)


def test_a_score_that_points_the_wrong_way_is_made_flat() -> None:
    score, won = sample()
    fold = np.arange(400) % 2
    turned = cross_fitted(-score[:, None], won, fold)
    assert turned == pytest.approx(cross_fitted(score[:, None], won, fold))
    flat = cross_fitted(-score[:, None], won, fold, rising=True)
    # nothing but the rate of the other fold, n wins of 200: targets as above
    for part in (0, 1):
        wins = won[fold != part].sum()
        mean = (wins * (wins + 1) / (wins + 2) + (200 - wins) / (202 - wins)) / 200
        assert flat[fold == part] == pytest.approx(np.log(mean / (1 - mean)))


def test_a_lead_of_weight_two_counts_as_two() -> None:
    score, won = sample(200)
    fold = np.arange(200) % 2
    twice = np.where(np.arange(200) % 3 == 0, 2, 1)
    many = np.repeat(np.arange(200), twice)
    weighted = cross_fitted(score[:, None], won, fold, weight=twice.astype(float))
    repeated = cross_fitted(score[many, None], won[many], fold[many])
    assert weighted[many] == pytest.approx(repeated, abs=1e-8)


def test_outcomes_told_apart_perfectly_keep_a_finite_line() -> None:
    score = np.concatenate([np.zeros(50), np.ones(50)])
    found = cross_fitted(score[:, None], score == 1, np.arange(100) % 5)
    assert np.isfinite(found).all()
    assert (found[50:] > 3).all()


def test_a_score_of_one_value_says_the_rate() -> None:
    won = np.arange(100) % 4 == 0
    found = cross_fitted(np.full((100, 1), 7.0), won, np.arange(100) // 20)
    # 20 of 80 won in every other four folds: targets 21/22 and 1/62
    mean = (20 * 21 / 22 + 60 / 62) / 80
    assert found == pytest.approx(np.full(100, np.log(mean / (1 - mean))))


def test_normal_scores_know_the_order_alone() -> None:
    # ranks 2.5, 1, 2.5 and 4 of 4: Φ⁻¹(.5) = 0, Φ⁻¹(.125) = -1.1503, Φ⁻¹(.875) = 1.1503
    given = np.array([5.0, -1.0, 5.0, 1e6])
    assert normal_scores(given) == pytest.approx([0, -1.15035, 0, 1.15035], abs=1e-5)
    assert normal_scores(given).tolist() == normal_scores(np.cbrt(given)).tolist()


def test_losses_of_single_leads() -> None:
    log_odds, won = np.array([0.0, np.log(3)]), np.array([True, False])
    # probabilities .5 and .75: -ln .5 and -ln .25; squares .25 and .5625
    assert surprise(log_odds, won) == pytest.approx([np.log(2), np.log(4)])
    assert squared_error(log_odds, won) == pytest.approx([0.25, 0.5625])
