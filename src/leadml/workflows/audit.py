"""The leakage audit over what a model would learn from, and what it leaves of that."""

from collections.abc import Iterator, Mapping
from dataclasses import replace

import numpy as np

from leadml.data.raw import RawColumn
from leadml.domain.finding import Finding
from leadml.domain.points_table import PointsTable
from leadml.settings import Settings
from leadml.snapshot.catalogue import Catalogue
from leadml.snapshot.labels import Judged
from leadml.snapshot.leakage import Audit, audit, copies_across
from leadml.snapshot.split import Folds
from leadml.workflows.lesson import FEWEST_OF_EACH, Lesson, folds_of, lesson_of
from leadml.workflows.material import Material, columns_of


def audited(
    material: Material,
    judged: Judged,
    lesson: Lesson,
    folds: Folds,
    table: PointsTable,
    *,
    seed: int = 0,
) -> Audit:
    """Look for what could not be known when the leads were judged.

    Parameters
    ----------
    lesson : Lesson
        With every feature: `without` leaves out what is found.
    folds : Folds
        Of those leads; copies across them are found too.
    table : PointsTable
        Its rules on what is left out are found too.
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
        columns=_as_judged(material, judged),
        rollback=material.rollback,
        seed=seed,
    )
    copies = copies_across(lesson.x, folds)
    findings = (*found.findings, *_on_points(found, table), *([copies] if copies else []))
    return replace(found, findings=findings)


def _as_judged(material: Material, judged: Judged) -> Mapping[str, RawColumn]:
    moments = judged.as_of.astype("datetime64[us]").view("i8")
    return columns_of(material, np.arange(len(moments)), moments)


def _on_points(found: Audit, table: PointsTable) -> Iterator[Finding]:
    """Yield the rules that read, of each lead, what was not known when it was judged."""
    for rule in table.rules:
        name = rule.column or rule.activity
        if name in found.quarantined:
            text = (
                f"the points rule {rule.name!r} reads {name}, which the audit leaves out of the "
                "model: the points look better on past leads than they can be on new ones"
            )
            yield Finding("LEAK010", "warning", name, 1, text)


def without(lesson: Lesson, found: Audit) -> Lesson:
    """Return the lesson without quarantined columns and kinds of activity; its catalogue says why.

    The leads stay as they are, and so do folds made of them: what tells leads apart, a leak among
    it, is not what may be learnt from.
    """
    features, excluded = lesson.catalogue.features, lesson.catalogue.excluded
    kept = found.kept(features)
    left = tuple(f for f, stays in zip(features.features, kept, strict=True) if stays)
    reasons = (*excluded, *found.quarantined.values())
    catalogue = Catalogue(replace(features, features=left), reasons)
    return replace(lesson, x=lesson.x[:, kept], catalogue=catalogue)


def audit_export(material: Material, settings: Settings) -> list[Finding]:
    """Audit an export as training would; nothing where it has too few outcomes to be trained on."""
    judged = material.judge(settings)
    if min(np.sum(judged.label == 1), np.sum(judged.label == 0)) < FEWEST_OF_EACH:
        return []
    lesson = lesson_of(material, judged, settings)
    folds = folds_of(lesson, material, judged, settings, seed=0)
    found = audited(material, judged, lesson, folds, settings.definition.points)
    return list(found.findings)
