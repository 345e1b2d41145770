"""Bounds that hold at every look: against a closed form, an integral, and exact recursion."""

import numpy as np
import pytest
from scipy.integrate import quad
from scipy.special import betaln, expit, logit
from scipy.stats import beta, binom

from leadml.evaluation.close_rate import lower_bound, upper_bound
from leadml.evaluation.confidence_sequence import (
    PRIOR_UNITS,
    chance_at_every_look,
    errors_apart,
    lower_bounds,
    mixture,
    units_to_decide,
    upper_bounds,
    wins_to_meet,
)
from leadml.evaluation.knowable import leads_needed


def beta_binomial(won: float, units: float, rate: float) -> float:
    """Work the one-sided mixture at the rate itself out in closed form."""
    a, b = PRIOR_UNITS * rate, PRIOR_UNITS * (1 - rate)
    marginal = betaln(a + won, b + units - won) - betaln(a, b)
    upper_part = beta.logsf(rate, a + won, b + units - won) - beta.logsf(rate, a, b)
    return marginal + upper_part - won * np.log(rate) - (units - won) * np.log1p(-rate)


@pytest.mark.parametrize("rate", [0.02, 0.1, 0.3, 0.6, 0.9])
@pytest.mark.parametrize("units", [10, 100, 10_000, 1_000_000])
def test_evidence_is_that_of_the_beta_binomial_mixture(rate: float, units: int) -> None:
    spread = np.sqrt(units * rate * (1 - rate))
    for errors in (-2, 0, 2, 4):
        won = float(np.clip(round(units * rate + errors * spread), 0, units))
        expected = beta_binomial(won, units, rate)
        assert mixture(rate).evidence(won, units, rate) == pytest.approx(expected, abs=0.004)


def test_evidence_is_that_of_the_published_implementation() -> None:
    # confseq (Howard, Waudby-Smith), uniform_boundaries_unittest.cpp, one-sided beta-binomial:
    # range -0.2 to 0.8, v = 100, tuned for v_opt = 100 at alpha = 0.05. In wins: at a rate of 20 %
    # v = 0.2 x 0.8 x n, so n = 625; a sum of 10 is 125 + 10 wins; rho - 0.2 x 0.8 = 15.64 is a
    # beta distribution worth 15.64 / (0.2 x 0.8) units
    twice = 2 * np.log(1 / (2 * 0.05))
    worth = (100 / (twice + np.log1p(twice)) - 0.16) / 0.16
    against = mixture(0.2, prior_units=worth)
    assert against.evidence(135, 625, 0.2) == pytest.approx(-0.07134019, abs=3e-4)
    assert against.evidence(125 + 28.41238, 625, 0.2) == pytest.approx(np.log(20), abs=3e-3)


def test_evidence_at_another_rate_keeps_the_steps() -> None:
    # 40 of 100 against 25 %, with the mixture of an agreed 30 %, integrated numerically
    a, b = PRIOR_UNITS * 0.3, PRIOR_UNITS * 0.7

    def density(p: float) -> float:
        alternative = expit(logit(p) - logit(0.3) + logit(0.25))
        ratio = (alternative / 0.25) ** 40 * ((1 - alternative) / 0.75) ** 60
        return ratio * beta.pdf(p, a, b) / beta.sf(0.3, a, b)

    expected = quad(density, 0.3, 1, epsabs=1e-10, limit=200)[0]
    assert np.exp(mixture(0.3).evidence(40, 100, 0.25)) == pytest.approx(expected, rel=0.001)


def test_the_evidence_is_a_fair_bet_at_its_rate() -> None:
    # mean over all outcomes of 30 units at a true 30 %, worked out exactly: 1; below 30 % less
    won = np.arange(31)
    stake = np.exp(mixture(0.3).evidence(won, 30, 0.3))
    assert (binom.pmf(won, 30, 0.3) * stake).sum() == pytest.approx(1, abs=1e-12)
    assert (binom.pmf(won, 30, 0.25) * stake).sum() < 1


def test_a_drifting_rate_gains_nothing_by_its_drift() -> None:
    # 10 units at 50 %, then 20 at 20 %: on average 30 %, worked out exactly
    won = np.convolve(binom.pmf(np.arange(11), 10, 0.5), binom.pmf(np.arange(21), 20, 0.2))
    stake = np.exp(mixture(0.3).evidence(np.arange(31), 30, 0.3))
    assert (won * stake).sum() < 1


def claimed(needed: np.ndarray, rate: float) -> float:
    """Return the chance that wins ever reach what is needed, looked at after every unit: exact."""
    undecided, done = np.ones(1), 0.0
    for enough in needed:
        undecided = np.convolve(undecided, [1 - rate, rate])
        done += undecided[enough:].sum()
        undecided = undecided[:enough]
    return done


@pytest.mark.parametrize("confidence", [0.95, 0.8])
@pytest.mark.parametrize("rate", [0.1, 0.3, 0.7])
def test_false_claims_after_every_unit_stay_within_the_risk(rate: float, confidence: float) -> None:
    needed = wins_to_meet(np.arange(1, 601), rate=rate, confidence=confidence)
    risk = claimed(needed, rate)
    assert 0.2 * (1 - confidence) < risk <= 1 - confidence
    # the exact test for one look, taken after every unit, claims several times as often
    once = [binom.isf(1 - confidence, n, rate) + 1 for n in range(1, 601)]
    assert claimed(np.array(once, int), rate) > 2.5 * (1 - confidence)


def test_what_looking_as_often_as_one_likes_costs() -> None:
    # beside the exact interval for one look: wider by half at 100 units, by twice at 100,000
    units = np.array([100, 1_000, 100_000])
    low = lower_bounds(0.3 * units, units, rate=0.3, confidence=0.95)
    once = np.array([lower_bound(round(0.3 * n), n, 0.95) for n in units.tolist()])
    ratio = (0.3 - low) / (0.3 - once)
    assert (np.diff(ratio) > 0).all()
    assert 1.4 < ratio[0] < ratio[-1] < 2.3
    # a true 40 % against an agreed 30 %: one planned look at 155 leads shows it four times in five,
    # the verdict has by then shown it more often than not, and four times in five by 1.7 times that
    needed = wins_to_meet(np.arange(1, 264), rate=0.3, confidence=0.95)
    assert leads_needed(0.4, 0.3, 0.95) == 155
    assert claimed(needed[:155], 0.4) > 0.5
    assert claimed(needed, 0.4) > 0.8


def test_wins_to_meet_are_the_fewest_whose_bound_reaches_the_rate() -> None:
    sure = {"rate": 0.3, "confidence": 0.95}
    assert wins_to_meet([1, 9], **sure).tolist() == [2, 10]  # not even all wins would do
    units = np.array([10, 60, 100, 275, 3000])
    needed = wins_to_meet(units, **sure)
    assert needed[0] == 10
    enough, short = (lower_bounds(wins, units, **sure) for wins in (needed, needed - 1))
    assert (enough >= 0.3).all()
    assert (short < 0.3).all()


def test_bounds_solve_for_the_level() -> None:
    low = lower_bounds(70, 200, rate=0.3, confidence=0.95)
    high = upper_bounds(70, 200, rate=0.3, confidence=0.95)
    assert mixture(0.3).evidence(70, 200, low) == pytest.approx(np.log(20), abs=1e-6)
    assert mixture(0.7).evidence(130, 200, 1 - high) == pytest.approx(np.log(20), abs=1e-6)
    assert low < lower_bound(70, 200, 0.95) < 0.35 < upper_bound(70, 200, 0.95) < high


def test_losses_bound_as_wins_do() -> None:
    low = lower_bounds(12, 80, rate=0.2, confidence=0.9)
    assert 1 - upper_bounds(68, 80, rate=0.8, confidence=0.9) == pytest.approx(low, abs=1e-12)


@pytest.mark.parametrize("units", [1, 10, 1_000_000])
def test_no_wins_and_all_wins_are_exact_at_the_end(units: int) -> None:
    sides = {"rate": 0.3, "confidence": 0.95}
    assert lower_bounds(0, units, **sides) == 0
    assert upper_bounds(units, units, **sides) == 1
    assert 0 < upper_bounds(0, units, **sides) <= 1
    assert 0 <= lower_bounds(units, units, **sides) < 1


def test_bounds_stay_beside_their_rate_up_to_a_million_units() -> None:
    units = np.array([50, 1_000, 50_000, 1_000_000])
    low = lower_bounds(0.3 * units, units, rate=0.3, confidence=0.95)
    high = upper_bounds(0.3 * units, units, rate=0.3, confidence=0.95)
    assert (np.diff(low) > 0).all()
    assert (np.diff(high) < 0).all()
    assert 0 < 0.3 - low[-1] < 0.002
    assert 0 < high[-1] - 0.3 < 0.002


@pytest.mark.parametrize("rate", [1e-6, 0.001, 0.999, 1 - 1e-6])
def test_extreme_rates_have_bounds_too(rate: float) -> None:
    # their mixtures hold steps that no probability is left for
    assert np.exp(mixture(rate).log_weights).sum() == pytest.approx(1)
    low = lower_bounds([0, 50, 100], [100] * 3, rate=rate, confidence=0.95)
    high = upper_bounds([0, 50, 100], [100] * 3, rate=rate, confidence=0.95)
    assert low[0] == 0 < low[1] < 0.5 < low[2] < 1
    assert 0 < high[0] < 0.5 < high[1] < high[2] == 1


def test_more_wins_raise_both_bounds() -> None:
    won = np.arange(121)
    for bounds in (lower_bounds, upper_bounds):
        assert (np.diff(bounds(won, 120, rate=0.3, confidence=0.8)) >= 0).all()


def test_units_to_decide_is_where_a_steady_share_first_shows() -> None:
    for share, missing in ((0.4, 1), (0.2, -1)):
        units = units_to_decide(share, rate=0.3, confidence=0.95, most=10_000)
        assert units is not None
        sure = {"rate": 0.3, "confidence": 0.95}
        bounds = lower_bounds if missing > 0 else upper_bounds
        before, at = bounds(share * np.array([units - 1, units]), [units - 1, units], **sure) - 0.3
        assert at * missing >= 0 > before * missing


def test_a_share_near_the_rate_decides_nothing() -> None:
    assert units_to_decide(0.3, rate=0.3, confidence=0.95, most=10_000) is None
    assert units_to_decide(0.301, rate=0.3, confidence=0.95, most=10_000) is None
    assert units_to_decide(1.0, rate=0.3, confidence=0.95, most=10_000) == 10


def test_a_mean_may_lie_so_many_errors_off_at_every_look() -> None:
    # 200 units: sqrt(2 * (log 2 + 2 log 20)); 40: sqrt(6 * (log 1.2 + 2 log 20))
    assert errors_apart(200, 0.95) == pytest.approx(3.6564, abs=1e-4)
    assert errors_apart(40, 0.95) == pytest.approx(6.0863, abs=1e-4)
    assert errors_apart(2_000, 0.95) == pytest.approx(3.0378, abs=1e-4)
    assert errors_apart(200, 0.99) > errors_apart(200, 0.95)


def test_the_chance_at_every_look_is_the_level_at_which_the_interval_ends() -> None:
    for units in (3.0, 200.0, 50_000.0):
        for confidence in (0.8, 0.95, 0.999):
            apart = errors_apart(units, confidence)
            assert chance_at_every_look(apart, units) == pytest.approx(1 - confidence)
    assert chance_at_every_look(0.0, 10.0) == 1.0
