"""Colleagues' activity stays where it helps, and is left out, with a reason, where it does not."""

import numpy as np
import pytest

from leadml.snapshot.catalogue import Catalogue
from leadml.snapshot.features import Feature, FeatureSet
from leadml.snapshot.split import Folds, stratified_folds
from leadml.workflows.colleagues import earned
from leadml.workflows.lesson import Lesson

LEADS = 1000
OWN = Feature(name="any activity: times ever", kind="count")
THEIRS = Feature(name="colleagues: times in 30 days", kind="count", scope="account", window=30.0)


def lesson_of(effect: float, *features: Feature) -> tuple[Lesson, Folds]:
    """Draw leads whose last feature moves the log-odds by `effect` a standard deviation."""
    random = np.random.default_rng(0)
    x = random.normal(size=(LEADS, len(features)))
    y = (random.random(LEADS) < 1 / (1 + np.exp(-effect * x[:, -1]))).astype(np.int8)
    chosen = FeatureSet(features, frozenset(), crowds=frozenset({"gmail.com"}))
    lesson = Lesson(np.arange(LEADS), x, y, np.arange(LEADS), Catalogue(chosen, ()), None)
    return lesson, stratified_folds(y, groups=None, seed=0)


def test_they_stay_where_they_help() -> None:
    lesson, folds = lesson_of(1.0, OWN, THEIRS)
    left, told = earned(lesson, folds)
    assert left is lesson
    assert told == []


def test_they_go_where_they_do_not() -> None:
    lesson, folds = lesson_of(0.0, OWN, THEIRS)
    left, (told,) = earned(lesson, folds)
    assert left.catalogue.features.features == (OWN,)
    assert left.catalogue.features.crowds == frozenset()
    assert left.x.tolist() == lesson.x[:, :1].tolist()
    assert (told.code, told.severity, told.column, told.count) == ("DATA035", "info", None, LEADS)
    assert "what colleagues did tells won from lost leads no better" in told.message


@pytest.mark.parametrize("effect", [0.0, 1.0])
def test_others_are_not_asked(effect: float) -> None:
    lesson, folds = lesson_of(effect, OWN)
    left, told = earned(lesson, folds)
    assert left is lesson
    assert told == []
