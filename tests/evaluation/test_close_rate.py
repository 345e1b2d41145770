import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.stats import binom, binomtest

from leadml.evaluation.close_rate import (
    at_volume,
    by_group,
    close_rate,
    expected_wins,
    handoff,
    lower_bound,
    ranges_of,
    upper_bound,
    verdict,
)


def flags(text: str) -> np.ndarray:
    """Read ``"110"`` as won, won, lost."""
    return np.array([letter == "1" for letter in text])


def test_published_bounds() -> None:
    # Clopper-Pearson 95 % two-sided for 81 of 263 is .253 to .368 (Newcombe 1998, table I,
    # doi:10.1002/(SICI)1097-0258(19980430)17:8<857::AID-SIM777>3.0.CO;2-E), and for 15 of 148
    # .058 to .162, for 0 of 20 0 to .168, for 1 of 29 .001 to .178.
    for won, leads, low, high in [
        (81, 263, 0.2527, 0.3676),
        (15, 148, 0.0578, 0.1617),
        (0, 20, 0.0, 0.1684),
        (1, 29, 0.0009, 0.1776),
    ]:
        assert lower_bound(won, leads, 0.975) == pytest.approx(low, abs=5e-5)
        assert upper_bound(won, leads, 0.975) == pytest.approx(high, abs=5e-5)


def test_rule_of_three_and_its_exact_form() -> None:
    # no win in 100: upper bound 1 - .05 ** (1/100)
    assert upper_bound(0, 100, 0.95) == pytest.approx(1 - 0.05**0.01)
    assert lower_bound(100, 100, 0.95) == pytest.approx(0.05**0.01)
    assert (lower_bound(0, 100, 0.95), upper_bound(100, 100, 0.95)) == (0.0, 1.0)


@given(st.integers(1, 200), st.floats(0, 1), st.sampled_from([0.8, 0.9, 0.95, 0.99]))
def test_agrees_with_scipys_exact_test(leads: int, share: float, confidence: float) -> None:
    won = round(share * leads)
    low = binomtest(won, leads, alternative="greater").proportion_ci(confidence, "exact").low
    high = binomtest(won, leads, alternative="less").proportion_ci(confidence, "exact").high
    rate = close_rate(won, leads, confidence)
    assert (rate.low, rate.high) == pytest.approx((low, high), abs=1e-12)
    assert rate.low <= rate.value <= rate.high


@pytest.mark.parametrize(("leads", "true"), [(40, 0.30), (150, 0.30), (150, 0.05)])
def test_each_bound_holds_with_its_confidence_whatever_the_sample(leads: int, true: float) -> None:
    # Exact, not simulated: add up the binomial probabilities of samples whose bound holds.
    wins = np.arange(leads + 1)
    chance = binom.pmf(wins, leads, true)
    low = np.array([lower_bound(k, leads, 0.95) for k in wins])
    high = np.array([upper_bound(k, leads, 0.95) for k in wins])
    assert chance[low <= true].sum() >= 0.95
    assert chance[true <= high].sum() >= 0.95


def test_meets_is_claimed_falsely_in_at_most_one_sample_of_twenty() -> None:
    # At a true 29.99 % and an agreed 30 % a claim is false; one look at 200 leads.
    wins = np.arange(201)
    claims = np.array([verdict(lower_bound(k, 200, 0.95), 1.0, 0.30) == "meets" for k in wins])
    assert 0.02 < binom.pmf(wins, 200, 0.2999)[claims].sum() <= 0.05


@pytest.mark.parametrize(
    ("low", "high", "expected"),
    [
        (0.30, 0.50, "meets"),
        (0.2999, 0.50, "undecided"),
        (0.10, 0.30, "undecided"),
        (0.10, 0.2999, "falls_short"),
        (None, None, "undecided"),
    ],
)
def test_verdict_at_its_edges(low: float | None, high: float | None, expected: str) -> None:
    assert verdict(low, high, 0.30) == expected


def test_no_leads_no_rate() -> None:
    assert close_rate(0, 0, 0.95).to_dict() == {
        "value": None,
        "low": None,
        "high": None,
        "reason": "no leads",
    }


def test_fractional_wins_take_the_cautious_whole_number_on_each_side() -> None:
    rate = close_rate(2.5, 10, 0.95)
    assert rate.value == 0.25
    assert rate.low == lower_bound(2, 10, 0.95)
    assert rate.high == upper_bound(3, 10, 0.95)


def test_handoff_group() -> None:
    # 4 of 8 leads handed off, 3 of them won; 1 win missed.
    group = handoff(flags("11101000"), flags("11110000"), threshold=0.4, rate=0.3, confidence=0.95)
    assert group.to_dict() == {
        "threshold": 0.4,
        "handed_off": 4,
        "won": 3,
        "close_rate": 0.75,
        "low": lower_bound(3, 4, 0.95),  # .249
        "high": upper_bound(3, 4, 0.95),
        "recall": 0.75,
        "verdict": "undecided",
    }


def test_handoff_of_nobody_is_undecided_and_says_why() -> None:
    group = handoff(flags("10"), flags("00"), threshold=None, rate=0.3, confidence=0.95).to_dict()
    assert group["close_rate"] is None
    assert group["verdict"] == "undecided"
    assert group["reason"] == "no lead would be handed off"
    assert group["recall"] == 0


def test_recall_without_wins_is_unknown() -> None:
    assert handoff(flags("00"), flags("10"), threshold=1, rate=0.3, confidence=0.95).recall is None


def test_same_volume_breaks_ties_by_the_average_over_their_order() -> None:
    # .9 won; then three leads at .5 of which one won: the second lead taken is worth 1/3 win.
    won, score = flags("1010"), np.array([0.9, 0.5, 0.5, 0.5])
    assert expected_wins(won, score, 2) == pytest.approx(1 + 1 / 3)
    assert expected_wins(won, score, 4) == 2
    random = np.random.default_rng(0)
    drawn = [won[np.lexsort((random.random(4), -score))[:2]].sum() for _ in range(4000)]
    assert expected_wins(won, score, 2) == pytest.approx(np.mean(drawn), abs=0.03)


def test_same_volume_of_nothing() -> None:
    assert at_volume(flags("10"), np.array([1.0, 2.0]), 0, confidence=0.95).value is None
    assert at_volume(flags("10"), np.array([2.0, 1.0]), 1, confidence=0.95).value == 1


def test_groups_in_the_order_asked_empty_ones_included() -> None:
    group = np.array(["A", "B", "A", None], object)
    found = by_group(flags("1011"), group, ["B", "A", "C"], confidence=0.95)
    assert [(g.name, g.leads, g.won) for g in found] == [("B", 1, 0), ("A", 2, 2), ("C", 0, 0)]
    assert found[2].to_dict("band")["close_rate"]["value"] is None


def test_ranges_hold_about_equally_many_and_missing_scores_none() -> None:
    score = np.array([0.0, 10, 20, 30, 40, 50, 60, 70, 80, 90, np.nan])
    name, names = ranges_of(score)
    assert names == ["80 to 90", "60 to 70", "40 to 50", "20 to 30", "0 to 10"]
    assert name[0] == "0 to 10"
    assert name[9] == "80 to 90"
    assert name[10] is None


def test_one_value_is_one_range_and_none_is_none() -> None:
    assert ranges_of(np.array([7.0, 7.0]))[1] == ["7"]
    assert ranges_of(np.array([np.nan]))[1] == []
