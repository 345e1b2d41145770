"""Colleagues' activity must earn its place: whoever scores a lead has to send it along."""

from dataclasses import replace

import numpy as np

from leadml.domain.finding import ExcludedColumn
from leadml.model.earning import gain_of
from leadml.snapshot.catalogue import Catalogue
from leadml.snapshot.split import Folds
from leadml.workflows.lesson import Lesson

COLLEAGUES = "what colleagues did"


def earned(lesson: Lesson, folds: Folds) -> Lesson:
    """Return the lesson without features of accounts, unless they clearly help out of time.

    Its catalogue says why they are left out.
    """
    features = lesson.catalogue.features
    which = np.array([feature.scope == "account" for feature in features.features], bool)
    if not which.any():
        return lesson
    gain = gain_of(lesson.x, lesson.y, which, categorical=lesson.categorical, folds=folds)
    if gain.clear:
        return lesson
    how = "lower" if gain.mean > 0 else "higher"
    reason = (
        f"tells won from lost leads no better: with it log loss is {how} by {abs(gain.mean):.4f} "
        f"on {gain.leads} leads, and twice {gain.error:.4f} lower would be clear; leads are scored "
        "without it"
    )
    left = tuple(f for f, out in zip(features.features, which, strict=True) if not out)
    excluded = (*lesson.catalogue.excluded, ExcludedColumn(COLLEAGUES, "DATA035", reason))
    catalogue = Catalogue(replace(features, features=left, crowds=frozenset()), excluded)
    return replace(lesson, x=lesson.x[:, ~which], catalogue=catalogue)
