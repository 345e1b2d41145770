"""Cuts of representatives."""

import numpy as np
import pytest
from scipy.special import expit, logit

from leadml.evaluation.interval import Interval
from leadml.evaluation.people import TIE, People, Rep, Told
from leadml.evaluation.rep_cuts import NOBODY, own_cut, rep_cuts


def rep(owner: str, effect: float, told: Told) -> Rep:
    return Rep(owner, 100, 20, 0.2, 0.3, effect, 0.2, 0.1, 0.25, told)


def people(*reps: Rep, shift: float = 0.0) -> People:
    return People(reps, 0.3, Interval(0.5, 0.1, 1.0), 0.95, 0, shift)


# 100 leads each of 60, 40 and 20 %: from the top they close at 60, 50 and 40 %.
LEADS = logit(np.repeat([0.6, 0.4, 0.2], 100))


def test_the_loosest_group_that_still_closes_at_the_rate() -> None:
    assert own_cut(LEADS, 0.0, 0.40, 0.0) == pytest.approx(0.2)
    assert own_cut(LEADS, 0.0, 0.45, 0.0) == pytest.approx(0.4)
    assert own_cut(LEADS, 0.0, 0.55, 0.0) == pytest.approx(0.6)
    assert own_cut(LEADS, 0.0, 0.65, 0.0) == NOBODY
    # Odds halved: 1.5 : 1 becomes 0.75 : 1, so the best close at 0.75 / 1.75 = 43 %, with the
    # next (1 : 3, 25 %) at 34 %, all (1 : 8, 11 %) at 26 %.
    assert own_cut(LEADS, -np.log(2), 0.33, 0.0) == pytest.approx(0.4)
    assert own_cut(LEADS, -np.log(2), 0.35, 0.0) == pytest.approx(0.6)


def test_no_lead_of_the_group_lies_below_the_floor_in_these_hands() -> None:
    # A floor of 15 % at halved odds is 15 : 42.5, which is 26 % in the team's hands.
    assert own_cut(LEADS, -np.log(2), 0.2, 0.15) == pytest.approx(0.3 / 1.15)
    assert expit(logit(0.3 / 1.15) - np.log(2)) == pytest.approx(0.15)


def test_too_few_leads_close_at_no_rate() -> None:
    assert own_cut(LEADS[:19], 0.0, 0.1, 0.0) == NOBODY
    assert own_cut(LEADS[:20], 0.0, 0.1, 0.0) == pytest.approx(0.6)


def test_only_who_is_told_below_gets_a_cut_and_never_below_the_teams() -> None:
    team = people(
        rep("weak", -np.log(2), "below the team"),
        rep("weaker", -3.0, "below the team"),
        rep("hardly", -0.01, "below the team"),
        rep("unlucky", -np.log(2), TIE),
        rep("strong", 1.0, "above the team"),
    )
    found = rep_cuts(LEADS, team, team_cut=0.3, rate=0.35)
    assert found == pytest.approx({"weak": 0.6, "weaker": NOBODY, "hardly": 0.3})


def test_the_teams_own_level_counts() -> None:
    # The team closes at half the odds the model says: whoever is as good as the team does so too.
    low = people(rep("weak", 0.0, "below the team"), shift=-np.log(2))
    assert rep_cuts(LEADS, low, team_cut=0.1, rate=0.35) == pytest.approx({"weak": 0.6})


def test_where_single_leads_are_judged_the_lead_at_the_cut_does_as_well() -> None:
    # 30 % is 3 : 7; at half the odds a lead has to come with 6 : 7.
    team = people(rep("weak", -np.log(2), "below the team"), rep("tied", -1.0, TIE))
    found = rep_cuts(LEADS, team, team_cut=0.3, rate=0.3, alone=True)
    assert found == pytest.approx({"weak": 6 / 13})
