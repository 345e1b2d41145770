"""What few outcomes can show: power worked by hand and by brute force, dates, words."""

import math
from datetime import date

import numpy as np
import pytest
from scipy.integrate import quad
from scipy.stats import binomtest, norm

from leadml.evaluation.knowable import (
    LOOSER,
    Knowable,
    knowable,
    leads_needed,
    wins_to_beat_base_rate,
)

TODAY = date(2026, 11, 22)


def told(**changes: float | None) -> Knowable:
    numbers = {"won": 60, "leads": 180, "leads_per_month": 15.0, "agreed": 0.3, "confidence": 0.95}
    return knowable(**{**numbers, "horizon_days": 90.0, "as_of": TODAY, **changes})  # type: ignore[arg-type]


def test_leads_needed_by_hand() -> None:
    # Every lead won, agreed one half: 0.5 ** 5 = 0.031 is the first chance below 5 %.
    assert leads_needed(1.0, 0.5, 0.95) == 5
    # The mirror image: none won.
    assert leads_needed(0.0, 0.5, 0.95) == 5
    assert leads_needed(1.0, 0.5, 0.80) == 3  # 0.125 <= 0.2 < 0.25


@pytest.mark.parametrize(("true", "confidence"), [(0.45, 0.95), (0.15, 0.95), (0.5, 0.8)])
def test_leads_needed_against_tests_of_every_outcome(true: float, confidence: float) -> None:
    side = "greater" if true > 0.3 else "less"

    def power(n: int) -> float:
        shown = [
            k for k in range(n + 1)
            if binomtest(k, n, 0.3, alternative=side).pvalue <= 1 - confidence
        ]  # fmt: skip
        return sum(math.comb(n, k) * true**k * (1 - true) ** (n - k) for k in shown)

    needed = leads_needed(true, 0.3, confidence)
    assert needed is not None
    assert power(needed - 1) < 0.8
    assert all(power(n) >= 0.8 for n in range(needed, needed + 12))


def test_rates_too_near_are_not_told_apart() -> None:
    assert leads_needed(0.3, 0.3, 0.95) is None
    assert leads_needed(0.301, 0.3, 0.95) is None
    known = told(true_rate=0.301)
    assert [item.shows for item in known.needed] == [None, None]
    assert "too near the agreed 30 %" in known.sentences[1]


def test_more_leads_come_at_the_present_pace() -> None:
    known = told(true_rate=0.4)
    needed = leads_needed(0.4, 0.3, 0.95)
    assert needed is not None
    strict, loose = known.needed
    assert (strict.confidence, strict.leads, strict.more) == (0.95, needed, 0)
    assert needed < 180
    assert strict.by == TODAY
    few = told(won=10, leads=30, true_rate=0.4).needed[0]
    assert few.more == needed - 30
    # 15 a month of 30.4 days.
    days = math.ceil((needed - 30) / 15 * 365.25 / 12)
    assert few.by is not None
    assert (few.by - TODAY).days == days
    assert loose.confidence == LOOSER
    assert loose.leads is not None
    assert loose.leads < needed
    fresh = told(won=0, leads=0, true_rate=0.4).needed[0]
    assert fresh.by is not None
    # A group that starts today waits for its horizon, too.
    assert (fresh.by - TODAY).days == 90 + math.ceil(needed / 15 * 365.25 / 12)


def test_without_pace_or_dates_there_is_no_day() -> None:
    assert told(won=10, leads=30, leads_per_month=0.0, true_rate=0.4).needed[0].by is None
    undated = knowable(
        won=10,
        leads=30,
        leads_per_month=15,
        agreed=0.3,
        confidence=0.95,
        horizon_days=90,
        as_of=None,
    )
    assert undated.needed[0].by is None
    assert "by" not in undated.sentences[1].split("at 95 %")[1].split(")")[0]


def test_the_supposed_rate_is_the_observed_one() -> None:
    assert told().needed[0].true_rate == pytest.approx(1 / 3)
    assert told(won=0, leads=0).needed[0].true_rate == pytest.approx(0.35)
    assert told(won=54).needed[0].true_rate == pytest.approx(0.35)  # 54 of 180 is the agreed 30 %
    assert told(confidence=0.8).needed[0].confidence == 0.8
    assert len(told(confidence=0.8).needed) == 1


def test_today_in_numbers_and_words() -> None:
    known = told()
    # Exact bounds of 60 of 180 (scipy): 27.5 % and 39.6 %.
    exact = binomtest(60, 180).proportion_ci(0.9, "exact")
    assert (known.low, known.high) == pytest.approx((exact.low, exact.high))
    assert known.half_width == pytest.approx((exact.high - exact.low) / 2)
    assert known.today == "undecided"
    assert known.sentences[0] == (
        "60 of 180 matured, followed-up hand-offs were sales-ready: 33.3 %. The true rate may lie "
        "about 6.0 points to either side (27.5 % to 39.6 %, each bound with 95 % confidence); that "
        "shows neither that the agreed 30 % is reached nor that it is not"
    )
    assert known.sentences[1].startswith("If the true rate is 33.3 %, showing that it reaches")
    assert "more than today, at the present pace by" in known.sentences[1]
    reached, missed = told(won=90), told(won=20)
    assert (reached.today, missed.today) == ("meets", "falls_short")
    assert "shows the agreed 30 % is reached" in reached.sentences[0]
    assert "shows the agreed 30 % is not reached" in missed.sentences[0]
    assert len(reached.sentences) == len(missed.sentences) == 2
    low = told(won=50)
    assert "falls short of the agreed 30 %" in low.sentences[1]
    assert told(won=0, leads=0).sentences[0].startswith("No followed-up hand-off has matured")


def test_json() -> None:
    values = told().to_dict()
    assert values["needed"][0]["by"] == told().needed[0].by.isoformat()  # type: ignore[union-attr]
    assert values["sentences"] == list(told().sentences)
    assert told(leads_per_month=0.0).to_dict()["needed"][0]["by"] is None


@pytest.mark.parametrize(
    ("numbers", "expected"),
    [
        ({"won": 181}, "won must be from 0 to leads, and leads_per_month 0 or more"),
        ({"leads_per_month": -1.0}, "leads_per_month 0 or more"),
        ({"agreed": 0.0}, "agreed and confidence must lie between 0 and 1"),
        ({"confidence": 1.0}, "agreed and confidence must lie between 0 and 1"),
    ],
)
def test_impossible_numbers_are_refused(numbers: dict[str, float | None], expected: str) -> None:
    with pytest.raises(ValueError, match=expected):
        told(**numbers)


def test_wins_for_a_model_follow_from_what_the_columns_tell() -> None:
    # Normal scores with AUC 0.7 are d = sqrt(2) * 0.5244 = 0.7416 apart; what they tell of an
    # outcome won in 20 % of cases, integrated by a second library; then Riley's formula at 1/2.
    rate, d = 0.2, math.sqrt(2) * norm.ppf(0.7)

    def mixture(x: float) -> float:
        won, lost = rate * norm.pdf(x, d), (1 - rate) * norm.pdf(x)
        share = won / (won + lost)
        return float((won + lost) * -(share * np.log(share) + (1 - share) * np.log(1 - share)))

    quoted = -(rate * math.log(rate) + (1 - rate) * math.log(1 - rate))
    gain = quoted - quad(mixture, -8, 9)[0]
    explained = 1 - math.exp(-2 * gain)
    expected = rate * 15 / (-0.5 * math.log(1 - explained / 0.5))
    assert wins_to_beat_base_rate(rate) == math.ceil(expected) == 35
    assert wins_to_beat_base_rate(rate, auc=0.6) > 4 * wins_to_beat_base_rate(rate)
    assert wins_to_beat_base_rate(rate, parameters=30) == math.ceil(2 * expected)
    known = told(won=20)
    assert known.wins_for_a_model > 20
    assert known.sentences[-1].endswith("there are 20, too few")
    assert told(won=100).sentences[-1].endswith("there are 100, enough by this rule")
    assert told(won=0, leads=0).wins_for_a_model == wins_to_beat_base_rate(0.3)
