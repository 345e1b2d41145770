import numpy as np
import pytest

from leadml.evaluation.tally import Ranked


def test_counts_won_and_lost_at_each_distinct_score() -> None:
    tally = Ranked(np.array([True, False, True, False]), np.array([0.5, 0.2, 0.5, 0.5])).tally()
    assert tally.score.tolist() == [0.2, 0.5]
    assert tally.won.tolist() == [0, 2]
    assert tally.lost.tolist() == [1, 1]
    assert tally.leads.tolist() == [1, 3]


def test_weights_count_a_lead_several_times_or_not_at_all() -> None:
    ranked = Ranked(np.array([True, False, True]), np.array([0.1, 0.2, 0.3]))
    tally = ranked.tally(np.array([2.0, 0.0, 1.0]))
    assert tally.won.tolist() == [2, 0, 1]
    assert tally.lost.tolist() == [0, 0, 0]
    assert tally.present().score.tolist() == [0.1, 0.3]


def test_refuses_scores_of_other_leads() -> None:
    with pytest.raises(ValueError, match="as many scores as outcomes"):
        Ranked(np.array([True]), np.array([0.1, 0.2]))


@pytest.mark.parametrize("bad", [np.nan, np.inf])
def test_refuses_scores_that_are_no_numbers(bad: float) -> None:
    with pytest.raises(ValueError, match="expected finite scores"):
        Ranked(np.array([True, False]), np.array([0.1, bad]))
