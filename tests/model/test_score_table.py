"""The scorecard as a table: what each row says is what the machine computes."""

import math

import numpy as np
import pytest
from numpy.typing import NDArray

from leadml.errors import ModelError
from leadml.model.calibration import Calibration
from leadml.model.candidates import blend, boosted, logistic
from leadml.model.peers import peers_of
from leadml.model.score_table import (
    FeatureTable,
    Row,
    ScoreTable,
    piece_words,
    points_of,
    score_table,
)
from leadml.model.scorecard import Levels, Line, Machine, Scorecard, Steps
from leadml.model.selection import finished
from leadml.snapshot.feature import RARE, Feature
from leadml.snapshot.features import FeatureSet

GAP = math.nan
FEATURES = FeatureSet(
    (
        Feature(name="visits", kind="count"),
        Feature(name="source", kind="text", column="source", levels=("Ads", "Web", RARE)),
        Feature(name="note mentions 'demo'", kind="word", column="note", word="demo"),
        Feature(name="amount", kind="number", column="amount"),
    ),
    frozenset(),
)
CARD = Scorecard(
    -1.0,
    (
        Line(0, cuts=(0.0, 4.0), values=(0.0, 2.0), missing=0.5),
        Levels(1, values=(1.0, -1.0), missing=0.25),
        Line(2, cuts=(0.0, 1.0), values=(0.0, 3.0), missing=1.0),
        Steps(3, cuts=(99.5,), values=(-0.5, 0.5), missing=0.0),
    ),
)
MACHINE = Machine(((1.0, CARD),), slope=0.5, intercept=0.1, center=(1.0, 0.5, 0.0, 0.25))


def effect_of(table: FeatureTable, value: float) -> float:
    """Look one value up, as a person would."""
    *rows, missing = table.rows
    if math.isnan(value):
        return missing.log_odds
    if rows[0].level is not None:
        names = table.feature.levels or ("no", "yes")
        return next(row.log_odds for row in rows if row.level == names[int(value)])
    for row in rows:
        low = -math.inf if row.low is None else row.low
        high = math.inf if row.high is None else row.high
        if low < value <= high:
            if row.low is None or row.high is None:
                return row.log_odds
            share = (value - low) / (high - low)
            return row.log_odds + share * (row.log_odds_to - row.log_odds)
    raise AssertionError(value)


def holds(row: Row, value: float) -> bool:
    return (row.low is None or row.low < value) and (row.high is None or value <= row.high)


def effects_of(
    table: ScoreTable, features: FeatureSet, x: NDArray[np.float64]
) -> NDArray[np.float64]:
    found = np.zeros_like(x)
    for own in table.features:
        place = features.names.index(own.feature.name)
        found[:, place] = [effect_of(own, value) for value in x[:, place].tolist()]
    return found


def test_rows_by_hand() -> None:
    # effects: (term - mean) times .5; the base (-1 + 1.75) / 2 + .1
    table = score_table(FEATURES, MACHINE, None)
    assert table.base == pytest.approx(0.475)
    visits, source, word, amount = table.features
    assert visits.rows == (
        Row("≤ 0", -0.5, -0.5, None, 0.0),
        Row("above 0 to 4", -0.5, 0.5, 0.0, 4.0),
        Row("> 4", 0.5, 0.5, 4.0, None),
        Row("not known", -0.25, -0.25),
    )
    assert source.rows == (
        Row("Ads", 0.25, 0.25, level="Ads"),
        Row("Web", -0.75, -0.75, level="Web"),
        Row("any other value", -0.125, -0.125, level=RARE),  # beyond the term's codes: missing
        Row("not known", -0.125, -0.125),
    )
    assert [(row.level, row.log_odds) for row in word.rows] == [
        ("no", 0),
        ("yes", 1.5),
        (None, 0.5),
    ]
    assert [(row.range, row.log_odds) for row in amount.rows] == [
        ("≤ 99.5", -0.375), ("> 99.5", 0.125), ("not known", -0.125),
    ]  # fmt: skip


def test_points() -> None:
    assert points_of(math.log(2), 20) == pytest.approx(20)
    assert points_of(-math.log(4), 10) == pytest.approx(-20)
    row = Row("x", math.log(2), math.log(2), leads=8, won=2).to_dict(20)
    assert (row["points"], row["close_rate"]) == (pytest.approx(20), 0.25)
    assert Row("x", 0, 0, leads=0, won=0).to_dict(20)["close_rate"] is None


def test_counts_stand_in_their_rows() -> None:
    x = np.array([[0.0, 0, 0, 50], [2, 1, 1, 100], [4, 1, 1, 100], [9, 0, 0, GAP]])
    y = np.array([0, 1, 0, 1], np.int8)
    table = score_table(FEATURES, MACHINE, peers_of(FEATURES, x, y, MACHINE))
    rows = {own.feature.name: own.rows for own in table.features}
    assert [row.range for row in rows["visits"]] == ["≤ 0", "1 to 4", "≥ 5", "not known"]
    assert [(r.leads, r.won) for r in rows["visits"]] == [(1, 0), (2, 1), (1, 1), (0, 0)]
    assert [(r.leads, r.won) for r in rows["source"]] == [(2, 1), (2, 1), (0, 0), (0, 0)]
    assert [(r.leads, r.won) for r in rows["note mentions 'demo'"]] == [(2, 1), (2, 1), (0, 0)]
    assert [(r.leads, r.won) for r in rows["amount"]] == [(1, 0), (2, 1), (1, 1)]
    assert table.features[0].feature.name == "note mentions 'demo'"  # the weightiest


@pytest.fixture(scope="module")
def blended() -> tuple[Machine, NDArray[np.float64], NDArray[np.int8]]:
    """A finished blend of a logistic regression and additive trees, gaps among its leads."""
    random = np.random.default_rng(3)
    x = np.column_stack(
        [
            random.poisson(2, 900),
            random.integers(0, 3, 900),
            random.integers(0, 2, 900),
            random.lognormal(8, 1, 900),
        ]
    ).astype(float)
    x[random.random(x.shape) < 0.1] = GAP
    known = np.nan_to_num(x)
    odds = 0.5 * known[:, 0] + (known[:, 1] == 1) + known[:, 2] - 2
    y = (random.random(900) < 1 / (1 + np.exp(-odds))).astype(np.int8)
    text = np.array([False, True, False, False])
    parts = (
        logistic(x, y, categorical=text),
        boosted(x, y, categorical=text, additive=True, newest_last=False, seed=0, rounds=40),
    )
    machine = finished(blend(parts, (0.3, 0.7)).machine, x, Calibration(0.9, -0.1))
    return machine, x, y


def test_the_table_of_a_blend_computes_what_the_machine_does(
    blended: tuple[Machine, NDArray[np.float64], NDArray[np.int8]],
) -> None:
    machine, x, y = blended
    assert len(machine.cards) == 1
    table = score_table(FEATURES, machine, peers_of(FEATURES, x, y, machine))
    random = np.random.default_rng(4)
    new = np.column_stack(
        [
            random.choice([-1.0, 0, 1, 2.5, 40, GAP], 300),
            random.choice([0.0, 1, 2, GAP], 300),
            random.choice([0.0, 1, GAP], 300),
            random.choice([*x[:50, 3], 0.0, 1e9, GAP], 300),
        ]
    )
    effects = effects_of(table, FEATURES, new)
    assert effects == pytest.approx(machine.effects(new), abs=1e-9)
    assert table.base + effects.sum(axis=1) == pytest.approx(machine.log_odds(new), abs=1e-9)
    for own in table.features:
        assert sum(row.leads or 0 for row in own.rows) == 900


def test_rows_for_people_are_within_a_point(
    blended: tuple[Machine, NDArray[np.float64], NDArray[np.int8]],
) -> None:
    machine, x, y = blended
    table = score_table(FEATURES, machine, peers_of(FEATURES, x, y, machine))
    for own in table.features:
        shown = own.shown(20.0)
        assert len(shown) <= len(own.rows)
        assert sum(row.leads or 0 for row in shown) == 900
        if own.rows[0].level is None:
            values = x[:, FEATURES.names.index(own.feature.name)]
            for value in np.unique(values[~np.isnan(values)]).tolist():
                row = next(r for r in shown if holds(r, value))
                low, high = sorted((row.log_odds, row.log_odds_to))
                off = max(low - effect_of(own, value), effect_of(own, value) - high, 0)
                assert points_of(off, 20) <= 0.5 + 1e-9


def test_neighbours_alike_are_one_row() -> None:
    # a point is .0347 log-odds: .01 and .02 are alike, .2 is not; a steep piece keeps its ends
    rows = (
        Row("≤ 1", 0.01, 0.01, None, 1.0, leads=5, won=1),
        Row("", 0.02, 0.02, 1.0, 2.0, leads=6, won=2),
        Row("", 0.2, 0.9, 2.0, 5.0, leads=7, won=3),
        Row("> 5", 0.9, 0.9, 5.0, None, leads=8, won=4),
        Row("not known", 0.0, 0.0, leads=0, won=0),
    )
    amount = FeatureTable(FEATURES.features[3], rows, 0.1)
    assert amount.shown(20.0) == [
        Row("≤ 2", pytest.approx(0.015), pytest.approx(0.015), None, 2.0, leads=11, won=3),
        Row("above 2 to 5", 0.2, 0.9, 2.0, 5.0, leads=7, won=3),
        Row("> 5", 0.9, 0.9, 5.0, None, leads=8, won=4),
    ]  # nobody's amount was unknown, and that gives no points
    whole = FeatureTable(FEATURES.features[0], rows, 0.1, whole=True)
    first, steep, last = whole.shown(20.0)
    assert (first.range, steep.range, last.range) == ("0 to 2", "3 to 5", "≥ 6")
    assert steep.log_odds == pytest.approx(0.2 + 0.7 / 3)  # at 3, a third of the way


def test_levels_of_few_leads_are_gathered() -> None:
    rows = [Row(f"c{n}", 0.01 * n, 0.01 * n, level=f"c{n}", leads=n, won=1) for n in range(1, 6)]
    large = Row("big", 0.02, 0.02, level="big", leads=50, won=9)
    strong = Row("odd", 0.5, 0.5, level="odd", leads=3, won=3)
    missing = Row("not known", 0.0, 0.0, leads=4, won=0)
    text = FeatureTable(FEATURES.features[1], (*rows, large, strong, missing), 0.1)
    gathered = Row("5 other values", 0.01, 0.05, level="5 other values", leads=15, won=5)
    assert text.shown(20.0) == [large, strong, gathered, missing]
    few = FeatureTable(FEATURES.features[1], (*rows[:3], missing), 0.1)
    assert few.shown(20.0) == [*rows[:3], missing]


@pytest.mark.parametrize(
    ("low", "high", "whole", "words"),
    [
        (None, None, True, "any value"),
        (None, 3.5, True, "≤ 3"),
        (1.0, 2.0, True, "= 2"),
        (1.0, 4.5, True, "2 to 4"),
        (1.2, 1.8, True, "between 1 and 2"),
        (4.5, None, True, "≥ 5"),
        (None, 0.25, False, "≤ 0.25"),
        (0.25, 12_000.0, False, "above 0.25 to 12,000"),
        (12_000.0, None, False, "> 12,000"),
    ],
)
def test_words_of_a_piece(low: float | None, high: float | None, whole: bool, words: str) -> None:
    assert piece_words(low, high, whole=whole) == words


def test_days_and_hours_end_where_they_end() -> None:
    day = Feature(name="weekday created", kind="weekday")
    card = Scorecard(0.0, (Line(0, (0.0, 4.0, 6.0), (0.0, 1.0, 2.0), 0.0),))
    machine = Machine(((1.0, card),), center=(0.0,))
    x = np.repeat(np.arange(7.0), 30)[:, np.newaxis]
    features = FeatureSet((day,), frozenset())
    peers = peers_of(features, x, (x[:, 0] > 3).astype(np.int8), machine)
    (own,) = score_table(features, machine, peers).features
    assert [row.range for row in own.shown(20.0)] == [
        "Monday",
        "Tuesday to Friday",
        "Saturday to Sunday",
    ]


def test_trees_have_no_table() -> None:
    x = np.random.default_rng(0).normal(size=(200, 4))
    y = (x[:, 0] * x[:, 3] > 0).astype(np.int8)
    full = boosted(
        x, y, categorical=np.zeros(4, bool), additive=False, newest_last=False, seed=0, rounds=5
    )
    with pytest.raises(ModelError, match=r"interactions are no scorecard"):
        score_table(FEATURES, full.machine, None)
