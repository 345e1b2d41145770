"""Who is won after the horizon: the simplest form that tells, on leads of known make."""

import numpy as np
import pytest
from numpy.typing import NDArray

from leadml.model.late_wins import FEWEST_TO_TELL_APART, MOST_FEATURES, LateWins, fit_late_wins
from leadml.model.scorecard import probability

Numbers = NDArray[np.float64]
LEADS = 1500


def drawn(log_odds: Numbers, seed: int = 1) -> NDArray[np.int8]:
    chances = np.random.default_rng(seed).random(len(log_odds))
    return (chances < probability(log_odds)).astype(np.int8)


def fitted(x: Numbers, own: Numbers, y: NDArray[np.int8]) -> LateWins:
    return fit_late_wins(x, own, y, categorical=np.zeros(x.shape[1], bool), seed=0)


def features(width: int = 3, leads: int = LEADS) -> Numbers:
    return np.random.default_rng(0).normal(size=(leads, width))


def test_no_pattern_gives_everyone_the_base_rate() -> None:
    x = features()
    y = drawn(np.full(LEADS, -2.0))
    found = fitted(x, x[:, 0] - 1, y)
    assert (found.form, found.slope, found.card) == ("base_rate", 0.0, None)
    assert probability(np.array(found.intercept)) == pytest.approx(y.mean(), abs=1e-3)


def test_late_wins_that_follow_the_score() -> None:
    x = features()
    own = 1.2 * x[:, 0] - 1 + x[:, 1]
    found = fitted(x, own, drawn(own - 1))
    assert found.form == "score"
    assert found.slope == pytest.approx(1, abs=0.25)
    assert found.intercept == pytest.approx(-1, abs=0.35)


def test_late_wins_with_a_pattern_of_their_own() -> None:
    x = features(width=30)
    found = fitted(x, x[:, 0], drawn(2 * x[:, 7] - 1.5))
    assert found.form == "logistic"
    assert found.card is not None
    assert len(found.card.terms) <= MOST_FEATURES
    strongest = max(found.card.terms, key=lambda term: np.ptp(term.values))
    assert strongest.feature == 7
    q = probability(found.slope * found.card.log_odds(x) + found.intercept)
    assert np.corrcoef(q, probability(2 * x[:, 7] - 1.5))[0, 1] > 0.9


@pytest.mark.parametrize(("won", "form"), [(FEWEST_TO_TELL_APART, "score"), (29, "base_rate")])
def test_too_few_late_wins_do_not_tell_leads_apart(won: int, form: str) -> None:
    own = np.linspace(-4, 2, 400)
    y = (np.arange(400) >= 400 - won).astype(np.int8)  # the best by score, and they alone
    found = fitted(np.empty((400, 1)) * np.nan, own, y)
    assert found.form == form
    if form == "base_rate":
        # half a win and half a loss are added: 29.5 against 371.5
        assert found.intercept == pytest.approx(np.log(29.5 / 371.5))


def test_nobody_won_late_is_little_and_not_nothing() -> None:
    found = fitted(features(leads=200), np.zeros(200), np.zeros(200, np.int8))
    assert found == LateWins("base_rate", 0.0, pytest.approx(np.log(0.5 / 200.5)))
