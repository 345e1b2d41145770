"""Cards added up by hand, and whatever the cards: the same log-odds to rounding."""

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from leadml.model.compiled import compiled, ends
from leadml.model.scorecard import Levels, Line, Machine, Pieces, Scorecard, Steps

GAP = math.nan
LOGISTIC = Scorecard(
    -1.0,
    (
        Line(0, cuts=(0.0, 4.0), values=(0.0, 2.0), missing=0.25),
        Levels(1, values=(0.5, -0.5), missing=0.1),
    ),
)
STEPPED = Scorecard(
    0.5,
    (
        Steps(0, cuts=(2.0,), values=(0.0, 1.0), missing=-0.5),
        Levels(1, values=(1.0,), missing=-1.0),
        Steps(2, cuts=(5.0,), values=(-2.0, 2.0), missing=0.0),
    ),
)


def test_a_line_and_steps_by_hand() -> None:
    # half of each: constant -.25; the line rises to .5 at 2, jumps by .5, and on to 1.5 at 4
    machine = compiled(Machine(((0.5, LOGISTIC), (0.5, STEPPED))))
    ((weight, card),) = machine.cards
    assert (weight, card.constant) == (1.0, -0.25)
    number, text, steps = card.terms
    assert number == Pieces(
        0, cuts=(0, 2, 4), starts=(0, 0, 1, 1.5), values=(0, 0.5, 1.5, 1.5), missing=-0.125
    )
    assert text == Levels(1, values=(0.75, -0.75), missing=-0.45)  # an unseen level is missing
    assert steps == Steps(2, cuts=(5,), values=(-1, 1), missing=0)
    x = np.array([-3.0, 0, 1, 2, 2.0001, 3, 4, 9, np.inf, GAP])
    expected = [0, 0, 0.25, 0.5, 1.000025, 1.25, 1.5, 1.5, 1.5, -0.125]
    assert number.of(x) == pytest.approx(expected, abs=1e-12)


def test_one_card_stays_the_very_same() -> None:
    machine = Machine(((0.5, LOGISTIC),))
    assert compiled(machine) is machine


CUTS = st.lists(st.integers(0, 6).map(float), min_size=1, max_size=4, unique=True).map(sorted)
NUMBERS = st.floats(-5, 5)


@st.composite
def numeric_term(draw: st.DrawFn) -> Steps | Line | Pieces:
    cuts = tuple(draw(CUTS))
    wide = tuple(draw(NUMBERS) for _ in range(len(cuts) + 1))
    missing = draw(NUMBERS)
    kind = draw(st.sampled_from(["steps", "line", "pieces"]))
    if kind == "steps":
        return Steps(0, cuts, wide, missing)
    if kind == "line":
        return Line(0, cuts, wide[:-1], missing)
    inner = tuple(draw(NUMBERS) for _ in wide[1:-1])
    return Pieces(0, cuts, (wide[0], *inner, wide[-1]), wide, missing)


@given(st.lists(numeric_term(), min_size=2, max_size=4), st.lists(st.floats(-1, 7), max_size=20))
def test_the_sum_is_the_sum(terms: list[Steps | Line | Pieces], values: list[float]) -> None:
    machine = Machine(tuple((0.3, Scorecard(0.1, (term,))) for term in terms))
    x = np.array([*values, 0, 1, 2, 3, 4, 5, 6, GAP])[:, np.newaxis]
    one = compiled(machine)
    assert len(one.cards) == 1
    assert one.log_odds(x) == pytest.approx(machine.log_odds(x), abs=1e-9)
    again = compiled(Machine((*one.cards, (0.5, Scorecard(0.0, (terms[0],))))))
    expected = one.log_odds(x) + 0.5 * terms[0].of(x[:, 0])
    assert again.log_odds(x) == pytest.approx(expected, abs=1e-9)


def test_the_ends_of_pieces() -> None:
    # 0 up to 1, then from 1 to 3 over (1, 3], then 5: cut again at 2
    term = Pieces(0, (1.0, 3.0), (0.0, 1.0, 5.0), (0.0, 3.0, 5.0), 0.0)
    starts, values = ends(term, [1.0, 2.0, 3.0])
    assert starts.tolist() == [0, 1, 2, 5]
    assert values.tolist() == [0, 2, 3, 5]
