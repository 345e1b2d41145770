"""The hand-off policy refuses what no cut can be drawn from."""

import math

import pytest

from leadml.domain.agreement import Agreement
from leadml.domain.handoff import HandoffPolicy


def test_the_floor_is_half_the_agreed_rate_unless_given() -> None:
    agreed = Agreement(close_rate=0.25)
    assert HandoffPolicy().floor_under(agreed) == 0.125
    assert HandoffPolicy(floor=0.0).floor_under(agreed) == 0.0
    assert HandoffPolicy(floor=0.2).floor_under(agreed) == 0.2


@pytest.mark.parametrize(
    ("name", "value", "expected"),
    [
        ("floor", 1.0, "a probability, 0 to below 1, found 1.0"),
        ("floor", -0.01, "a probability, 0 to below 1"),
        ("floor", math.nan, "found nan"),
        ("capacity", 0.0, "above 0 leads a week, found 0.0"),
        ("capacity", math.nan, "found nan"),
        ("cost", -1.0, "0 or more money a lead, found -1.0"),
        ("cost", math.inf, "found inf"),
        ("explore", 0.21, "a share from 0 to 0.2, found 0.21"),
        ("explore", -0.01, "a share from 0 to 0.2"),
        ("version", " ", "a name, found ' '"),
    ],
)
def test_out_of_range_is_refused_by_name(name: str, value: object, expected: str) -> None:
    with pytest.raises(ValueError, match=f"{name} must be .*{expected}"):
        HandoffPolicy(**{name: value})  # type: ignore[arg-type]


@pytest.mark.parametrize(("name", "value"), [("floor", 0.0), ("explore", 0.2), ("cost", 0.0)])
def test_the_ends_of_the_ranges_are_taken(name: str, value: float) -> None:
    assert getattr(HandoffPolicy(**{name: value}), name) == value  # type: ignore[arg-type]


def test_capacity_is_needed_by_the_policy_of_that_name_alone() -> None:
    with pytest.raises(ValueError, match=r"give capacity, the number of leads a week"):
        HandoffPolicy(policy="capacity")
    assert HandoffPolicy(policy="capacity", capacity=0.5).capacity == 0.5
    assert HandoffPolicy(policy="group").capacity is None


def test_which_setting_needs_to_know_whose_lead_it_is() -> None:
    assert HandoffPolicy().needs_owner is None
    assert HandoffPolicy(capacity_per="rep").needs_owner is None  # no capacity policy
    by_rep = HandoffPolicy(policy="capacity", capacity=5.0, capacity_per="rep")
    assert by_rep.needs_owner == 'capacity_per = "rep"'
    assert HandoffPolicy(per_rep=True).needs_owner == "per_rep = true"
