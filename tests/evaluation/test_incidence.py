"""How soon wins come: by hand, against simpler cases, and against known truth."""

import numpy as np
import pandas as pd
import pytest

from leadml.data.simulate import simulate
from leadml.evaluation.incidence import LOST, OPEN, WON, cumulative_incidence, days_until


def estimate(days: list[float], ending: list[int]):
    return cumulative_incidence(np.array(days, float), np.array(ending, np.int8))


def test_worked_by_hand() -> None:
    # Five leads: won on day 1, lost on day 2, open when last seen on day 3, won on days 4 and 4.
    # Day 1: 5 at risk, S before = 1:          share = 1/5             = 0.2;  S = 4/5
    # Day 2: 4 at risk, a loss:                                                S = 4/5 x 3/4 = 0.6
    # Day 4: 2 at risk (3 left, one unseen):   share = 0.2 + 0.6 x 2/2 = 0.8;  S = 0
    found = estimate([1, 2, 3, 4, 4], [WON, LOST, OPEN, WON, WON])
    assert found.days.tolist() == [1, 4]
    assert found.share.tolist() == pytest.approx([0.2, 0.8])
    assert found.at_risk.tolist() == [5, 2]


def test_with_nothing_unseen_it_is_the_plain_share() -> None:
    found = estimate([3, 1, 2, 5], [WON, WON, LOST, WON])
    assert found.days.tolist() == [1, 3, 5]
    assert found.share.tolist() == pytest.approx([0.25, 0.5, 0.75])


def test_a_lead_seen_on_the_day_of_a_win_was_at_risk_of_it() -> None:
    found = estimate([2, 2], [WON, OPEN])
    assert found.share.tolist() == [0.5]


def test_without_wins_there_is_no_day() -> None:
    found = estimate([1, 2], [LOST, OPEN])
    assert found.days.tolist() == []
    assert days_until(found, 0.9, fewest_at_risk=1) is None


def test_days_until_a_share_of_the_wins_to_be_had() -> None:
    # Ten leads won on days 1 ... 10: nine tenths have come by day 9, all by day 10.
    found = estimate(list(range(1, 11)), [WON] * 10)
    assert days_until(found, 0.9, fewest_at_risk=1) == 9
    assert days_until(found, 1.0, fewest_at_risk=1) == 10
    # With at least 5 at risk the curve ends on day 6 at 0.6; nine tenths of that is 0.54.
    assert days_until(found, 0.9, fewest_at_risk=5) == 6
    assert days_until(found, 0.5, fewest_at_risk=5) == 3
    assert days_until(found, 0.9, fewest_at_risk=11) is None


@pytest.mark.parametrize("seed", [0, 1, 2])
def test_it_finds_the_true_horizon_where_simpler_ways_do_not(seed: int) -> None:
    # A CRM where wins take a median of 60 days and the export covers one year: the truth, known
    # beyond the export, is the day by which 90 % of all wins have come.
    crm = simulate(6000, seed=seed, delay_days=60.0, days=365, base_rate=0.2)
    truth = crm.truth["days_to_close"][crm.truth["won"]].quantile(0.9)
    leads = crm.leads[crm.leads["handed_off_at"].notna()]
    start, closed = (pd.to_datetime(leads[c], utc=True) for c in ("handed_off_at", "closed_at"))
    end = pd.Timestamp("2025-07-01T00:00:00Z")
    days = ((closed.fillna(end) - start).dt.total_seconds() / 86_400).to_numpy()
    ending = np.select([leads["stage"] == "Closed Won", closed.notna()], [WON, LOST], OPEN)
    found = days_until(cumulative_incidence(days, ending.astype(np.int8)), 0.9, fewest_at_risk=20)
    assert found == pytest.approx(truth, rel=0.07)
    # Wins seen so far: too early. Losses as merely unseen (Kaplan-Meier): too late.
    assert np.quantile(days[ending == WON], 0.9) < 0.93 * truth
    unseen = np.where(ending == LOST, OPEN, ending).astype(np.int8)
    late = days_until(cumulative_incidence(days, unseen), 0.9, fewest_at_risk=20)
    assert late is not None
    assert late > 1.15 * truth
