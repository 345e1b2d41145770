import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from leadml.evaluation.close_rate import close_rate
from leadml.evaluation.response import by_speed, response_time, waiting_quantile


def test_the_median_of_kaplan_and_meier_by_hand() -> None:
    # Followed up after 2 and 6 hours; one has waited 4 hours so far, one 9.
    # After 2 h: 3/4 wait. At 6 h two are left, one of them followed up: 3/4 * 1/2 = 3/8.
    hours, seen = np.array([2.0, 4.0, 6.0, 9.0]), np.array([True, False, True, False])
    assert waiting_quantile(hours, seen, 0.25) == 2.0
    assert waiting_quantile(hours, seen, 0.5) == 6.0
    assert waiting_quantile(hours, seen, 0.62) == 6.0
    assert waiting_quantile(hours, seen, 0.63) is None


def test_a_tie_of_a_follow_up_and_a_wait_counts_the_wait_as_longer() -> None:
    # At 5 h both are still there, one is followed up: 1/2 wait.
    assert waiting_quantile(np.array([5.0, 5.0]), np.array([True, False]), 0.5) == 5.0


@given(st.lists(st.floats(0, 1e4), min_size=1, max_size=30), st.floats(0.05, 0.95))
def test_without_waiting_leads_it_is_the_plain_quantile(hours: list[float], share: float) -> None:
    found = waiting_quantile(np.array(hours), np.ones(len(hours), bool), share)
    assert found in hours
    at_most = np.mean(np.array(hours) <= found)
    below = np.mean(np.array(hours) < found)
    assert at_most >= share - 1e-9
    assert below < share + 1e-9


def test_neglect_shows_in_the_times() -> None:
    # Two of five followed up; the others have waited 100 hours.
    hours, seen = np.array([1.0, 3.0, 100, 100, 100]), np.array([1, 1, 0, 0, 0], bool)
    found = response_time(hours, seen)
    assert found["median_hours"] is None
    assert found["p90_hours"] is None
    assert found["why_null"]["median_hours"].startswith("fewer than half")
    assert found["leads"] == 5
    assert found["followed_up"] == 2
    assert found["of_followed_up"] == {
        "median_hours": 2.0,
        "p90_hours": pytest.approx(2.8),
        "leads": 2,
    }


def test_nobody() -> None:
    found = response_time(np.array([]), np.array([], bool))
    assert found["median_hours"] is None
    assert found["of_followed_up"]["median_hours"] is None


def test_bands_include_their_end() -> None:
    hours = np.array([0.0, 1.0, 1.01, 24.0, 72.0, 73.0, 400.0])
    won = np.array([1, 0, 1, 1, 0, 0, 0], bool)
    rows = by_speed(hours, won, confidence=0.9)
    assert [(row["speed"], row["leads"], row["won"]) for row in rows] == [
        ("within 1 hour", 2, 1),
        ("1 to 24 hours", 2, 2),
        ("1 to 3 days", 1, 0),
        ("3 to 7 days", 1, 0),
        ("after 14 days", 1, 0),
    ]
    assert rows[0]["close_rate"] == close_rate(1, 2, 0.9).to_dict()


def test_dates_have_bands_of_days() -> None:
    # a day of 25 hours when clocks change is one day later all the same
    rows = by_speed(
        np.array([0.0, 24.0, 25.0, 72.0]), np.zeros(4, bool), confidence=0.9, dates=True
    )
    found = [(row["speed"], row["leads"]) for row in rows]
    assert found == [("on the day", 1), ("1 day later", 2), ("2 or 3 days later", 1)]
