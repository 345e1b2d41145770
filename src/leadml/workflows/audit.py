"""The leakage audit over what a model would learn from: reported, so that a person decides."""

import numpy as np

from leadml.domain.finding import Finding
from leadml.settings import Settings
from leadml.snapshot.labels import Judged
from leadml.snapshot.leakage import audit, copies_across
from leadml.snapshot.split import Folds
from leadml.workflows.lesson import FEWEST_OF_EACH, Lesson, folds_of, lesson_of
from leadml.workflows.material import Material


def suspicions(
    material: Material, judged: Judged, lesson: Lesson, folds: Folds, *, seed: int = 0
) -> list[Finding]:
    """Return what could not be known when the leads were judged.

    Nothing is left out for it: a strong sound column and a leak can look alike in the data, and
    the message says what to list under ``ignore`` if it is a leak.
    """
    found = audit(
        material.leads,
        material.activities,
        judged,
        lesson.rows,
        lesson.x,
        lesson.y,
        lesson.catalogue.features,
        lesson.as_of,
        keep=material.leads.mapping.keep,
        quarantine=False,
        seed=seed,
    )
    copies = copies_across(lesson.x, folds)
    return [*found.findings, *([copies] if copies else [])]


def audit_export(material: Material, settings: Settings) -> list[Finding]:
    """Audit an export as training would; nothing where it has too few outcomes to be trained on."""
    judged = material.judge(settings)
    if min(np.sum(judged.label == 1), np.sum(judged.label == 0)) < FEWEST_OF_EACH:
        return []
    lesson = lesson_of(material, judged, settings)
    folds = folds_of(lesson, material, judged, settings, seed=0)
    return suspicions(material, judged, lesson, folds)
