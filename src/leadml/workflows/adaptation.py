"""How a training run adapts to time: what a rehearsal over the past says of the level."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from leadml.domain.finding import Finding
from leadml.model.calibration import Calibration
from leadml.model.level import Level, choose_level
from leadml.model.rehearsal import Rehearsal, rehearse
from leadml.snapshot.split import Folds, origins
from leadml.workflows.lesson import Lesson

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
    """

    level: Level
    rehearsal: Rehearsal | None = None

    def forward(self, folds: Folds) -> NDArray[np.float64] | None:
        """Return what the level adds to each fold's test leads, known when its test began."""
        return None if self.rehearsal is None else self.rehearsal.forward(self.level.chosen, folds)


def adapt(lesson: Lesson, folds: Folds) -> Adaptation:
    """Rehearse the past at the lag of the competition's folds, and choose the level."""
    if folds.at is None or not folds.ordered:
        return Adaptation(Level(lag_days=folds.gap_days))
    step = -(-len(lesson.y) // MOST_TO_REHEARSE)
    x, y, at = lesson.x[::step], lesson.y[::step], lesson.as_of[::step]
    past = origins(at, y, gap_days=folds.gap_days)
    rehearsal = rehearse(x, y, categorical=lesson.categorical, folds=past)
    return Adaptation(choose_level(rehearsal), rehearsal)


def slope_findings(line: Calibration, leads: int) -> list[Finding]:
    """Say that the slope fell back, where it did."""
    if not line.fell_back:
        return []
    text = (
        "out of time, higher scores did not go with more wins: the slope of the calibration came "
        "out at or below 0 and was left at 1; do not rely on the ranking before newer leads bear "
        "it out"
    )
    return [Finding("DRIFT014", "warning", None, leads, text)]
