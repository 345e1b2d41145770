import numpy as np
import pytest

from leadml.evaluation.contest import Contest, Entrant, Stakes

WON = np.array([1, 1, 0, 1, 0, 0, 0, 0], bool)
BEST = np.arange(8.0)[::-1]
WORSE = np.array([8.0, 3, 7, 2, 6, 5, 4, 1])  # order of its leads: 0 2 4 5 6 1 3 7
MARGIN = np.array([100.0, 50, 0, 30, 0, 0, 0, 0])


def contest(**stakes: object) -> Contest:
    ready = np.arange(8) < 2
    entrants = {
        "model": Entrant(BEST, recalibrated=np.zeros(8), log_odds=BEST - 4, ready=ready),
        "points": Entrant(WORSE, ready=WORSE >= 5),
    }
    plan = {"rate": 0.5, "shares": {"0.5": 0.5}, "margin": MARGIN, "cost": 10.0} | stakes
    return Contest(WON, entrants, Stakes(**plan))


def test_close_rate_and_profit_at_equal_volume() -> None:
    found = contest().measured
    # best four of the model: three wins, 180 less 4 · 10; of the points: one win, 100 less 40
    assert found["close_rate", "0.5"] == {"model": 0.75, "points": 0.25}
    assert found["profit", "0.5"] == {"model": 140.0, "points": 60.0}


def test_volume_at_the_agreed_rate_and_at_the_rate_of_each_ones_hand_offs() -> None:
    found = contest().measured
    # the model's first six hold 3 wins; the points' first 2 hold 1 and never again half
    assert found["volume", "agreement"] == {"model": 6.0, "points": 2.0}
    # the points hand off 4 leads, of which 1 is won: at .25 the model can take all 8
    assert found["rate", "points"]["rate"] == 0.25
    assert found["volume", "points"] == {"model": 8.0, "points": 4.0}
    # the model hands off 2, both won: the points manage 1 lead at that rate
    assert found["volume", "model"] == {"model": 2.0, "points": 1.0}


def test_losses_are_means_over_leads_of_what_is_there() -> None:
    found = contest().measured
    assert found["log_loss_equal", ""] == {"model": pytest.approx(np.log(2))}
    assert found["brier_equal", ""] == {"model": 0.25}
    p = 1 / (1 + np.exp(4 - BEST))
    assert found["brier", ""]["model"] == pytest.approx(((p - WON) ** 2).mean())


def test_a_weight_stands_for_that_many_leads() -> None:
    weight = np.array([2.0, 2, 2, 2, 1, 1, 1, 1])
    found = contest(weight=weight).measured
    # half of the weight, 6 of 12, are the first three: 4 of 6 won, in money per 8 leads
    assert found["close_rate", "0.5"]["model"] == pytest.approx(4 / 6)
    assert found["profit", "0.5"]["model"] == pytest.approx((2 * 150 - 6 * 10) * 8 / 12)
    # pairs won and lost, weighted: lead 3 alone is outranked, by one lost lead of weight 2 of 6
    assert found["auc", ""]["model"] == pytest.approx((4 * 6 + 2 * 4) / (6 * 6))


def test_intervals_and_pairs_come_from_the_same_resamples() -> None:
    one = contest()
    for n in range(100):
        twice = np.ones(8)
        twice[0], twice[7] = (2.0, 0.0) if n < 50 else (0.0, 2.0)
        one.watch(twice)
    row = ("close_rate", "0.5")
    # half of the resamples: leads 0 0 1 2, three of four won; half: 1 2 3 4, two of four
    assert one.interval(row, "model").to_dict() == {"value": 0.75, "low": 0.5, "high": 0.75}
    # the points: 0 0 2 4, two won of four; 2 4 5 6, none; differences .25 and .5
    (pair,) = one.pairs(row, good="higher")
    assert pair == {
        "first": "model",
        "second": "points",
        "difference": 0.5,
        "low": 0.25,
        "high": 0.5,
        "better": "model",
    }
    assert one.pairs(row, good="lower")[0]["better"] == "points"


def test_what_is_not_there_is_absent() -> None:
    assert contest().interval(("log_loss", ""), "points").reason == "there is no such figure"
    assert contest().pairs(("log_loss", ""), good="lower") == []
