"""What a yearly volume proves and when: by hand, and against simulated companies."""

import numpy as np
import pytest

from leadml.evaluation.certify import certify, shares_met, told, true_rates
from leadml.evaluation.confidence_sequence import wins_to_meet


def test_shares_worked_by_hand() -> None:
    # looks after 1, 2, 2 and 4 units; 2 wins needed up to 2 units, 3 of 4: true rate 1/2
    # after 2: 1/4. Then left: none won 1/4, one won 1/2; of 4 in all 3 or more: 1/2 x 1/4
    met = shares_met(np.array([1, 2, 2, 4]), np.array([2, 2, 2, 3]), 0.5)
    assert met == pytest.approx([0, 1 / 4, 1 / 4, 1 / 4 + 1 / 8])


def test_shares_stop_where_asked() -> None:
    met = shares_met(np.array([1, 2, 3]), np.array([1, 1, 1]), 0.5, until=0.6)
    assert met == pytest.approx([0.5, 0.75, 0.75])  # 0.875 is not worked out any more


def test_a_hundred_hand_offs_a_year() -> None:
    sure, looser = certify(100, rate=0.3, confidence=0.95, waiting_days=90)
    assert (sure["confidence"], looser["confidence"]) == (0.95, 0.8)
    # 275 days of the first year: 75 have entered
    assert [row["units"] for row in sure["needed"]] == [75, 175, 275]
    ends = wins_to_meet([75, 175, 275], rate=0.3, confidence=0.95)
    assert [row["rate"] for row in sure["needed"]] == pytest.approx(
        (ends / np.array([75, 175, 275])).tolist()
    )
    assert [row["true_rate"] for row in sure["rates"]] == [0.35, 0.4, 0.45, 0.5]
    medians = [row["median_years"] for row in sure["rates"]]
    assert medians == sorted(medians, reverse=True)
    assert all(
        quick["median_years"] < slow["median_years"]
        for quick, slow in zip(looser["rates"], sure["rates"], strict=True)
    )


def test_shares_are_those_of_simulated_companies() -> None:
    row = certify(100, rate=0.3, confidence=0.8, waiting_days=90)[0]["rates"][1]
    random, runs = np.random.default_rng(3), 4_000
    won = np.cumsum(random.random((runs, 275)) < 0.4, axis=1)
    looks = (np.maximum(0, np.arange(1, 157) / 52 - 90 / 365) * 100).astype(int)
    needed = wins_to_meet(looks, rate=0.3, confidence=0.8)
    reached = np.concatenate([np.zeros((runs, 1)), won], axis=1)[:, looks] >= needed
    by_year = [reached[:, : 52 * year].any(axis=1).mean() for year in (1, 2, 3)]
    # four standard errors of 4,000 runs
    assert [row["decided"][str(year)] for year in (1, 2, 3)] == pytest.approx(by_year, abs=0.032)
    first = np.where(reached.any(axis=1), reached.argmax(axis=1) + 1, 10_000) / 52
    assert row["median_years"] == pytest.approx(np.median(first), abs=0.1)


def test_a_large_volume_shows_it_at_the_first_look() -> None:
    row = certify(200_000, rate=0.3, confidence=0.95, waiting_days=0)[0]["rates"][3]
    assert (row["median_years"], row["decided"]["1"]) == (1 / 52, pytest.approx(1))


def test_beyond_ten_years_there_is_no_median() -> None:
    rows = certify(12, rate=0.3, confidence=0.95, waiting_days=90)[0]
    assert rows["rates"][0]["median_years"] is None
    assert rows["rates"][0]["decided"]["3"] < 0.1
    assert rows["needed"][0] == {"years": 1, "units": 9, "rate": None}  # not even all of nine


def test_an_agreed_80_percent_has_no_other_level() -> None:
    assert len(certify(100, rate=0.3, confidence=0.8, waiting_days=90)) == 1


@pytest.mark.parametrize("rate", [0.01, 0.3, 0.5, 0.95])
def test_true_rates_rise_and_stay_below_1(rate: float) -> None:
    tried = [rate, *true_rates(rate), 1.0]
    assert tried == sorted(set(tried))


def test_the_sentences_a_small_company_reads() -> None:
    level = {
        "confidence": 0.95,
        "units_a_year": 99.7,
        "needed": [{"rate": None}, {"rate": 0.4}],
        "rates": [
            {"true_rate": 0.35, "median_years": None},
            {"true_rate": 0.4, "median_years": 85 / 52},
            {"true_rate": 0.45, "median_years": 1.0},
        ],
    }
    assert told([level], 0.3, unit="lead") == (
        "At the present pace about 100 leads enter a year. At 95 % confidence, showing that 30 % "
        "is met takes half of all companies more than 10 years with a true 35 % and up to 20 "
        "months with a true 40 %; after the first year no observed rate is enough."
    )
    one = told([level | {"units_a_year": 1.0}], 0.3, unit="account")
    assert one.startswith("At the present pace about 1 company enters a year.")
    assert told([], 0.3, unit="lead") == ""


def test_what_a_hundred_a_year_are_told() -> None:
    text = told(certify(100, rate=0.3, confidence=0.95, waiting_days=90), 0.3, unit="lead")
    assert "up to 5.3 years with a true 35 % and up to 20 months with a true 40 %" in text
    assert "At 80 % confidence" in text
    assert text.endswith("after the first year an observed 42.7 % is enough.")
