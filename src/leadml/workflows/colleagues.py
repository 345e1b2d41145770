"""Colleagues' activity must earn its place: whoever scores a lead has to send it along."""

from dataclasses import replace

import numpy as np

from leadml.domain.finding import Finding
from leadml.model.earning import gain_of
from leadml.snapshot.split import Folds
from leadml.workflows.lesson import Lesson


def earned(lesson: Lesson, folds: Folds) -> tuple[Lesson, list[Finding]]:
    """Return the lesson without features of accounts, unless they clearly help out of time.

    Returns
    -------
    lesson : Lesson
    findings : list of Finding
        Why they are left out, where they are.
    """
    features = lesson.catalogue.features
    which = np.array([feature.scope == "account" for feature in features.features], bool)
    if not which.any():
        return lesson, []
    gain = gain_of(lesson.x, lesson.y, which, categorical=lesson.categorical, folds=folds)
    if gain.clear:
        return lesson, []
    how = "lower" if gain.mean > 0 else "higher"
    text = (
        f"what colleagues did tells won from lost leads no better: with it log loss is {how} by "
        f"{abs(gain.mean):.4f}, and {2 * gain.error:.4f} lower would be clear; leads are scored "
        "without it"
    )
    left = tuple(f for f, out in zip(features.features, which, strict=True) if not out)
    chosen = replace(features, features=left, crowds=frozenset())
    catalogue = replace(lesson.catalogue, features=chosen)
    found = Finding("DATA035", "info", None, gain.leads, text)
    return replace(lesson, x=lesson.x[:, ~which], catalogue=catalogue), [found]
