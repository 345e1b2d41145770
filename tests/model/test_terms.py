"""Terms worked by hand, for one number and for many."""

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from leadml.model.scorecard import Levels, Line, Pieces, Steps, Term

GAP = math.nan


@pytest.mark.parametrize(
    ("term", "told"),
    [
        (Steps(0, (1.0, 3.0), (5.0, 6.0, 7.0), -1.0), {1: 5, 1.5: 6, 3: 6, 3.1: 7, GAP: -1}),
        (Steps(0, (), (5.0,), -1.0), {-9: 5, GAP: -1}),
        (Levels(0, (5.0, 6.0), -1.0), {0: 5, 1: 6, 2: -1, 9: -1, GAP: -1}),
        (Line(0, (1.0, 3.0), (5.0, 7.0), -1.0), {0: 5, 1: 5, 1.5: 5.5, 3: 7, 9: 7, GAP: -1}),
        (Line(0, (1.0,), (5.0,), -1.0), {0: 5, 1: 5, 2: 5, GAP: -1}),
        (  # a step up at 1, straight from 4 to 6 until 3, a step down there
            Pieces(0, (1.0, 3.0), (2.0, 4.0, 5.0), (2.0, 6.0, 5.0), -1.0),
            {0: 2, 1: 2, 2: 5, 3: 6, 3.5: 5, 9: 5, GAP: -1},
        ),
    ],
)
def test_worked_by_hand(term: Term, told: dict[float, float]) -> None:
    assert [term.at(number) for number in told] == list(told.values())
    assert term.of(np.array(list(told), float)).tolist() == list(told.values())


heights = st.lists(st.floats(-1e6, 1e6), min_size=4, max_size=4).map(tuple)
cuts = st.lists(st.integers(-900, 900), min_size=3, max_size=3, unique=True).map(
    lambda places: tuple(place / 7 for place in sorted(places))
)


@given(cuts, heights, heights, st.lists(st.floats(-200, 200) | st.just(GAP), min_size=1))
def test_one_number_and_many_give_the_same_to_the_last_bit(
    cuts: tuple[float, ...],
    starts: tuple[float, ...],
    ends: tuple[float, ...],
    numbers: list[float],
) -> None:
    level = (ends[0], *starts[1:3], ends[3])
    asked = [*numbers, *cuts]
    for term in (
        Steps(0, cuts, ends, 0.5),
        Line(0, cuts, ends[:3], 0.5),
        Pieces(0, cuts, level, ends, 0.5),
    ):
        assert term.of(np.array(asked)).tolist() == [term.at(number) for number in asked]
