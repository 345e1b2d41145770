import numpy as np
import pytest
from scipy.optimize import minimize

from leadml.model.together import POINTS_SPREAD, SLOPE_SPREAD, fit_together


def sample(leads: int, of_points: float, seed: int = 3) -> tuple[np.ndarray, ...]:
    random = np.random.default_rng(seed)
    log_odds = random.normal(-1, 1, leads)
    points = np.round(random.normal(50, 20, leads))
    truth = 0.8 * log_odds + of_points * (points - 50) - 0.2
    return log_odds, points, (random.random(leads) < 1 / (1 + np.exp(-truth))).astype(np.int8)


def test_the_truth_is_recovered_from_many_leads() -> None:
    found = fit_together(*sample(60_000, 0.03))
    assert found.model == pytest.approx(0.8, abs=0.03)
    assert found.points == pytest.approx(0.03, abs=0.002)
    assert found.intercept + 50 * found.points == pytest.approx(-0.2, abs=0.05)
    assert (found.leads, found.to_dict()["leads"]) == (60_000, 60_000)


def test_the_penalised_likelihood_is_at_its_highest() -> None:
    log_odds, points, y = sample(300, 0.03)
    found = fit_together(log_odds, points, y)
    spread = points.std()

    def loss(line: np.ndarray) -> float:
        z = line[0] + line[1] * log_odds + line[2] * points / spread
        prior = ((line[1] - 1) / SLOPE_SPREAD) ** 2 + (line[2] / POINTS_SPREAD) ** 2
        return float((np.logaddexp(0, z) - y * z).sum() + prior / 2)

    best = minimize(loss, [0.0, 1.0, 0.0]).x
    assert found.model == pytest.approx(best[1], abs=1e-3)
    assert found.points == pytest.approx(best[2] / spread, rel=1e-2)
    assert found.intercept == pytest.approx(best[0], abs=2e-3)


def test_few_outcomes_make_little_of_the_points() -> None:
    few = fit_together(*sample(90, 0.0, seed=8))
    many = fit_together(*sample(30_000, 0.0, seed=8))
    assert abs(many.points) * 20 < 0.05
    assert abs(few.points) * 20 < 0.5


def test_leads_without_points_are_left_out() -> None:
    log_odds, points, y = sample(400, 0.03)
    gaps = np.concatenate([points, np.full(50, np.nan)])
    with_gaps = fit_together(
        np.concatenate([log_odds, np.zeros(50)]), gaps, np.concatenate([y, np.ones(50, np.int8)])
    )
    assert with_gaps == fit_together(log_odds, points, y)


def test_too_few_outcomes_or_points_alike_fit_nothing() -> None:
    log_odds, points, y = sample(400, 0.03)
    few = y & (np.cumsum(y) <= 19)
    assert fit_together(log_odds, points, few) is None
    assert fit_together(log_odds, points, y & (np.cumsum(y) <= 20)) is not None
    assert fit_together(log_odds, np.full(400, 5.0), y) is None


def test_outcomes_told_apart_perfectly_keep_a_finite_fit() -> None:
    points = np.repeat([0.0, 100.0], 50)
    found = fit_together(np.zeros(100), points, (points > 50).astype(np.int8))
    assert np.isfinite([found.intercept, found.model, found.points]).all()
    assert found.points > 0
