"""Probabilities held against the truth, worked by hand."""

import numpy as np
import pytest
from sklearn.linear_model import LogisticRegression

from leadml.evaluation.recovery import recovery


def test_by_hand() -> None:
    # Said 1/4 of both, true 1/8 and 5/8: mean 3/8 against 1/4. Log loss of the said:
    # 3/8 * log 4 + 5/8 * log(4/3); of the truth: the mean of two entropies.
    true = np.array([0.125, 0.625])
    found = recovery(np.array([0.25, 0.25]), true)
    assert found.mean_off == -0.125
    assert found.slope is None
    said_loss = 0.375 * np.log(4) + 0.625 * np.log(4 / 3)
    entropy = -np.mean(true * np.log(true) + (1 - true) * np.log(1 - true))
    assert found.excess == pytest.approx(said_loss - entropy)
    assert found.leads == 2


def test_the_slope_is_that_of_a_line_in_log_odds() -> None:
    log_odds = np.linspace(-2.5, 1.0, 50)
    said, true = (1 / (1 + np.exp(-z)) for z in (log_odds, 0.3 + 0.6 * log_odds))
    found = recovery(said, true)
    assert found.slope == pytest.approx(0.6)
    # A second opinion where the truth is no line: scikit-learn with each lead both won and lost.
    odd = np.clip(true + 0.1 * np.sin(9 * log_odds), 0.02, 0.98)
    fitted = LogisticRegression(C=np.inf, tol=1e-10).fit(
        np.tile(log_odds, 2)[:, None], np.repeat([1, 0], 50), sample_weight=np.r_[odd, 1 - odd]
    )
    assert recovery(said, odd).slope == pytest.approx(float(fitted.coef_[0, 0]), abs=1e-5)


def test_outcomes_follow_the_finest_truth() -> None:
    true, finest = np.array([0.3, 0.3]), np.array([0.2, 0.4])
    known = recovery(finest, true, finest=finest)
    assert known.mean_off == 0
    assert known.excess < 0
    assert recovery(true, true, finest=finest).excess == 0
