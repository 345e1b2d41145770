"""The penalised logistic regression, against scikit-learn and against numbers worked by hand."""

import numpy as np
import pytest
from sklearn.linear_model import LogisticRegression

from leadml.evaluation.ridge import fit_ridge


def drawn(leads: int = 400) -> tuple[np.ndarray, np.ndarray]:
    random = np.random.default_rng(0)
    x = random.normal(size=(leads, 4)) * [1, 2, 0.5, 1]
    y = random.random(leads) < 1 / (1 + np.exp(-(x @ [0.8, -0.4, 1.0, 0.0] - 1)))
    return x, y.astype(float)


@pytest.mark.parametrize("spread", [0.3, 2.0])
def test_it_is_scikit_learns_ridge(spread: float) -> None:
    x, y = drawn()
    theirs = LogisticRegression(C=spread**2, tol=1e-10, max_iter=1000).fit(x, y)
    ours = fit_ridge(x, y, spread=spread)
    np.testing.assert_allclose(ours.coef, theirs.coef_[0], atol=1e-5)
    assert ours.intercept == pytest.approx(float(theirs.intercept_[0]), abs=1e-5)


def test_without_a_penalty_a_yes_or_no_rule_gets_its_log_odds_ratio() -> None:
    # 40 of 100 with the rule, 20 of 100 without: log(40/60) - log(20/80) = 0.9808
    x = np.repeat([1.0, 0.0], 100)[:, None]
    y = np.concatenate([np.repeat([1.0, 0.0], [40, 60]), np.repeat([1.0, 0.0], [20, 80])])
    line = fit_ridge(x, y)
    assert line.coef[0] == pytest.approx(np.log(40 / 60) - np.log(20 / 80))
    assert line.intercept == pytest.approx(np.log(20 / 80))
    # its variance is 1/40 + 1/60 + 1/20 + 1/80 (Woolf 1955)
    variance = np.linalg.inv(line.curvature)[1, 1]
    assert variance == pytest.approx(1 / 40 + 1 / 60 + 1 / 20 + 1 / 80)


def test_coefficients_are_drawn_to_their_centre() -> None:
    x, y = drawn()
    centre = np.array([2.0, 0.0, -1.0, 0.5])
    free, tight = fit_ridge(x, y, centre=centre), fit_ridge(x, y, centre=centre, spread=1e-4)
    np.testing.assert_allclose(tight.coef, centre, atol=1e-3)
    line = fit_ridge(x, y, centre=centre, spread=0.5)
    assert np.all(np.abs(line.coef - centre) < np.abs(free.coef - centre))
    # at the mode the likelihood pulls as hard as the prior: sum of scores = (coef - centre) / 0.25
    np.testing.assert_allclose(
        line.scores(x, y).sum(axis=0)[1:], (line.coef - centre) / 0.25, atol=1e-6
    )


def test_perfectly_separated_leads_get_finite_log_odds() -> None:
    line = fit_ridge(np.arange(20.0)[:, None] * 1e3, (np.arange(20) > 9).astype(float), spread=1.0)
    assert np.isfinite(line.coef).all()
    assert line.coef[0] > 0


def test_log_odds_are_the_line() -> None:
    x, y = drawn()
    line = fit_ridge(x, y)
    np.testing.assert_allclose(line.log_odds(x[:3]), line.intercept + x[:3] @ line.coef)
