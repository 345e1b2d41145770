import numpy as np
import pytest
from sklearn.isotonic import IsotonicRegression

from leadml.evaluation.calibration import bins, recalibrated, reliability
from leadml.evaluation.close_rate import close_rate
from leadml.evaluation.tally import Ranked, Tally


def test_recalibration_pools_what_runs_backwards() -> None:
    # close rates 0, 1, .5 with 1, 1, 2 leads: the last two pool to (1 + 1) / 3
    tally = Tally(np.array([0.1, 0.2, 0.3]), np.array([0.0, 1, 1]), np.array([1.0, 0, 1]))
    assert recalibrated(tally) == pytest.approx([0, 2 / 3, 2 / 3])


def test_recalibration_agrees_with_scikit_learn() -> None:
    random = np.random.default_rng(3)
    score = np.round(random.random(200), 2)
    won = random.random(200) < score**2
    ranked = Ranked(won, score).tally()
    expected = IsotonicRegression().fit(score, won).predict(ranked.score)
    assert recalibrated(ranked) == pytest.approx(expected, abs=1e-12)


def test_nobody_to_recalibrate() -> None:
    assert recalibrated(Tally(np.empty(0), np.empty(0), np.empty(0))).tolist() == []


def test_bins_are_about_equal_and_keep_ties_together() -> None:
    # 6 leads at .1, 2 at .5, 2 at .9 in two parts: the first half ends inside the ties at .1
    score = np.array([0.1] * 6 + [0.5] * 2 + [0.9] * 2)
    won = np.array([1, 0, 0, 0, 0, 0, 1, 0, 1, 1], bool)
    low, high = bins(Ranked(won, score).tally(), confidence=0.95, parts=2)
    assert (low.leads, low.won, low.probability) == (6, 1, pytest.approx(0.1))
    assert (high.leads, high.won, high.probability) == (4, 3, pytest.approx(0.7))
    assert low.close_rate == close_rate(1, 6, 0.95)


def test_a_group_of_ties_goes_where_its_middle_lies() -> None:
    # 4 leads at .1 and 6 at .5 in two parts: the middle of the six is the 7th of 10 leads
    tally = Ranked(np.arange(10) < 3, np.array([0.1] * 4 + [0.5] * 6)).tally()
    assert [part.leads for part in bins(tally, confidence=0.95, parts=2)] == [4, 6]


def sample(seed: int, leads: int = 400) -> tuple[np.ndarray, np.ndarray]:
    random = np.random.default_rng(seed)
    probability = random.beta(2, 6, leads)
    return random.random(leads) < probability, probability


def test_band_holds_the_curve_of_right_probabilities_nearly_always() -> None:
    # Nominal 95 % at each point; .9415 over the points of 100 such samples, .952 with 2,000 leads.
    inside = []
    for seed in range(40):
        won, probability = sample(seed)
        diagram = reliability(won, probability, confidence=0.95, seed=seed + 1000)
        inside.append((diagram.low <= diagram.close_rate) & (diagram.close_rate <= diagram.high))
    assert 0.92 <= np.concatenate(inside).mean() <= 0.98


def test_curve_of_probabilities_twice_too_high_leaves_the_band() -> None:
    won, probability = sample(0, 2000)
    diagram = reliability(won, np.minimum(2 * probability, 0.99), confidence=0.95)
    middle = (diagram.probability > 0.3) & (diagram.probability < 0.8)
    assert (diagram.close_rate[middle] < diagram.low[middle]).all()


def test_diagram_is_the_same_for_the_same_seed_and_plain_data() -> None:
    won, probability = sample(1)
    first = reliability(won, probability, confidence=0.95, seed=5).to_dict()
    assert first == reliability(won, probability, confidence=0.95, seed=5).to_dict()
    assert sum(part["leads"] for part in first["bins"]) == 400
    assert first["curve"]["probability"][0] == probability.min()
    assert first["curve"]["probability"][-1] == probability.max()
    assert len(first["curve"]["close_rate"]) <= 100
