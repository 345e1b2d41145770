"""The leads a model learns from: their features, outcomes and folds."""

from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from leadml.data.leads import Leads
from leadml.domain.finding import Finding
from leadml.model.monotonic import signs_of
from leadml.model.points import PointsEngine
from leadml.settings import Settings
from leadml.snapshot.catalogue import Catalogue, choose_features, drop_constant
from leadml.snapshot.features import FeatureSet
from leadml.snapshot.labels import Judged
from leadml.snapshot.leakage import twins_by_chance
from leadml.snapshot.split import Folds, rolling_folds, stratified_folds
from leadml.workflows.material import Material, batch_of, held_points
from leadml.workflows.records import LeadBatch

FEWEST_OF_EACH = 20
"""Fewest won and fewest not-won leads a model is trained on, and an export audited with."""


@dataclass(frozen=True)
class Lesson:
    """The leads to learn from, oldest first where dated.

    Attributes
    ----------
    rows : int array
        Positions in the export.
    x : float array, shape (rows, features)
    y : int8 array
    as_of : int64 array
        Microseconds; `NO_TIME` where undated.
    points : float array or None
        The points score as of the same moments.
    monotone : int array, shape (features,), or None
        1 where the score must not fall as a feature rises, -1 where it must not rise, else 0.
    """

    rows: NDArray[np.intp]
    x: NDArray[np.float64]
    y: NDArray[np.int8]
    as_of: NDArray[np.int64]
    catalogue: Catalogue
    points: NDArray[np.float64] | None
    monotone: NDArray[np.int8] | None = None

    @property
    def categorical(self) -> NDArray[np.bool_]:
        """Which features are codes of levels."""
        return np.array([f.categorical for f in self.catalogue.features.features], bool)


def check_points(leads: Leads, settings: Settings) -> None:
    """Hold the points rules against the export's columns, before anything is scored.

    Raises
    ------
    ConfigError
        If a rule names a column that is not there.
    """
    definition = settings.definition
    if definition.leads.points is None:
        engine = PointsEngine(definition.points, frozenset())
        engine.check_columns([str(column) for column in leads.columns])


def lesson_of(material: Material, judged: Judged, settings: Settings) -> Lesson:
    """Compute features, outcome and points of every lead with a label."""
    rows = np.flatnonzero(judged.label >= 0)
    as_of = judged.as_of.astype("datetime64[us]").view("i8")
    rows = rows[np.argsort(as_of[rows], kind="stable")]
    moments = as_of[rows]
    batch = batch_of(material, rows, moments)
    log = None if material.activities is None else batch.log
    catalogue = choose_features(
        material.leads,
        rows,
        as_of=moments,
        log=log,
        raw=batch.raw,
        colleagues=batch.colleagues,
        crowds=() if material.accounts is None else material.accounts.crowds,
    )
    encoded = batch.encode(catalogue.features)
    catalogue, kept = drop_constant(catalogue, encoded.x)
    points = points_of(material, batch, rows, moments, catalogue.features, settings)
    return Lesson(rows, encoded.x[:, kept], judged.label[rows], moments, catalogue, points)


def points_of(
    material: Material,
    batch: LeadBatch,
    rows: NDArray[np.intp],
    moments: NDArray[np.int64],
    features: FeatureSet,
    settings: Settings,
) -> NDArray[np.float64] | None:
    """Return the points of a batch's leads as of their moments; None without a points score."""
    definition = settings.definition
    points = held_points(material, rows, moments)
    if points is None and definition.points.rules:
        engine = PointsEngine(definition.points, features.missing, definition.leads.decimal)
        points = engine.score(batch.raw, len(rows), batch.log, moments).total
    return points


def constrained(lesson: Lesson, settings: Settings) -> tuple[Lesson, list[Finding]]:
    """Keep the model to the directions of the points rules where ``[model] monotonic`` says so."""
    if settings.model.monotonic == "no":
        return lesson, []
    features = lesson.catalogue.features.features
    signs, findings = signs_of(features, settings.definition.points.rules)
    return replace(lesson, monotone=signs), findings


def lag_days(material: Material, settings: Settings) -> float:
    """Return the lag of deployment: days until an outcome is known, 0 if that is not recorded."""
    closed = "closed_at" in material.leads.mapping.times
    return settings.definition.agreement.horizon_days if closed else 0.0


def folds_of(
    lesson: Lesson, material: Material, judged: Judged, settings: Settings, seed: int
) -> Folds:
    """Make folds in time order where dated, else random ones."""
    if judged.dated:
        return rolling_folds(lesson.as_of, lesson.y, gap_days=lag_days(material, settings))
    return stratified_folds(lesson.y, groups=_groups(lesson, material), seed=seed)


MOST_TWINS = 0.5
"""Leads equal to a lead by chance, on average, from which equal features prove no copy."""


def _groups(lesson: Lesson, material: Material) -> NDArray[np.intp] | None:
    """Keep leads of one account together; without accounts, copies of one lead.

    Leads that agree in few coarse features are no copies: folds of whole groups would only ask
    about combinations never seen.
    """
    accounts = material.leads.texts("account")
    if accounts is None:
        x = np.nan_to_num(lesson.x, nan=-1e300)
        same = np.unique(x, axis=0, return_inverse=True)[1].reshape(-1)
        return same if twins_by_chance(x) < MOST_TWINS else None
    names = [name or f"\0{row}" for row, name in enumerate(accounts[lesson.rows])]
    return np.unique(np.array(names, object).astype(str), return_inverse=True)[1]
