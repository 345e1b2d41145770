"""Leads that a version has not learnt from, with its scores: what comes after training."""

from dataclasses import dataclass
from functools import cached_property

import numpy as np
from numpy.typing import NDArray
from scipy.stats import binom

from leadml.data.values import NO_TIME
from leadml.domain.agreement import Agreement
from leadml.domain.finding import ExcludedRows
from leadml.snapshot.labels import UNUSABLE, WHY_NOT, Judged
from leadml.workflows.material import Material, batch_of
from leadml.workflows.records import LeadBatch
from leadml.workflows.score import Scorer, Scores

Rows = NDArray[np.intp]
Flags = NDArray[np.bool_]

LEARNT_FROM = "ROW009"
NOT_SCORED = "ROW010"


def learnt_from(lead_ids: list[str], scorer: Scorer) -> Flags:
    """Tell which leads the model learnt from.

    Without ids a new lead can have a learnt lead's content by chance, as often as learnt leads
    have each other's. No more than that (99.9 %) tells nothing, and leaving those leads out would
    remove the commonest ones alone: then none is taken for learnt from.
    """
    learnt = scorer.trained_on(lead_ids)
    by_chance = scorer.manifest.get("repeated_share")
    if by_chance is not None and learnt.sum() <= binom.ppf(0.999, len(learnt), by_chance):
        return np.zeros(len(learnt), bool)
    return learnt


@dataclass(frozen=True)
class NewLeads:
    """Leads new to a version.

    Attributes
    ----------
    material : Material
        The whole export.
    judged : Judged
        All its leads, held against the agreement.
    scorer : Scorer
    rows : int array
        Positions in the export, oldest first.
    excluded : tuple of ExcludedRows
        The others, by reason.
    """

    material: Material
    judged: Judged
    scorer: Scorer
    rows: Rows
    excluded: tuple[ExcludedRows, ...]

    @cached_property
    def as_of(self) -> NDArray[np.int64]:
        """The moment each is judged, microseconds."""
        moments: NDArray[np.int64] = self.judged.as_of.astype("datetime64[us]").view("i8")
        return moments[self.rows]

    @cached_property
    def batch(self) -> LeadBatch:
        """The leads as the scorer takes them."""
        return batch_of(self.material, self.rows, self.as_of)

    @cached_property
    def scores(self) -> Scores:
        """What the version says of them."""
        return self.scorer.score_batch(self.batch, explain=False)

    @cached_property
    def scored(self) -> Rows:
        """Positions among `rows` of the leads that could be scored."""
        return np.setdiff1d(np.arange(len(self.rows)), list(self.scores.errors))

    @property
    def all_excluded(self) -> list[ExcludedRows]:
        """The leads left out, those that could not be scored among them."""
        if not self.scores.errors:
            return list(self.excluded)
        column, why = next(iter(self.scores.errors.values()))[0]
        reason = f"cannot be scored, e.g. {column}: {why}"
        return [*self.excluded, ExcludedRows(NOT_SCORED, len(self.scores.errors), reason)]


def labelled(material: Material, judged: Judged, scorer: Scorer) -> NewLeads:
    """Return the new leads that have an outcome under the agreement."""
    return _new(material, judged, scorer, judged.label >= 0, judged.excluded_rows())


def comparable(
    material: Material, judged: Judged, scorer: Scorer, agreement: Agreement
) -> NewLeads:
    """Return the new leads that are like those a model learns from, matured or not.

    Handed off where hand-offs are known, and followed up where the agreement counts those:
    leads that sales never got are others than the model learnt from, whatever drifts.
    """
    moments = judged.as_of.astype("datetime64[us]").view("i8")
    now = material.now_microseconds
    come = (moments == NO_TIME) | (now is None) | (moments <= (now or 0))
    chosen = ~np.isin(judged.why_not, UNUSABLE) & come
    chosen &= judged.handed_off | (judged.label >= 0)
    if agreement.counts == "followed_up":
        chosen &= judged.followed_up
    kept_out = (
        np.isin(judged.why_not, ["ROW006", "ROW007", "ROW008", "ROW013", *UNUSABLE]) & ~chosen
    )
    codes, counts = np.unique(judged.why_not[kept_out].astype(str), return_counts=True)
    excluded = [
        ExcludedRows(str(code), int(n), WHY_NOT[str(code)])
        for code, n in zip(codes, counts, strict=True)
    ]
    rest = int((~chosen & ~kept_out).sum())
    if rest:
        excluded.append(ExcludedRows("ROW012", rest, NOT_YET))
    return _new(material, judged, scorer, chosen, excluded)


NOT_YET = "not handed off or not followed up yet, so not yet like the leads the model learnt from"


def _new(
    material: Material,
    judged: Judged,
    scorer: Scorer,
    chosen: Flags,
    excluded: list[ExcludedRows],
) -> NewLeads:
    rows = np.flatnonzero(chosen)
    learnt = learnt_from(material.leads.lead_id[rows].tolist(), scorer)
    if learnt.any():
        reason = "learnt from when the model was trained"
        excluded = [*excluded, ExcludedRows(LEARNT_FROM, int(learnt.sum()), reason)]
    rows = rows[~learnt]
    moments = judged.as_of.astype("datetime64[us]").view("i8")[rows]
    return NewLeads(
        material, judged, scorer, rows[np.argsort(moments, kind="stable")], tuple(excluded)
    )
