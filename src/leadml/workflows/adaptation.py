"""How a training run adapts to time: what a rehearsal over the past says of it."""

from collections.abc import Iterator
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from leadml.domain.finding import ExcludedColumn, Finding
from leadml.model.calibration import Calibration
from leadml.model.hurting import Hurt, Pruned, prune
from leadml.model.level import Level, choose_level
from leadml.model.recency import Trial, fold_weights, half_lives, trial_of, weighed
from leadml.model.rehearsal import Rehearsal, rehearse
from leadml.settings import Settings
from leadml.snapshot.catalogue import Catalogue
from leadml.snapshot.features import Feature
from leadml.snapshot.labels import Judged
from leadml.snapshot.split import Folds, origins
from leadml.workflows.learning import Learning, learning_of
from leadml.workflows.lesson import Lesson, lag_days
from leadml.workflows.material import Material

MOST_TO_REHEARSE = 12_000
"""Most leads of the rehearsal, evenly spaced in time."""


@dataclass(frozen=True)
class Adaptation:
    """What the rehearsal chose.

    Attributes
    ----------
    level : Level
    rehearsal : Rehearsal or None
        None where leads have no order in time.
    kept : bool array, shape (features,), or None
        Features that stay; None for all.
    hurt : tuple of Hurt
        Features left out because they hurt in the newest period.
    trials : tuple of Trial
        Half-lives that were tried, all leads alike first.
    half_life_days : float or None
        The one that won; None for all leads alike.
    """

    level: Level
    rehearsal: Rehearsal | None = None
    kept: NDArray[np.bool_] | None = None
    hurt: tuple[Hurt, ...] = ()
    trials: tuple[Trial, ...] = ()
    half_life_days: float | None = None

    def forward(self, folds: Folds) -> NDArray[np.float64] | None:
        """Return what the level adds to each fold's test leads, known when its test began."""
        return None if self.rehearsal is None else self.rehearsal.forward(self.level.chosen, folds)

    def of(self, lesson: Lesson) -> Lesson:
        """Return the lesson without the features that hurt; its catalogue says why."""
        if self.kept is None or not self.hurt:
            return lesson
        features = lesson.catalogue.features
        left = tuple(f for f, stays in zip(features.features, self.kept, strict=True) if stays)
        columns = {feature.column for feature in left}
        reasons = [_reason(features.features[hurt.feature], hurt, columns) for hurt in self.hurt]
        catalogue = Catalogue(
            replace(features, features=left), (*lesson.catalogue.excluded, *reasons)
        )
        return replace(lesson, x=lesson.x[:, self.kept], catalogue=catalogue)

    def weigh(self, learning: Learning) -> Learning:
        """Return what is fitted on with recency on top of its weights."""
        if self.half_life_days is None:
            return learning
        days, folds = self.half_life_days, learning.folds
        return replace(
            learning,
            weight=weighed(learning.as_of, days, learning.weight),
            weights=tuple(fold_weights(folds, days, learning.weights)),
        )

    def to_dict(self) -> dict[str, Any]:
        """Return the half-lives, JSON-ready."""
        return {
            "half_life_days": self.half_life_days,
            "half_lives": [trial.to_dict() for trial in self.trials],
        }


def adapt(
    lesson: Lesson, folds: Folds, material: Material, judged: Judged, settings: Settings
) -> Adaptation:
    """Rehearse the past at the lag of the competition's folds; choose features, level, half-life.

    First what hurts is left out, then the level is chosen, then a half-life under that level: it
    must not win for what the level does better. With a half-life the level is chosen again. Where
    the history is too short for the lag of deployment the level is left alone: how a correction
    did at half the lag does not tell how it does at the whole.
    """
    if folds.at is None or not folds.ordered:
        return Adaptation(Level(lag_days=folds.gap_days))
    past = origins(lesson.as_of, lesson.y, gap_days=folds.gap_days)
    learning = thinned(learning_of(lesson, past, material, judged, settings))
    pruned = prune(
        learning.x,
        learning.y,
        categorical=lesson.categorical,
        spared=_spared(lesson, material),
        folds=learning.folds,
        weights=(*learning.weights, learning.weight),
    )
    found = Adaptation(Level(lag_days=folds.gap_days), pruned.rehearsal, pruned.kept, pruned.hurt)
    whole = folds.gap_days >= lag_days(material, settings)
    if whole:
        found = replace(found, level=choose_level(pruned.rehearsal))
    return _recent(found, learning, pruned, lesson.categorical[pruned.kept], whole=whole)


def thinned(learning: Learning, most: int = MOST_TO_REHEARSE) -> Learning:
    """Return at most so many leads, evenly spaced in time; rows count from 0 again."""
    step = -(-len(learning.y) // most)
    if step <= 1:
        return learning
    kept = np.arange(0, len(learning.y), step)
    return replace(
        learning,
        x=learning.x[kept],
        y=learning.y[kept],
        as_of=learning.as_of[kept],
        weight=None if learning.weight is None else learning.weight[kept],
        folds=replace(
            learning.folds,
            pairs=tuple((_every(a, step), _every(b, step)) for a, b in learning.folds),
            at=learning.as_of[kept],
            stands_for=None
            if learning.folds.stands_for is None
            else learning.folds.stands_for[kept],
        ),
        weights=tuple(
            None if weight is None else weight[train % step == 0]
            for weight, (train, _) in zip(learning.weights, learning.folds, strict=True)
        ),
    )


def _every(rows: NDArray[np.intp], step: int) -> NDArray[np.intp]:
    every: NDArray[np.intp] = rows[rows % step == 0] // step
    return every


def _spared(lesson: Lesson, material: Material) -> NDArray[np.bool_]:
    """Tell which features stay whatever the rehearsal says: their column is under ``keep``."""
    keep = set(material.leads.mapping.keep)
    return np.array([f.column in keep for f in lesson.catalogue.features.features], bool)


def _recent(
    found: Adaptation,
    learning: Learning,
    pruned: Pruned,
    categorical: NDArray[np.bool_],
    *,
    whole: bool,
) -> Adaptation:
    """Try half-lives, the longest first, as long as they gain."""
    alike = pruned.rehearsal
    if not len(alike.folds):
        return found
    rule = found.level.chosen
    trials = [Trial(None, float(alike.losses(rule).mean()))]
    best = found
    for days in half_lives(learning.as_of):
        rehearsal = rehearse(
            learning.x[:, pruned.kept],
            learning.y,
            categorical=categorical,
            folds=alike.folds,
            weights=[
                *fold_weights(alike.folds, days, learning.weights),
                weighed(learning.as_of, days, learning.weight),
            ],
        )
        trials.append(trial_of(days, rehearsal, alike, rule))
        if trials[-1].gain <= max(0.0, trials[-2].gain):
            break
        if trials[-1].wins:
            level = choose_level(rehearsal) if whole else found.level
            best = replace(found, level=level, rehearsal=rehearsal, half_life_days=days)
    return replace(best, trials=tuple(trials))


def _reason(feature: Feature, hurt: Hurt, columns: set[str | None]) -> ExcludedColumn:
    """Name the column, or the feature where its column has others that stay."""
    whole = feature.column is not None and feature.column not in columns
    reason = (
        f"helped to tell won from lost leads in earlier periods (log loss lower by "
        f"{hurt.helped:.4f}) and misled in the newest, of {hurt.leads} leads (higher by "
        f"{hurt.hurt:.4f}); without it log loss there is lower by {hurt.gain:.4f}"
    )
    return ExcludedColumn(str(feature.column) if whole else feature.name, "DRIFT013", reason)


def slope_findings(line: Calibration, leads: int) -> Iterator[Finding]:
    """Say that the slope fell back, where it did."""
    if line.fell_back:
        text = (
            "out of time, higher scores did not go with more wins: the slope of the calibration "
            "came out at or below 0 and was left at 1; do not rely on the ranking before newer "
            "leads bear it out"
        )
        yield Finding("DRIFT014", "warning", None, leads, text)
