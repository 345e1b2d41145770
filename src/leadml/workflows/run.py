"""One training run, and what its bundle says of it."""

from dataclasses import dataclass, field
from datetime import UTC, datetime
from functools import cached_property
from importlib.metadata import version
from typing import Any

import numpy as np

from leadml.evaluation.threshold import Threshold
from leadml.model.calibration import fit_points_line
from leadml.model.candidates import Fitted
from leadml.model.eventually import Eventually
from leadml.model.level import Level
from leadml.model.peers import Peers, peers_of
from leadml.model.reference import OutOfTime, Reference, reference_of
from leadml.model.scorecard import Machine
from leadml.model.selection import Selection
from leadml.model.together import Together, fit_together
from leadml.settings import Settings
from leadml.snapshot.catalogue import FEWEST_OF_LEVEL
from leadml.snapshot.labels import Judged
from leadml.snapshot.leakage import Audit
from leadml.snapshot.split import Folds
from leadml.workflows.adaptation import Adaptation
from leadml.workflows.learning import Learning, exploration_told
from leadml.workflows.lesson import Lesson
from leadml.workflows.material import Material
from leadml.workflows.outcomes import Outcomes, outcomes_of
from leadml.workflows.score import iso
from leadml.workflows.value import Worth

BAND_SHARES = {"A": 1.0, "B": 0.5, "C": 0.25}
"""Bands by probability, as shares of the agreed close rate; D is below the last."""


@dataclass(frozen=True)
class Run:
    """Everything one training run came to, before it is sealed."""

    settings: Settings
    material: Material
    judged: Judged
    lesson: Lesson
    learning: Learning
    folds: Folds
    selection: Selection
    fitted: Fitted
    machine: Machine
    threshold: Threshold
    audit: Audit = field(default_factory=Audit)
    eventually: Eventually | None = None
    worth: Worth | None = None
    accounts: dict[str, Any] | None = None
    adaptation: Adaptation = field(default_factory=lambda: Adaptation(Level()))
    people: dict[str, Any] | None = None

    @property
    def outcomes(self) -> Outcomes:
        """What became of the hand-offs."""
        return outcomes_of(self.judged, self.learning, self.settings.definition.agreement)

    @cached_property
    def peers(self) -> Peers:
        """The leads of the lesson by each feature, with what the finished model makes of them."""
        features = self.lesson.catalogue.features
        return peers_of(features, self.lesson.x, self.lesson.y, self.machine)

    @property
    def exploration(self) -> dict[str, Any] | None:
        """How explored leads were weighed, JSON-ready; None where they are not recorded."""
        return exploration_told(self.learning, self.judged, self.material)

    @property
    def looks_at(self) -> dict[str, Any]:
        """What the finished model looks at, JSON-ready."""
        names = self.lesson.catalogue.features.names
        return self.peers.looks_at(names, exact=self.machine.additive)

    @property
    def level(self) -> dict[str, Any]:
        """How the level was chosen, and the slope beside it, JSON-ready."""
        line = self.selection.calibration
        slope = {"slope": self.machine.slope, "slope_fell_back": line.fell_back}
        return self.adaptation.level.to_dict() | slope


def reference_for(run: Run) -> Reference:
    """Return what `leadml drift` holds newer leads against."""
    selection, x = run.selection, run.lesson.x
    chosen = next(c for c in selection.candidates if c.name == selection.chosen)
    won = int(run.lesson.y[selection.rows].sum())
    ranked = OutOfTime(chosen.auc, won, len(selection.rows) - won)
    return reference_of(
        run.lesson.catalogue.features,
        x,
        run.machine.log_odds(x),
        ranked,
        fewest_of_level=FEWEST_OF_LEVEL,
    )


def manifest_of(run: Run, seed: int) -> dict[str, Any]:
    """Return what the manifest says of the version, besides the seals."""
    agreement = run.settings.definition.agreement
    as_of = run.lesson.as_of
    chosen = next(c for c in run.selection.candidates if c.name == run.selection.chosen)
    points_line = (
        None if run.lesson.points is None else fit_points_line(run.lesson.points, run.lesson.y)
    )
    together = _together(run)
    now = run.material.now_microseconds
    return {
        "leadml": version("leadml"),
        "libraries": {name: version(name) for name in ("scikit-learn", "numpy", "treelite")},
        "trained_at": datetime.now(UTC).isoformat(timespec="seconds"),
        "agreement_hash": agreement.hash(),
        "data_window": {
            "from": iso(int(as_of.min())),
            "to": iso(int(as_of.max())),
            "as_of": None if now is None else iso(now),
        },
        "leads": len(run.lesson.y),
        "won": int(run.lesson.y.sum()),
        "outcomes": run.outcomes.to_dict(),
        "eventually": None if run.eventually is None else run.eventually.summary(),
        "accounts": run.accounts,
        "value": None if run.worth is None else run.worth.value.summary(),
        "repeated_share": repeated_share(run),
        "columns": [str(column) for column in run.material.leads.frame.columns],
        "history": _history(run.material),
        "quarantined": list(run.audit.quarantined),
        "suspect": list(run.audit.suspect),
        "chosen": run.selection.chosen,
        "monotonic": run.settings.model.monotonic,
        "form": run.settings.model.form,
        "settings": {name: dict(own) for name, own in run.selection.settings.items()},
        "additive": run.machine.additive,
        "out_of_time": {"log_loss": chosen.log_loss, "auc": chosen.auc},
        "calibration": {"slope": run.machine.slope, "intercept": run.machine.intercept},
        "level": run.level,
        **run.adaptation.to_dict(),
        "threshold": run.threshold.to_dict(),
        "people": run.people,
        "exploration": run.exploration,
        "bands": {band: share * agreement.close_rate for band, share in BAND_SHARES.items()},
        "points_calibration": points_line.to_dict() if points_line else None,
        "together": together.to_dict() if together else None,
        "seed": seed,
    }


def _together(run: Run) -> Together | None:
    """Weigh model and points against each other on the out-of-time predictions."""
    if run.lesson.points is None:
        return None
    rows = run.selection.rows
    return fit_together(run.selection.forward[rows], run.lesson.points[rows], run.lesson.y[rows])


def _history(material: Material) -> dict[str, Any] | None:
    rollback = material.rollback
    if rollback is None:
        return None
    return {"fields": sorted(rollback.columns), "changes": rollback.changes}


def repeated_share(run: Run) -> float | None:
    """Return the share of learnt leads whose content another one has too; None with ids.

    Without ids a lead is known by its content alone: this share of new leads looks learnt from by
    chance.
    """
    if run.material.leads.mapping.id is not None:
        return None
    names = run.material.leads.lead_id[run.lesson.rows]
    contents = np.array([str(name).rpartition("-")[0] for name in names])
    _, which, counts = np.unique(contents, return_inverse=True, return_counts=True)
    return float((counts[which] > 1).mean())
