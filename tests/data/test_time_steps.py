"""Steps of a lead's way, told from the order of times and from who has them."""

import numpy as np

from leadml.data.time_guess import Moments
from leadml.data.time_steps import LONGEST_WAY, find_steps
from leadml.data.values import MICROSECONDS_A_DAY, NO_TIME

ROWS = 20
CLOSED = np.arange(ROWS) >= 10
DAYS = np.arange(ROWS) * 10


def at(offset: int, absent: int = 0, start: int = 0) -> Moments:
    """Times that many days after the first of each lead; the first leads have none."""
    moments = (DAYS + start + offset) * MICROSECONDS_A_DAY
    moments[:absent] = NO_TIME
    return Moments(moments, naive=0)


def columns(**free: Moments) -> dict[str, str]:
    return {step: column for step, (column, _) in find_steps({}, free, CLOSED).items()}


def test_each_step_has_its_place() -> None:
    free = {"d": at(9, 10), "c": at(3, 6), "b": at(1, 5), "a": at(0)}
    assert columns(**free) == {
        "created_at": "a",
        "handed_off_at": "b",
        "followed_up_at": "c",
        "closed_at": "d",
    }


def test_creation_needs_another_time_to_be_earliest() -> None:
    assert columns(a=at(0)) == {}
    assert columns(a=at(0, 3), b=at(5, 6)) == {}  # 17 of 20: not always there
    assert columns(a=at(0, 2), b=at(5, 6)) == {"created_at": "a"}  # 18 of 20
    assert columns(a=at(0), b=at(0)) == {}  # the same: which of them?


def test_a_time_long_before_all_others_is_no_creation() -> None:
    assert columns(a=at(0), b=at(LONGEST_WAY, 6)) == {"created_at": "a"}
    assert columns(a=at(0), b=at(LONGEST_WAY + 1, 6)) == {}


def test_closing_is_what_only_the_closed_have() -> None:
    assert columns(a=at(0), b=at(5, 10)) == {"created_at": "a", "closed_at": "b"}
    assert columns(a=at(0), b=at(5, 9))["closed_at"] == "b"  # one of ten open leads has one
    assert "closed_at" not in columns(a=at(0), b=at(5, 8))
    assert "closed_at" not in columns(a=at(0), b=at(5, 12))  # two of ten closed have none
    assert "closed_at" not in columns(a=at(0), b=at(5, 10), c=at(5, 10))
    assert columns(a=at(0), b=at(9, 10), c=at(5, 10))["closed_at"] == "b"


def test_without_open_leads_closing_cannot_be_told() -> None:
    free = {"a": at(0), "b": at(5)}
    for closed in (None, np.ones(ROWS, np.bool_), np.zeros(ROWS, np.bool_)):
        assert set(find_steps({}, free, closed)) == {"created_at"}


def test_one_between_is_told_where_the_other_is_known() -> None:
    known = {"created_at": at(0), "closed_at": at(9, 10)}
    assert find_steps(known, {"x": at(3, 6)}, CLOSED) == {}
    found = find_steps({**known, "handed_off_at": at(1, 5)}, {"x": at(3, 6)}, CLOSED)
    assert found["followed_up_at"][0] == "x"
    found = find_steps({**known, "followed_up_at": at(3, 6)}, {"x": at(1, 5)}, CLOSED)
    assert found["handed_off_at"][0] == "x"
    # Followed up without a hand-off in 5 of 15 leads: no follow-up of it.
    assert find_steps({**known, "handed_off_at": at(1, 10)}, {"x": at(3, 5)}, CLOSED) == {}


def test_three_between_are_left_to_the_user() -> None:
    free = {"a": at(0), "b": at(1, 5), "c": at(2, 5), "d": at(3, 6), "e": at(9, 10)}
    assert columns(**free) == {"created_at": "a", "closed_at": "e"}
