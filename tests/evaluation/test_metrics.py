import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st
from model_diagnostics.scoring import SquaredError, decompose
from sklearn.metrics import (
    average_precision_score,
    brier_score_loss,
    roc_auc_score,
)
from sklearn.metrics import (
    log_loss as sklearn_log_loss,
)

from leadml.evaluation import metrics
from leadml.evaluation.tally import Ranked, Tally

# Four leads: .2 lost, .4 won, .4 lost, .8 won.
SMALL = Tally(np.array([0.2, 0.4, 0.8]), np.array([0.0, 1.0, 1.0]), np.array([1.0, 1.0, 0.0]))


@pytest.mark.parametrize(
    ("metric", "expected"),
    [
        # pairs won/lost: .4>.2 win, .4=.4 half, .8>.2 win, .8>.4 win = 3.5 of 4
        ("auc", 0.875),
        # at .8: 1 of 1; at .4: 2 of 3; half of the wins each: (1 + 2/3) / 2
        ("average_precision", 5 / 6),
        # -(ln .8 + ln .4 + ln .6 + ln .8) / 4
        ("log_loss", -(np.log(0.8) + np.log(0.4) + np.log(0.6) + np.log(0.8)) / 4),
        # (.04 + .36 + .16 + .04) / 4
        ("brier", 0.15),
        # recalibrated 0, .5, 1 has Brier (0 + .25 + .25 + 0) / 4 = .125; .15 - .125
        ("miscalibration", 0.025),
        # uncertainty .5 * .5 = .25; .25 - .125
        ("discrimination", 0.125),
    ],
)
def test_numbers_worked_by_hand(metric: str, expected: float) -> None:
    assert metrics.METRICS[metric].compute(SMALL) == pytest.approx(expected, abs=1e-12)


def leads(seed: int, n: int = 300) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    random = np.random.default_rng(seed)
    probability = np.round(random.beta(2, 5, n), 2).clip(0.01, 0.99)  # rounded: many ties
    return random.random(n) < probability, probability, random.integers(0, 4, n).astype(float)


@pytest.mark.parametrize("seed", range(5))
def test_agrees_with_scikit_learn_ties_and_weights_included(seed: int) -> None:
    won, probability, weight = leads(seed)
    tally = Ranked(won, probability).tally(weight)
    oracles = {
        "auc": roc_auc_score,
        "average_precision": average_precision_score,
        "log_loss": sklearn_log_loss,
        "brier": brier_score_loss,
    }
    for name, oracle in oracles.items():
        expected = oracle(won, probability, sample_weight=weight)
        assert metrics.METRICS[name].compute(tally) == pytest.approx(expected, abs=1e-12)


@pytest.mark.parametrize("seed", range(5))
def test_decomposition_agrees_with_model_diagnostics(seed: int) -> None:
    won, probability, weight = leads(seed)
    weight += 1  # the oracle cannot take weights of 0
    table = decompose(
        won.astype(float), probability, weights=weight, scoring_function=SquaredError()
    )
    tally = Ranked(won, probability).tally(weight)
    expected = pd.DataFrame(table.to_dict(as_series=False)).iloc[0]
    assert metrics.miscalibration(tally) == pytest.approx(expected["miscalibration"], abs=1e-12)
    assert metrics.discrimination(tally) == pytest.approx(expected["discrimination"], abs=1e-12)
    assert metrics.brier(tally) == pytest.approx(expected["score"], abs=1e-12)


outcomes_and_scores = st.lists(
    st.tuples(st.booleans(), st.integers(0, 20).map(lambda k: k / 20)), min_size=2, max_size=40
)


@given(outcomes_and_scores)
def test_brier_is_miscalibration_minus_discrimination_plus_uncertainty(
    pairs: list[tuple[bool, float]],
) -> None:
    won = np.array([w for w, _ in pairs])
    tally = Ranked(won, np.array([s for _, s in pairs])).tally()
    rate = won.mean()
    mcb, dsc = metrics.miscalibration(tally), metrics.discrimination(tally)
    assert metrics.brier(tally) == pytest.approx(mcb - dsc + rate * (1 - rate), abs=1e-12)
    assert mcb >= -1e-12
    assert dsc >= -1e-12


@given(outcomes_and_scores.filter(lambda pairs: len({w for w, _ in pairs}) == 2))
def test_reversing_the_ranking_mirrors_the_auc(pairs: list[tuple[bool, float]]) -> None:
    won = np.array([w for w, _ in pairs])
    score = np.array([s for _, s in pairs])
    forth, back = Ranked(won, score).tally(), Ranked(won, -score).tally()
    assert metrics.auc(forth) + metrics.auc(back) == pytest.approx(1.0)


def test_certain_and_wrong_is_capped_like_scikit_learn() -> None:
    won, certain = np.array([True, False]), np.array([0.0, 1.0])
    expected = sklearn_log_loss(won, certain)
    assert metrics.log_loss(Ranked(won, certain).tally()) == pytest.approx(expected)


def test_one_outcome_has_no_ranking_metric_but_has_a_loss() -> None:
    tally = Ranked(np.array([False, False]), np.array([0.25, 0.75])).tally()
    assert np.isnan(metrics.auc(tally))
    assert np.isnan(metrics.average_precision(tally))
    assert metrics.brier(tally) == pytest.approx((0.0625 + 0.5625) / 2)


@pytest.mark.parametrize("name", ["log_loss", "brier", "discrimination"])
def test_no_leads_no_number(name: str) -> None:
    nobody = Tally(np.empty(0), np.empty(0), np.empty(0))
    assert np.isnan(metrics.METRICS[name].compute(nobody))


def test_directions() -> None:
    better = {name: metric.better for name, metric in metrics.METRICS.items()}
    assert better == {
        "auc": "higher",
        "average_precision": "higher",
        "log_loss": "lower",
        "brier": "lower",
        "miscalibration": "lower",
        "discrimination": "higher",
    }
