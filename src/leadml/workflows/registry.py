"""What a training run leaves in MLflow."""

from collections.abc import Iterable
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

from markupsafe import Markup

from leadml import tracking
from leadml.domain.finding import Finding
from leadml.domain.mapping import LeadMapping
from leadml.errors import ModelError
from leadml.evaluation.calibration import reliability
from leadml.evaluation.gains import gains
from leadml.model.bundle import VERSIONS, versions
from leadml.model.selection import out_of_time, to_rows
from leadml.pages.training_page import training_charts
from leadml.settings import Settings
from leadml.workflows.run import Run

BAND_DRAWS = 100
"""Draws of the reliability band: enough for a picture."""


def refuse_foreign(settings: Settings) -> None:
    """Make sure that MLflow answers and that the number it gives next is free here.

    Asked before work begins: a version registered there without a bundle here is half of one.

    Raises
    ------
    TrackingError
        If MLflow does not answer.
    ModelError
        If a bundle of that number is here already: it belongs to another registry.
    """
    tracking.reach(settings.tracking_uri)
    known = [int(version.version) for version in tracking.registered(settings.tracking_uri)]
    following = str(max(known, default=0) + 1)
    if following in versions(settings.models):
        place = settings.models / VERSIONS / following
        msg = (
            f"{place} exists already, and MLflow would give the next version that number: the "
            "bundles belong to another registry; restore it ([tracking].uri), or move "
            f"{settings.models} away"
        )
        raise ModelError(msg)


def record_version(
    run: Run, findings: list[Finding], folder: Path, seed: int, measured: "OutOfTime"
) -> str:
    """Log parameters, metrics, agreement, audit, evaluation, charts and bundle; register it."""
    definition = run.settings.definition
    training = tracking.Recorded(
        params=_params(run, seed),
        metrics=_metrics(run),
        tags={"agreement_hash": definition.agreement.hash(), "chosen": run.selection.chosen},
        documents={
            "agreement.json": definition.agreement.to_dict(),
            "definition.json": definition.to_dict(),
            "audit.json": _audit(run, findings),
            "evaluation.json": _evaluation(run, measured),
        },
        charts={f"{name}.svg": str(chart) for name, chart in measured.charts.items()},
        bundle=folder,
        columns=read_when_scoring(run.material.leads.columns, definition.leads),
        served_by=Path(__file__).with_name("served_model.py"),
    )
    return tracking.record(run.settings.tracking_uri, training).version


def _params(run: Run, seed: int) -> dict[str, Any]:
    agreement = run.settings.definition.agreement
    return {
        "seed": seed,
        "chosen": run.selection.chosen,
        "leads": len(run.lesson.y),
        "won": int(run.lesson.y.sum()),
        "features": len(run.lesson.catalogue.features.features),
        "folds": len(run.folds),
        "gap_days": run.folds.gap_days,
        "ordered_in_time": run.folds.ordered,
        "horizon_days": agreement.horizon_days,
        "close_rate": agreement.close_rate,
        "agreement_version": agreement.version,
        "source": run.material.leads.source,
        **{f"rounds_{name}": rounds for name, rounds in run.fitted.rounds.items()},
    }


def _metrics(run: Run) -> dict[str, float]:
    metrics = {f"log_loss_{c.name}": c.log_loss for c in run.selection.candidates}
    metrics |= {f"auc_{c.name}": c.auc for c in run.selection.candidates}
    chosen = next(c for c in run.selection.candidates if c.name == run.selection.chosen)
    metrics |= {"log_loss": chosen.log_loss, "auc": chosen.auc}
    metrics |= {"slope": run.machine.slope, "intercept": run.machine.intercept}
    threshold = run.threshold.to_dict()
    return metrics | {
        f"threshold_{key}": float(threshold[key])
        for key in ("probability", "expected_close_rate", "low", "high")
        if threshold[key] is not None
    }


def _audit(run: Run, findings: list[Finding]) -> dict[str, Any]:
    return {
        "findings": [finding.to_dict() for finding in findings],
        "excluded": [vars(item) for item in run.lesson.catalogue.excluded],
        "excluded_rows": [vars(item) for item in run.judged.excluded_rows()],
    }


@dataclass(frozen=True)
class OutOfTime:
    """How the chosen candidate's out-of-time predictions did."""

    reliability: dict[str, Any]
    gains: list[dict[str, float]]

    @cached_property
    def charts(self) -> dict[str, Markup]:
        """Both as charts, for MLflow and for the page of the training."""
        return training_charts(self.reliability, self.gains)


def measure(run: Run) -> OutOfTime:
    """Measure the chosen candidate on its out-of-time predictions."""
    rows, p = out_of_time(run.selection)
    won = run.lesson.y[rows] == 1
    confidence = run.settings.definition.agreement.confidence
    diagram = reliability(won, p, confidence=confidence, draws=BAND_DRAWS)
    return OutOfTime(diagram.to_dict(), gains(won, p))


def _evaluation(run: Run, measured: OutOfTime) -> dict[str, Any]:
    return {
        "candidates": to_rows(run.selection.candidates),
        "chosen": run.selection.chosen,
        "out_of_time_leads": len(run.selection.rows),
        "threshold": run.threshold.to_dict(),
        "reliability": measured.reliability,
        "gains": measured.gains,
    }


def read_when_scoring(columns: Iterable[str], mapping: LeadMapping) -> tuple[str, ...]:
    """Return the export's columns that scoring may read: all but those that tell the outcome."""
    told_later = (mapping.outcome, mapping.followed_up_at, mapping.closed_at)
    return tuple(column for column in columns if column not in told_later)
