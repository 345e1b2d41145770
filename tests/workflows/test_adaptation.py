"""What a training run makes of a past in which the base rate, or what matters, moves."""

import json
from collections.abc import Callable
from dataclasses import replace
from typing import Any

import numpy as np
import pandas as pd
import pytest

from leadml.domain.definition import Definition
from leadml.domain.finding import ExcludedColumn
from leadml.model.bundle import read_bundle
from leadml.model.calibration import Calibration
from leadml.model.hurting import Hurt
from leadml.model.level import Level, choose_level
from leadml.model.recency import fold_weights, weighed
from leadml.model.rehearsal import rehearse
from leadml.model.scorecard import probability
from leadml.settings import Settings
from leadml.snapshot.catalogue import Catalogue
from leadml.snapshot.features import Feature, FeatureSet
from leadml.snapshot.split import Folds, origins, stratified_folds
from leadml.workflows.adaptation import Adaptation, adapt, slope_findings, thinned
from leadml.workflows.learning import Learning, matured_only
from leadml.workflows.lesson import Lesson, folds_of, lesson_of
from leadml.workflows.material import gather
from leadml.workflows.train import train

DAY = 86_400_000_000
Make = Callable[..., Settings]
Parts = tuple[Lesson, Folds, Adaptation]


def export(leads: int = 6000, *, rise: float = 0.0, turn: float = 9999.0) -> pd.DataFrame:
    """Return two years of leads: log-odds a + b - 1, rising by so much a year.

    From day `turn` b speaks against a win.
    """
    random = np.random.default_rng(0)
    a, b = random.normal(size=(2, leads)).round(3)
    days = np.sort(random.uniform(0, 730, leads))
    log_odds = a + np.where(days < turn, b, -b) - 1 + rise * (days - 365) / 365
    won = random.random(leads) < probability(log_odds)
    made = pd.Timestamp("2024-01-01", tz="UTC") + pd.to_timedelta(days, unit="D")
    return pd.DataFrame(
        {
            "id": [f"L{number}" for number in range(leads)],
            "made": made,
            "closed": made + pd.Timedelta(days=20),
            "stage": np.where(won, "Won", "Lost"),
            "a": a,
            "b": b,
        }
    )


@pytest.fixture
def timed(small: Definition) -> Definition:
    agreement = replace(small.agreement, horizon_days=60.0, counts="handed_off")
    return replace(small, leads=replace(small.leads, closed_at="closed"), agreement=agreement)


def adapted(frame: pd.DataFrame, definition: Definition, make: Make, **more: Any) -> Parts:
    if more:
        definition = replace(definition, leads=replace(definition.leads, **more))
    settings = make(definition)
    material = gather(frame, definition=definition, root=settings.root, labelled=True)
    judged = material.judge(settings)
    lesson = lesson_of(material, judged, settings)
    folds = folds_of(lesson, material, judged, settings, 0)
    return lesson, folds, adapt(lesson, folds, material, judged, settings)


def test_the_past_is_rehearsed_at_the_lag_of_the_folds(
    settings_for: Make, timed: Definition
) -> None:
    lesson, folds, found = adapted(export(rise=1.0), timed, settings_for)
    past = origins(lesson.as_of, lesson.y, gap_days=60)
    rehearsal = rehearse(lesson.x, lesson.y, categorical=lesson.categorical, folds=past)
    assert found.level == choose_level(rehearsal)
    assert (found.level.chosen, found.level.lag_days) == ("trend", 60)
    added = found.forward(folds)
    assert added is not None
    assert added.tolist() == rehearsal.forward("trend", folds).tolist()
    assert (added[folds.pairs[-1][1]] > 0.3).all()
    assert found.hurt == ()
    assert found.of(lesson) is lesson


def test_half_lives_are_tried_while_they_gain(settings_for: Make, timed: Definition) -> None:
    lesson, folds, found = adapted(export(), timed, settings_for)
    span = float(np.ptp(lesson.as_of)) / DAY
    days = [trial.days for trial in found.trials]
    assert days[:2] == [None, span / 2]
    assert found.half_life_days is None
    assert [trial.gain for trial in found.trials[:1]] == [0.0]
    gains = [trial.gain for trial in found.trials]
    assert gains[:-1] == sorted(gains[:-1])
    learning = matured_only(lesson, folds)
    assert found.weigh(learning) is learning
    values = found.to_dict()
    assert json.loads(json.dumps(values, allow_nan=False)) == values
    assert values["half_life_days"] is None
    assert [set(trial) for trial in values["half_lives"]] == [
        {"days", "log_loss", "gain", "error"}
    ] * len(days)


def test_where_what_matters_turns_round_old_leads_lose_their_say(
    settings_for: Make, timed: Definition
) -> None:
    lesson, folds, found = adapted(export(turn=300.0), timed, settings_for, keep=("b",))
    assert found.half_life_days is not None
    chosen = next(trial for trial in found.trials if trial.days == found.half_life_days)
    assert chosen.wins
    learning = matured_only(lesson, folds)
    weighted = found.weigh(learning)
    expected = weighed(lesson.as_of, found.half_life_days)
    assert expected is not None
    assert weighted.weight is not None
    assert weighted.weight.tolist() == expected.tolist()
    for own, other in zip(weighted.weights, fold_weights(folds, found.half_life_days), strict=True):
        assert own is not None
        assert other is not None
        assert own.tolist() == other.tolist()
    # the level is chosen again, beside the weights
    assert found.rehearsal is not None
    assert found.level == choose_level(found.rehearsal)
    weights = [
        *fold_weights(found.rehearsal.folds, found.half_life_days),
        weighed(lesson.as_of, found.half_life_days),
    ]
    again = rehearse(
        lesson.x,
        lesson.y,
        categorical=lesson.categorical,
        folds=found.rehearsal.folds,
        weights=weights,
    )
    assert np.array_equal(found.rehearsal.log_odds, again.log_odds, equal_nan=True)


def test_a_feature_that_hurts_is_left_out_and_told(settings_for: Make, timed: Definition) -> None:
    done = train(export(3000, turn=560.0), config=settings_for(timed))
    (told,) = [item for item in done.excluded if item.code == "DRIFT013"]
    assert told.column == "b"
    assert told.reason.startswith("helped to tell won from lost leads in earlier periods")
    bundle = read_bundle(done.bundle)
    assert "b" not in bundle.features.names
    assert "a" in bundle.features.names
    assert bundle.manifest["half_life_days"] == done.half_life_days
    assert bundle.manifest["half_lives"][0]["days"] is None


def test_unless_keep_names_it(settings_for: Make, timed: Definition) -> None:
    lesson, _, found = adapted(export(3000, turn=560.0), timed, settings_for)
    (hurt,) = found.hurt
    assert lesson.catalogue.features.names[hurt.feature] == "b"
    assert found.of(lesson).catalogue.features.names == [
        name for name in lesson.catalogue.features.names if name != "b"
    ]
    assert found.of(lesson).x.shape[1] == lesson.x.shape[1] - 1
    assert adapted(export(3000, turn=560.0), timed, settings_for, keep=("b",))[2].hurt == ()


def test_the_reason_in_figures() -> None:
    features = FeatureSet(
        (
            Feature(name="x", kind="number", column="x"),
            Feature(name="visit: times ever", kind="count", activity="visit"),
            Feature(name="visit: days active", kind="days", activity="visit"),
        ),
        frozenset(),
    )
    lesson = Lesson(
        np.arange(2),
        np.array([[1.0, 2.0, 3.0], [4.0, 5.0, 6.0]]),
        np.array([0, 1], np.int8),
        np.array([0, 1]),
        Catalogue(features, (ExcludedColumn("id", "ROLE001", "an id"),)),
        None,
    )
    kept = np.array([True, False, True])
    found = Adaptation(Level(), kept=kept, hurt=(Hurt(1, 0.0104, 0.02481, 0.0213, 5832),))
    left = found.of(lesson)
    assert left.x.tolist() == [[1.0, 3.0], [4.0, 6.0]]
    assert left.catalogue.features.names == ["x", "visit: days active"]
    told = left.catalogue.excluded
    assert [item.column for item in told] == ["id", "visit: times ever"]
    assert told[1].reason == (
        "helped to tell won from lost leads in earlier periods (log loss lower by 0.0104) and "
        "misled in the newest, of 5832 leads (higher by 0.0248); without it log loss there is "
        "lower by 0.0213"
    )


def test_many_leads_are_thinned_evenly() -> None:
    at = np.arange(10) * DAY
    pairs = ((np.array([0, 1, 2, 3]), np.array([4, 5, 6])), (np.arange(7), np.array([7, 8, 9])))
    learning = Learning(
        x=np.arange(10.0)[:, None],
        y=np.array([0, 1] * 5, np.int8),
        as_of=at,
        weight=np.arange(10.0),
        folds=Folds(pairs, True, 0.0, at=at),
        weights=(np.array([5.0, 6.0, 7.0, 8.0]), None),
        early=0,
        cohort=np.arange(10),
    )
    found = thinned(learning, most=4)  # every third: 0, 3, 6, 9
    assert found.x[:, 0].tolist() == [0.0, 3.0, 6.0, 9.0]
    assert found.y.tolist() == [0, 1, 0, 1]
    assert found.as_of.tolist() == (np.array([0, 3, 6, 9]) * DAY).tolist()
    assert found.weight is not None
    assert found.weight.tolist() == [0.0, 3.0, 6.0, 9.0]
    assert found.folds.at is found.as_of or found.folds.at.tolist() == found.as_of.tolist()  # type: ignore[union-attr]
    (first, second), (third, fourth) = found.folds.pairs
    assert (first.tolist(), second.tolist()) == ([0, 1], [2])
    assert (third.tolist(), fourth.tolist()) == ([0, 1, 2], [3])
    assert found.weights[0] is not None
    assert found.weights[0].tolist() == [5.0, 8.0]
    assert found.weights[1] is None
    assert thinned(learning, most=10) is learning


def test_leads_without_an_order_have_no_past(settings_for: Make, small: Definition) -> None:
    definition = replace(small, leads=replace(small.leads, created_at=None))
    lesson, folds, found = adapted(export(400).drop(columns=["closed"]), definition, settings_for)
    assert not folds.ordered
    assert found == Adaptation(Level())
    assert found.forward(folds) is None
    assert stratified_folds(lesson.y, groups=None, seed=0).at is None


def test_a_slope_that_fell_back_is_told() -> None:
    assert list(slope_findings(Calibration(0.4), 100)) == []
    (finding,) = slope_findings(Calibration(fell_back=True), 100)
    assert (finding.code, finding.severity, finding.count) == ("DRIFT014", "warning", 100)
    assert "left at 1" in finding.message


def test_a_history_too_short_for_the_lag_leaves_the_level_alone(
    settings_for: Make, timed: Definition
) -> None:
    # The same rising leads; outcomes are said to take 400 days, and folds that far apart there
    # cannot be: what a correction did at a shorter lag does not tell what it does at the whole.
    agreement = replace(timed.agreement, horizon_days=400.0)
    _, folds, found = adapted(export(rise=1.0), replace(timed, agreement=agreement), settings_for)
    assert folds.gap_days < 400
    assert (found.level.chosen, found.level.options) == ("none", ())
    assert found.rehearsal is not None
