"""Scorecards worked by hand: a lead's log-odds are the sum of its terms, and so are its reasons."""

import json
import math
from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from numpy.typing import NDArray

from leadml.model.candidates import boosted
from leadml.model.scorecard import (
    Levels,
    Line,
    Machine,
    Scorecard,
    Steps,
    Term,
    log_odds_of,
    probability,
    term_from_dict,
    term_to_dict,
)
from leadml.model.trees import Trees
from leadml.model.trend import Trend

GAP = math.nan


def column(*values: float) -> NDArray[np.float64]:
    return np.array(values, float)


def test_steps_belong_to_their_left() -> None:
    term = Steps(0, cuts=(1.0, 5.0), values=(-1.0, 0.5, 2.0), missing=0.25)
    found = term.of(column(-9, 1.0, np.nextafter(1.0, 2), 5.0, 5.1, 1e300, GAP))
    assert found.tolist() == [-1.0, -1.0, 0.5, 0.5, 2.0, 2.0, 0.25]


def test_steps_without_a_cut_tell_known_from_missing() -> None:
    term = Steps(0, cuts=(), values=(0.7,), missing=-0.2)
    assert term.of(column(-9, 9, GAP)).tolist() == [0.7, 0.7, -0.2]


def test_a_line_is_level_beyond_its_ends() -> None:
    # from (0, 1) to (10, 3): one fifth up for each step
    term = Line(0, cuts=(0.0, 10.0), values=(1.0, 3.0), missing=-1.0)
    assert term.of(column(-5, 0, 2.5, 10, 99, GAP)) == pytest.approx([1, 1, 1.5, 3, 3, -1])


def test_levels_and_what_lies_beyond_them() -> None:
    term = Levels(0, values=(0.1, 0.2), missing=9.0)
    assert term.of(column(0, 1, 2, 250, GAP)).tolist() == [0.1, 0.2, 9.0, 9.0, 9.0]
    assert Levels(0, values=(), missing=9.0).of(column(0, GAP)).tolist() == [9.0, 9.0]


CARD = Scorecard(
    -2.0,
    (
        Steps(0, cuts=(10.0,), values=(0.0, 1.0), missing=-0.5),
        Levels(2, values=(0.3, -0.3), missing=0.0),
    ),
)
X = np.array([[20.0, 7.0, 0.0], [10.0, GAP, 1.0], [GAP, 0.0, GAP]])


def test_log_odds_are_the_constant_and_the_terms() -> None:
    # -2 + 1 + .3; -2 + 0 - .3; -2 - .5 + 0; feature 1 has no term
    assert CARD.log_odds(X) == pytest.approx([-0.7, -2.3, -2.5])
    assert CARD.contributions(X) == pytest.approx(
        np.array([[1.0, 0.0, 0.3], [0.0, 0.0, -0.3], [-0.5, 0.0, 0.0]])
    )


def test_a_machine_of_one_card_says_what_the_card_says() -> None:
    assert (Machine(((1.0, CARD),)).log_odds(X) == CARD.log_odds(X)).all()


def test_a_machine_weighs_and_calibrates() -> None:
    # half of (-.7) plus half of (1): .15; doubled and lowered by 1: -.7
    machine = Machine(((0.5, CARD), (0.5, Scorecard(1.0))), slope=2.0, intercept=-1.0)
    assert machine.raw_log_odds(X[:1]) == pytest.approx([0.15])
    assert machine.log_odds(X[:1]) == pytest.approx([-0.7])


def test_a_trend_is_added_as_of_the_moment_and_is_no_reason() -> None:
    # -.7 and -2.3 doubled; then .01 for each day after day 10: -.1 on day 0, .2 on day 30
    day = 86_400_000_000
    still = Machine(((1.0, CARD),), slope=2.0, center=(0.0, 0.0, 0.0))
    machine = replace(still, trend=Trend(0.01, 10 * day, 0, 99 * day))
    as_of = np.array([0, 30 * day])
    assert machine.log_odds(X[:2], as_of) == pytest.approx([-1.5, -4.4])
    assert machine.trend_of(as_of) == pytest.approx([-0.1, 0.2])
    assert (machine.log_odds(X) == still.log_odds(X)).all()
    assert (machine.effects(X) == still.effects(X)).all()
    assert still.trend_of(as_of).tolist() == [0.0, 0.0]
    assert (still.log_odds(X[:2], as_of) == still.log_odds(X[:2])).all()


def test_effects_are_how_far_each_term_lies_from_its_mean() -> None:
    # means over the three leads: (1 + 0 - .5) / 3 = 1/6, 0, (.3 - .3 + 0) / 3 = 0; slope 2
    machine = Machine(((1.0, CARD),), slope=2.0, center=(1 / 6, 0.0, 0.0))
    assert machine.effects(X) == pytest.approx(
        np.array([[5 / 3, 0, 0.6], [-1 / 3, 0, -0.6], [-4 / 3, 0, 0]])
    )


NUMBERS = st.floats(-5, 5)
CUTS = st.lists(NUMBERS, max_size=4, unique=True).map(lambda cuts: tuple(sorted(cuts)))


@st.composite
def terms(draw: st.DrawFn, feature: int) -> Term:
    missing, cuts = draw(NUMBERS), draw(CUTS)
    kind = draw(st.sampled_from([Steps, Line, Levels]))
    if kind is Levels:
        return Levels(feature, tuple(draw(st.lists(NUMBERS, max_size=4))), missing)
    if kind is Line:
        knots = cuts or (0.0,)
        values = tuple(draw(st.lists(NUMBERS, min_size=len(knots), max_size=len(knots))))
        return Line(feature, knots, values, missing)
    values = tuple(draw(st.lists(NUMBERS, min_size=len(cuts) + 1, max_size=len(cuts) + 1)))
    return Steps(feature, cuts, values, missing)


CARDS = st.builds(Scorecard, NUMBERS, st.tuples(terms(0), terms(1), terms(2)))
LEADS = st.lists(
    st.tuples(*[st.one_of(st.just(GAP), st.integers(0, 6).map(float))] * 3), min_size=1, max_size=6
).map(np.array)


@given(CARDS)
def test_a_card_survives_json(card: Scorecard) -> None:
    assert Scorecard.from_dict(json.loads(json.dumps(card.to_dict()))) == card


@given(terms(3))
def test_a_term_survives_json(term: Term) -> None:
    assert term_from_dict(json.loads(json.dumps(term_to_dict(term)))) == term


@given(CARDS, CARDS, LEADS, st.floats(0.1, 3), NUMBERS)
def test_reasons_sum_to_the_log_odds_less_their_mean(
    first: Scorecard, second: Scorecard, x: NDArray[np.float64], slope: float, intercept: float
) -> None:
    machine = Machine(((0.25, first), (0.75, second)), slope=slope, intercept=intercept)
    center = tuple(machine.contributions(x).mean(axis=0).tolist())
    machine = Machine(machine.cards, (), slope, intercept, center)
    log_odds = machine.log_odds(x)
    assert machine.additive
    assert machine.effects(x).sum(axis=1) == pytest.approx(log_odds - log_odds.mean(), abs=1e-9)


def full_machine() -> tuple[Machine, NDArray[np.float64]]:
    random = np.random.default_rng(0)
    x = random.normal(size=(500, 3))
    x[random.random(x.shape) < 0.2] = GAP
    known = np.nan_to_num(x)
    y = (random.random(500) < probability(known[:, 0] * known[:, 1] + known[:, 2])).astype(np.int8)
    fitted = boosted(
        x, y, categorical=np.zeros(3, bool), additive=False, newest_last=False, seed=0, rounds=30
    )
    return Machine(((0.4, CARD),), ((0.6, fitted.machine.trees[0][1]),), 1.5, 0.2), x


def test_with_trees_a_reason_is_what_changes_when_the_feature_is_missing() -> None:
    machine, x = full_machine()
    assert not machine.additive
    effects = machine.effects(x[:40])
    for feature in range(3):
        without = x[:40].copy()
        without[:, feature] = GAP
        change = machine.log_odds(x[:40]) - machine.log_odds(without)
        assert effects[:, feature] == pytest.approx(change, abs=1e-12)
    assert (effects[np.isnan(x[:40])] == 0).all()


def test_a_machine_with_trees_weighs_them() -> None:
    machine, x = full_machine()
    ((_, trees),) = machine.trees
    expected = 1.5 * (0.4 * CARD.log_odds(x) + 0.6 * trees.log_odds(x)) + 0.2
    assert machine.log_odds(x) == pytest.approx(expected, abs=1e-12)


def test_trees_read_their_own_columns_only() -> None:
    machine, x = full_machine()
    ((_, trees),) = machine.trees
    wide = np.column_stack([np.full(500, 9.0), x])
    moved = Trees(trees.content, (1, 2, 3), tuple(f + 1 for f in trees.features))
    assert (moved.log_odds(wide) == trees.log_odds(x)).all()


@pytest.mark.parametrize("machine", [Machine(((1.0, CARD),), center=(0.0,) * 3), full_machine()[0]])
def test_no_leads(machine: Machine) -> None:
    assert machine.log_odds(np.empty((0, 3))).shape == (0,)
    assert machine.effects(np.empty((0, 3))).shape == (0, 3)


@pytest.mark.parametrize(
    ("log_odds", "expected"),
    [(0.0, 0.5), (math.log(3), 0.75), (-math.log(3), 0.25), (800.0, 1.0), (-800.0, 0.0)],
)
def test_probability(log_odds: float, expected: float) -> None:
    assert probability(column(log_odds))[0] == pytest.approx(expected, abs=1e-15)


@given(st.floats(-25, 25))
def test_log_odds_undo_probability(log_odds: float) -> None:
    # near 1 a double's steps are 1e-16, so at log-odds 25 (p = 1 - 1e-11) 1e-4 is what it can tell
    assert log_odds_of(probability(column(log_odds)))[0] == pytest.approx(log_odds, abs=1e-4)


def test_log_odds_of_certainties_stay_finite() -> None:
    assert log_odds_of(column(0.0, 1.0)) == pytest.approx([-27.631, 27.631], abs=1e-3)


def test_one_lead_alone_scores_as_in_a_batch() -> None:
    machine, x = full_machine()
    alone = [float(machine.log_odds(x[row : row + 1])[0]) for row in range(30)]
    assert alone == machine.log_odds(x)[:30].tolist()
