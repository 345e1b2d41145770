"""What the candidates are fitted on: matured leads, or every resolved lead, weighted.

Testing, the threshold and every verdict use matured leads alone and count each once.
"""

from dataclasses import dataclass, replace
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

from leadml.domain.agreement import Agreement
from leadml.domain.finding import Finding
from leadml.errors import ConfigError
from leadml.model.selection import Selection
from leadml.settings import Settings
from leadml.snapshot.censoring import LEAST_MATURED, Resolved, effective_size, resolved_leads
from leadml.snapshot.exploration import Weights, propensity_of
from leadml.snapshot.labels import Judged
from leadml.snapshot.split import Folds
from leadml.workflows.lesson import Lesson
from leadml.workflows.material import Material, batch_of

Numbers = NDArray[np.float64]
Rows = NDArray[np.intp]


@dataclass(frozen=True)
class Learning:
    """Leads to fit on: those of the lesson first and in its order, then those resolved early.

    Attributes
    ----------
    x : float array, shape (leads, features)
    y : int8 array, shape (leads,)
    as_of : int64 array, shape (leads,)
        Microseconds; `NO_TIME` where undated.
    weight : float array, shape (leads,), or None
        Of each lead in the final fit; None counts all alike.
    folds : Folds
        Test rows are leads of the lesson; training rows what was known at the fold's origin.
    weights : tuple of float array or None
        For every fold, of each of its training rows, with ages as of the fold's origin.
    early : int
        Leads resolved early.
    cohort : int array
        Positions in the export of all leads that had a part in learning, by their age alone too.
    notes : tuple of Finding
    censoring : {"matured", "ipcw"}
        Whether leads that have not matured take part; recency weights may lie on either.
    propensity : Weights or None
        How leads came to be worked; None where that is not recorded. Part of the weights.
    """

    x: Numbers
    y: NDArray[np.int8]
    as_of: NDArray[np.int64]
    weight: Numbers | None
    folds: Folds
    weights: tuple[Numbers | None, ...]
    early: int
    cohort: Rows
    notes: tuple[Finding, ...] = ()
    censoring: Literal["matured", "ipcw"] = "matured"
    propensity: Weights | None = None

    @property
    def oldest_first(self) -> Rows:
        """The order in which candidates take the leads."""
        return np.argsort(self.as_of, kind="stable")

    @property
    def explored(self) -> NDArray[np.bool_]:
        """Which leads of the lesson were handed off at random: no promise is judged by them."""
        leads = len(self.y) - self.early
        known = self.propensity
        return np.zeros(leads, bool) if known is None else known.explored[:leads]

    @property
    def effective_size(self) -> float:
        """How many leads of equal weight would tell as much."""
        return float(len(self.y)) if self.weight is None else effective_size(self.weight)

    def of_lesson(self, selection: Selection) -> Selection:
        """Return a selection with predictions for the leads of the lesson alone."""
        leads = len(self.y) - self.early
        return replace(
            selection, log_odds=selection.log_odds[:leads], forward=selection.forward[:leads]
        )


def refuse_unweighable(material: Material, judged: Judged, settings: Settings) -> None:
    """Make sure that weights asked for can be computed at all.

    Raises
    ------
    ConfigError
        If ``censoring = "ipcw"`` and leads have no order in time or no closing times.
    """
    mapping = material.leads.mapping
    if settings.definition.agreement.censoring == "matured":
        return
    if judged.dated and "closed_at" in mapping.times and material.now is not None:
        return
    missing = "closed_at" if judged.dated else "created_at or handed_off_at"
    msg = (
        f'{settings.path or "leadml.toml"} [sales_ready]: censoring = "ipcw" weighs leads by their '
        f"age and by when they closed, but {missing} is not mapped under [leads]: map it, or set "
        'censoring = "matured"'
    )
    raise ConfigError(msg)


def learning_of(
    lesson: Lesson, folds: Folds, material: Material, judged: Judged, settings: Settings
) -> Learning:
    """Return what is fitted on, as the agreement's `censoring` says."""
    agreement, now = settings.definition.agreement, material.now_microseconds
    plain = matured_only(lesson, folds)
    if agreement.censoring == "matured" or now is None:
        return _by_propensity(plain, lesson.rows, material)
    final = resolved_leads(judged, agreement, at=now)
    if not final.usable:
        plain = replace(plain, notes=(_too_few_matured(final, agreement),))
        return _by_propensity(plain, lesson.rows, material)
    rows = np.concatenate([lesson.rows, final.rows[final.early]])
    weighted = _weighted(lesson, folds, material, judged, agreement, final)
    return _by_propensity(weighted, rows, material)


def _by_propensity(learning: Learning, rows: Rows, material: Material) -> Learning:
    """Weigh explored leads for those below the cut that they stand for, on top of other weights.

    In fitting and in measuring: the level and the choice of a model are judged by the same leads
    that they are to hold for. The threshold's test never sees these weights.
    """
    known = propensity_of(material.leads)
    if known is None:
        return learning
    found = known.weights(rows)
    if not found.any:
        return replace(learning, propensity=found)
    own = found.weight
    return replace(
        learning,
        weight=own if learning.weight is None else own * learning.weight,
        weights=tuple(
            own[train] if weight is None else own[train] * weight
            for weight, (train, _) in zip(learning.weights, learning.folds, strict=True)
        ),
        folds=replace(learning.folds, stands_for=own),
        propensity=found,
    )


def matured_only(lesson: Lesson, folds: Folds) -> Learning:
    """Return the leads of the lesson, which have all matured, as what is fitted on."""
    return Learning(
        x=lesson.x,
        y=lesson.y,
        as_of=lesson.as_of,
        weight=None,
        folds=folds,
        weights=(None,) * len(folds),
        early=0,
        cohort=lesson.rows,
    )


def _weighted(
    lesson: Lesson,
    folds: Folds,
    material: Material,
    judged: Judged,
    agreement: Agreement,
    final: Resolved,
) -> Learning:
    early = final.rows[final.early]
    moments = judged.as_of.astype("datetime64[us]").view("i8")[early]
    rows = np.concatenate([lesson.rows, early])
    place = np.full(len(judged.label), -1, np.intp)
    place[rows] = np.arange(len(rows))
    weight = np.ones(len(rows))
    weight[place[final.rows]] = final.weight
    pairs, weights = [], []
    for train, test in folds:
        known = resolved_leads(judged, agreement, at=int(lesson.as_of[test].min()))
        pairs.append((place[known.rows] if known.usable else train, test))
        weights.append(known.weight if known.usable else None)
    as_of = np.concatenate([lesson.as_of, moments])
    return Learning(
        x=np.concatenate([lesson.x, _features(lesson, material, early, moments)]),
        y=np.concatenate([lesson.y, judged.won[early].astype(np.int8)]),
        as_of=as_of,
        weight=weight,
        folds=replace(folds, pairs=tuple(pairs), at=as_of),
        weights=tuple(weights),
        early=len(early),
        cohort=final.cohort,
        censoring="ipcw",
    )


def _features(
    lesson: Lesson, material: Material, rows: Rows, moments: NDArray[np.int64]
) -> Numbers:
    """Encode leads with the features that the lesson's leads chose."""
    return batch_of(material, rows, moments).encode(lesson.catalogue.features).x


def _too_few_matured(final: Resolved, agreement: Agreement) -> Finding:
    text = (
        f'censoring = "ipcw" was not used: the horizon of {agreement.horizon_days:g} days has '
        f"passed for only {final.matured_share:.1%} of the leads, under {LEAST_MATURED:.0%}, so "
        "each of them would stand for more than twenty younger ones; matured leads alone are "
        "learnt from until the history is longer"
    )
    return Finding("TIME019", "warning", None, len(final.cohort), text)


NOT_WORKED = ("ROW007", "ROW008", "ROW013")
"""Why a matured hand-off has no outcome: nobody worked it, or not in time."""


def exploration_told(
    learning: Learning, judged: Judged, material: Material
) -> dict[str, Any] | None:
    """Say how explored leads were weighed, and how many nobody worked, JSON-ready.

    None where exploration is not recorded.
    """
    found, known = learning.propensity, propensity_of(material.leads)
    if found is None or known is None:
        return None
    idle = int((known.explored & np.isin(judged.why_not.astype(str), NOT_WORKED)).sum())
    told = found.to_dict() | {"not_followed_up": idle}
    if idle:
        told["text"] += (
            f" {idle:,} more were not followed up as they have to be: they teach nothing, and the "
            "others stand for them only if nobody chose which."
        )
    return told
