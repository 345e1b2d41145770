"""`leadml drift`: have the leads moved away from what a version learnt, and what to do about it."""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from leadml.domain.finding import ExcludedRows, Finding
from leadml.errors import DataError, ModelError
from leadml.evaluation.diagnosis import (
    ASKS,
    Counted,
    FeatureDrift,
    Ranking,
    diagnose_features,
    diagnose_outcomes,
    most_urgent,
)
from leadml.evaluation.drift import InTheLarge, Movement, fallen, in_the_large, movement
from leadml.evaluation.metrics import auc
from leadml.evaluation.tally import Ranked
from leadml.model.reference import Reference, Spread
from leadml.settings import Settings, load_settings
from leadml.snapshot.features import ACTIVITY, RARE, Feature
from leadml.workflows.material import Material, gather
from leadml.workflows.new_leads import NewLeads, comparable
from leadml.workflows.score import Scorer, load_scorer
from leadml.workflows.spreads import feature_spreads, spread_of_scores

if TYPE_CHECKING:
    from leadml.workflows.material import Source

FEWEST = 20
"""Fewest new leads that are compared, and fewest outcomes that the level is judged by."""

Progress = Callable[[str, float], None]
Rows = NDArray[np.intp]


@dataclass(frozen=True)
class Drift:
    """How far new leads have moved.

    Attributes
    ----------
    model_version : str
    leads : int
        New leads compared.
    features : list of FeatureDrift
        In the model's order.
    scores : Movement
        Of the distribution of scores.
    scores_p : float
        Its chance, adjusted for the number of tests.
    calibration : InTheLarge or None
        On the leads with an outcome under the agreement; None with fewer than `FEWEST`.
    findings : list of Finding
        `leadml.evaluation.diagnosis.ASKS` says what each asks for.
    excluded_rows : list of ExcludedRows
    """

    model_version: str
    leads: int
    features: list[FeatureDrift]
    scores: Movement
    scores_p: float
    calibration: InTheLarge | None
    findings: list[Finding]
    excluded_rows: list[ExcludedRows]

    @property
    def asks_for(self) -> str:
        """What to do first."""
        return most_urgent([ASKS[finding.code] for finding in self.findings])

    def to_dict(self) -> dict[str, Any]:
        """Return the JSON-ready form."""
        scores = {"psi": self.scores.psi, "expected_psi": self.scores.expected, "p": self.scores_p}
        calibration = self.calibration
        return {
            "model_version": self.model_version,
            "leads": self.leads,
            "features": [feature.to_dict() for feature in self.features],
            "scores": scores,
            "calibration": None if calibration is None else calibration.to_dict(),
            "findings": [f.to_dict() | {"asks_for": ASKS[f.code]} for f in self.findings],
            "asks_for": self.asks_for,
            "excluded_rows": [vars(rows) for rows in self.excluded_rows],
        }


def drift(
    leads: "Source",
    *,
    activities: "Source | None" = None,
    history: "Source | None" = None,
    config: Path | str | Settings | None = None,
    model: str = "champion",
    as_of: str | datetime | None = None,
    table: str | None = None,
    progress: Progress = lambda _step, _share: None,
) -> Drift:
    """Compare new leads, with or without outcomes, with those a version learnt from.

    Like is compared with like: leads handed off (where hand-offs are known) and followed up (where
    the agreement counts those), each as of its hand-off. Leads the version learnt from are left
    out.

    Parameters
    ----------
    leads, activities, history : str, Path or pandas.DataFrame
        Export of newer leads, its activities and the changes of its attributes; a SQL URL needs
        `table`.
    config : path or Settings, optional
        Default ``./leadml.toml``.
    model : str
        ``champion``, ``challenger`` or a version number.
    as_of : str or datetime, optional
        What counts as now; default the latest mapped time.
    progress : callable
        Told what is being done and the share done.

    Raises
    ------
    LeadmlError
        If there is no such version, it was sealed without a reference, the export cannot be used,
        or fewer than `FEWEST` leads can be compared.
    """
    settings = load_settings(config)
    scorer = load_scorer(model, config=settings)
    reference = _reference(scorer)
    progress("reading", 0.0)
    material = gather(
        leads,
        definition=settings.definition,
        root=settings.root,
        activities=activities,
        history=history,
        table=table,
        as_of=as_of,
        labelled=False,
    )
    judged = material.judge(settings)
    new = comparable(material, judged, scorer, settings.definition.agreement)
    _refuse_too_few(new)
    progress("comparing", 0.4)
    found = diagnose_features(_counted(new, reference))
    scores = _score_movement(new, reference)
    calibration, ranking = _outcomes(new, reference)
    of_outcomes, scores_p = diagnose_outcomes(scores, len(new.scored), calibration, ranking)
    progress("done", 1.0)
    return Drift(
        model_version=scorer.version,
        leads=len(new.rows),
        features=found.features,
        scores=scores,
        scores_p=scores_p,
        calibration=calibration,
        findings=[*_of_columns(new), *found.findings, *of_outcomes, *_too_few(new, calibration)],
        excluded_rows=new.all_excluded,
    )


def _reference(scorer: Scorer) -> Reference:
    if scorer.bundle.reference is None:
        msg = (
            f"version {scorer.version} was sealed by an earlier leadml, without the distributions "
            "that drift compares with: train again with `leadml train`, then compare newer leads"
        )
        raise ModelError(msg)
    return scorer.bundle.reference


def _refuse_too_few(new: NewLeads) -> None:
    if len(new.scored) >= FEWEST:
        return
    reasons = "; ".join(f"{row.count}: {row.reason}" for row in new.all_excluded)
    left_out = f" Left out: {reasons}." if reasons else ""
    msg = (
        f"too few leads to compare in {new.material.leads.source}: {len(new.scored)} of "
        f"{len(new.material.leads)} are new to version {new.scorer.version} and like those it "
        f"learnt from; at least {FEWEST} are needed.{left_out} Give an export with newer leads"
    )
    raise DataError(msg)


def _counted(new: NewLeads, reference: Reference) -> list[Counted]:
    spreads = feature_spreads(new.scorer, new.batch, reference)
    features = new.scorer.bundle.features.features
    return [_count(new, *pair) for pair in zip(features, spreads, reference.features, strict=True)]


def _count(new: NewLeads, feature: Feature, spread: Spread, reference: Spread) -> Counted:
    source = new.material.leads.mapping.source
    is_source = feature.categorical and source is not None and feature.column == source
    listed = tuple(level for level in feature.levels if level != RARE)
    return Counted(
        feature=feature.name,
        column=feature.column,
        reference=reference.counts,
        new=spread.counts,
        missing=(reference.missing, spread.missing),
        unlisted=(reference.unlisted, spread.unlisted),
        ordered=not feature.categorical,
        passing=reference.passing,
        sources=listed if is_source else (),
        absent=_is_absent(new, feature),
    )


def _is_absent(new: NewLeads, feature: Feature) -> bool:
    if feature.kind in ACTIVITY:
        given = new.material.activities if feature.scope == "lead" else new.material.colleagues
        return given is None
    return feature.column in _absent(new.material, new.scorer)


def _score_movement(new: NewLeads, reference: Reference) -> Movement:
    scores = spread_of_scores(new.scorer, new.batch, new.scores, new.scored, reference)
    return movement(reference.scores.counts, scores.counts)


def _outcomes(new: NewLeads, reference: Reference) -> tuple[InTheLarge | None, Ranking | None]:
    """Hold the leads with an outcome against their scores; None where there are too few."""
    known = _with_outcome(new)
    if len(known) < FEWEST:
        return None, None
    won = new.judged.label[new.rows[known]] == 1
    log_odds = new.scores.log_odds[known]
    calibration = in_the_large(won, log_odds)
    wins, losses = int(won.sum()), int((~won).sum())
    if min(wins, losses, reference.won, reference.lost) < FEWEST:
        return calibration, None
    now = auc(Ranked(won, log_odds).tally())
    p = fallen((reference.auc, reference.won, reference.lost), (now, wins, losses))
    return calibration, Ranking(reference.auc, now, p)


def _with_outcome(new: NewLeads) -> Rows:
    """Return the leads with an outcome; none where the export records none at all."""
    outcome = new.material.leads.outcome
    if outcome is None or not (outcome >= 0).any():
        return np.empty(0, np.intp)
    known: Rows = new.scored[new.judged.label[new.rows[new.scored]] >= 0]
    return known


def _too_few(new: NewLeads, calibration: InTheLarge | None) -> list[Finding]:
    if calibration is not None:
        return []
    known = len(_with_outcome(new))
    text = (
        f"{known} of the new leads have an outcome under the agreement, {FEWEST} are needed to "
        "judge whether the probabilities still hold; compare again when more have matured"
    )
    return [Finding("DRIFT012", "info", None, known, text)]


def _absent(material: Material, scorer: Scorer) -> set[str]:
    return set(scorer.bundle.features.columns) - set(material.leads.columns)


def _of_columns(new: NewLeads) -> list[Finding]:
    """Find columns that came or went, and activities that were not given."""
    findings = []
    for column in sorted(_absent(new.material, new.scorer)):
        text = (
            f"the model reads {column}, which is not in {new.material.leads.source}: it counts as "
            "missing; put it back into the export"
        )
        findings.append(Finding("DRIFT001", "warning", column, len(new.rows), text))
    if new.scorer.bundle.features.reads_activities and new.material.activities is None:
        text = (
            "the model reads activities and none were given, so scores count them as unknown: "
            "name the file with --activities"
        )
        findings.append(Finding("DRIFT005", "warning", None, len(new.rows), text))
    known = {*new.scorer.known_columns, *new.scorer.bundle.features.columns}
    extra = [str(column) for column in new.material.leads.columns if column not in known]
    if extra:
        text = "columns the training export did not have: not used; train again to learn from them"
        examples = tuple(extra[:5])
        findings.append(Finding("DRIFT006", "info", None, len(extra), text, examples))
    return findings
