from itertools import pairwise

import numpy as np
import pytest
from scipy.stats import binomtest

from leadml.evaluation.close_rate import close_rate
from leadml.evaluation.served import bins, served


def leads(*groups: tuple[float, int, int]) -> tuple[np.ndarray, np.ndarray]:
    """Return outcomes and probabilities of groups ``(probability, leads, won)``."""
    won = np.concatenate([np.arange(n) < wins for _, n, wins in groups])
    return won, np.concatenate([np.full(n, p) for p, n, _ in groups])


def test_bins_by_hand() -> None:
    won, p = leads((0.1, 20, 2), (0.3, 20, 6), (0.5, 40, 20))
    # Parts of four: 20 leads each; the middle of the forty at 0.5 lies in the last one.
    rows = bins(won, p, confidence=0.95, parts=4)
    assert [(row["low"], row["high"], row["leads"], row["won"]) for row in rows] == [
        (0.1, 0.1, 20, 2),
        (0.3, 0.3, 20, 6),
        (0.5, 0.5, 40, 20),
    ]
    assert rows[1]["predicted"] == pytest.approx(0.3)
    assert rows[1]["observed"] == close_rate(6, 20, 0.95).to_dict()


def test_bins_hold_every_lead_once() -> None:
    random = np.random.default_rng(2)
    p = random.uniform(0, 1, 137)
    rows = bins(random.random(137) < p, p, confidence=0.9)
    assert len(rows) == 10
    assert sum(row["leads"] for row in rows) == 137
    assert all(a["high"] < b["low"] for a, b in pairwise(rows))
    assert all(row["low"] < row["predicted"] < row["high"] for row in rows)
    assert (rows[0]["low"], rows[-1]["high"]) == (p.min(), p.max())


def test_right_probabilities_are_found_right() -> None:
    won, p = leads((0.1, 100, 10), (0.5, 100, 50))
    found = served(won, p, confidence=0.95)
    assert found["mean_predicted"] == pytest.approx(0.3)
    assert found["mean_observed"] == 0.3
    assert found["p_level"] == pytest.approx(1.0)
    assert found["slope"]["value"] == pytest.approx(1.0)
    assert found["finding"] == (
        "30 % of 200 leads with a served probability were won where 30 % were expected: the "
        "difference is no larger than chance brings (p = 1.00)."
    )


def test_a_level_that_is_off_is_said_with_what_to_do() -> None:
    won, p = leads((0.2, 100, 40), (0.4, 100, 60))
    found = served(won, p, confidence=0.95)
    assert found["p_level"] == pytest.approx(binomtest(100, 200, 0.3).pvalue)
    assert "more than chance explains" in found["finding"]
    assert "`leadml recalibrate`" in found["finding"]
    won, p = leads((0.2, 100, 2), (0.4, 100, 20))
    assert "fewer than chance explains" in served(won, p, confidence=0.95)["finding"]


def test_a_slope_that_is_off_is_said() -> None:
    won, p = leads((0.05, 200, 40), (0.55, 200, 80))  # as many won as said, but closer together
    assert "too far apart (slope 0." in served(won, p, confidence=0.95)["finding"]
    won, p = leads((0.25, 200, 20), (0.35, 200, 100))
    assert "too close together (slope " in served(won, p, confidence=0.95)["finding"]


def test_leads_of_one_company_share_their_fate() -> None:
    # Ten companies of twenty leads, all won or all lost: six won where three were expected.
    company = np.repeat(np.arange(10), 20)
    won, p = company < 6, np.full(200, 0.3)
    alone = served(won, p, confidence=0.95)
    together = served(won, p, confidence=0.95, accounts=company)
    assert alone["p_level"] < 1e-6
    # Offs: 20 * 0.7 six times, -20 * 0.3 four times: sum 60, root of the squares sqrt(1320)
    assert together["p_level"] == pytest.approx(0.0986, abs=5e-4)
    assert "no larger than chance" in together["finding"]


def test_a_slope_that_chance_may_bring_is_no_finding() -> None:
    won, p = leads((0.25, 200, 41), (0.35, 200, 79))
    found = served(won, p, confidence=0.95)
    assert 0.03 < found["p_slope"] < 0.2
    assert "no larger than chance" in found["finding"]


def test_twenty_leads_are_judged() -> None:
    won, p = leads((0.1, 20, 20))
    assert "more than chance explains" in served(won, p, confidence=0.95)["finding"]


def test_few_leads_are_shown_and_not_judged() -> None:
    won, p = leads((0.1, 19, 19))
    found = served(won, p, confidence=0.95)
    assert found["slope"] is None
    assert found["finding"].endswith("too few to judge by.")


def test_the_slope_is_that_of_leads_that_do_not_share_their_fate() -> None:
    # Sixty companies of four leads and one fate: counted singly, right probabilities look wrong
    # in about a third of samples; by one lead of each company hardly ever.
    random, singly, drawn = np.random.default_rng(0), 0, 0
    account = np.repeat(np.arange(60), 4)
    first = np.arange(240) % 4 == 0
    for _ in range(100):
        p = random.uniform(0.05, 0.95, 60)[account]
        won = (random.random(60)[account] < p).astype(bool)
        singly += served(won, p, confidence=0.95, accounts=account)["p_slope"] <= 0.025
        drawn += served(won, p, confidence=0.95, accounts=account, drawn=first)["p_slope"] <= 0.025
    assert singly > 15
    assert drawn <= 7  # 2.5 expected; more than 7 come with a chance of 0.4 %
