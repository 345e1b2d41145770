"""The version that a recalibration makes: the same model behind another line."""

import shutil
import tempfile
from collections.abc import Mapping
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import numpy as np

from leadml import tracking
from leadml.evaluation.threshold import Threshold
from leadml.model.bundle import install_bundle, write_bundle
from leadml.model.calibration import Calibration
from leadml.model.recalibration import Refresh
from leadml.model.reference import Reference
from leadml.model.scorecard import Machine, probability
from leadml.settings import Settings
from leadml.snapshot.exploration import explored_in
from leadml.workflows.new_leads import NewLeads
from leadml.workflows.people import carried
from leadml.workflows.promise import Asking, in_words, pool_of_new, threshold_in
from leadml.workflows.registry import read_when_scoring
from leadml.workflows.score import iso

FEWEST_LEADS = 300
FEWEST_WINS = 40
"""New leads and wins from which a new cut is read; with fewer the cut's probability is kept."""
PIPELINE = "pipeline.joblib"


def threshold_of(new: NewLeads, found: Refresh, settings: Settings) -> Threshold:
    """Choose the hand-off threshold of the new version.

    With enough new leads by the agreement's group rule on them: the model has not learnt from
    them, and a line keeps their order. With fewer the cut stays at the same *probability*: mapped
    through the line it would hand off the very same leads, however their chances have changed.
    It is then estimated, whatever it was.
    """
    p = probability(found.line.apply(new.scores.log_odds[new.scored]))
    pool, bundle = pool_of_new(new, p), new.scorer.bundle
    explored = explored_in(new.material.leads)[new.rows[new.scored]]
    pool = pool.take(np.flatnonzero(~explored))
    if len(pool) >= FEWEST_LEADS and int(pool.y.sum()) >= FEWEST_WINS:
        machine = on_top(bundle.machine, found.line)
        asking = Asking(bundle.features, machine, new.material, new.judged, settings, bundle.value)
        before = new.scorer.manifest["threshold"]
        pool = asking.completed(pool)
        fresh = threshold_in(pool, new.judged, settings)
        own = carried(fresh, before, settings.definition.handoff)
        return threshold_in(pool, new.judged, settings, own) if own else fresh
    kept = Threshold(**new.scorer.manifest["threshold"])
    if kept.basis != "guaranteed":
        return kept
    why = "the cut was kept, and the probabilities have moved since it was tested"
    kept = replace(
        kept, basis="estimated", more_outcomes=None, why=kept.why | {"more_outcomes": why}
    )
    return in_words(kept, settings.definition) if kept.told else kept


def register(
    new: NewLeads,
    found: Refresh,
    threshold: Threshold,
    check: Mapping[str, Any],
    settings: Settings,
) -> tuple[str, Path]:
    """Seal the new version, record it in MLflow, install it; return its number and folder."""
    settings.models.mkdir(parents=True, exist_ok=True)
    manifest = _manifest(new, found, threshold, check)
    with tempfile.TemporaryDirectory(dir=settings.models, prefix=".making-") as made:
        folder = Path(made) / "bundle"
        folder.mkdir()
        _write(folder, new, found, manifest, settings)
        version = _record(new, found, manifest, folder, settings)
        bundle = install_bundle(folder, settings.models, version)
    pipeline = new.scorer.bundle.path / PIPELINE
    if pipeline.exists():
        shutil.copyfile(pipeline, bundle / PIPELINE)
    return version, bundle


def on_top(machine: Machine, line: Calibration) -> Machine:
    """Put a line on top of a machine's own: reasons are scaled by its slope and still sum."""
    return replace(
        machine,
        slope=line.slope * machine.slope,
        intercept=line.slope * machine.intercept + line.intercept,
        trend=machine.trend and replace(machine.trend, rate=line.slope * machine.trend.rate),
    )


def _write(
    folder: Path, new: NewLeads, found: Refresh, manifest: Mapping[str, Any], settings: Settings
) -> None:
    bundle = new.scorer.bundle
    write_bundle(
        folder,
        manifest=manifest,
        definition=replace(bundle.definition, handoff=settings.definition.handoff),
        features=bundle.features,
        machine=on_top(bundle.machine, found.line),
        trained_on=new.material.leads.lead_id[new.rows[new.scored]],
        trained_before=bundle.trained_hashes,
        reference=_moved(bundle.reference, found.line),
        eventually=bundle.eventually
        and bundle.eventually.behind(found.line.slope, found.line.intercept),
        peers=bundle.peers and bundle.peers.scaled(found.line.slope),
        value=bundle.value,
    )


def _moved(reference: Reference | None, line: Calibration) -> Reference | None:
    """Return the reference with its scores as the new line gives them."""
    if reference is None:
        return None
    cuts = line.apply(np.array(reference.scores.cuts))
    return replace(reference, scores=replace(reference.scores, cuts=tuple(cuts.tolist())))


def _manifest(
    new: NewLeads, found: Refresh, threshold: Threshold, check: Mapping[str, Any]
) -> dict[str, Any]:
    old = new.scorer.manifest
    kept = {key: value for key, value in old.items() if key not in ("format", "files", "seal")}
    machine = on_top(new.scorer.bundle.machine, found.line)
    as_of = new.as_of[new.scored]
    recalibrated = {
        "from": new.scorer.version,
        "at": datetime.now(UTC).isoformat(timespec="seconds"),
        "data_window": {"from": iso(int(as_of.min())), "to": iso(int(as_of.max()))},
        "leads": len(as_of),
        "won": int(new.judged.label[new.rows[new.scored]].sum()),
        "line": found.line.to_dict(),
        "check": dict(check),
    }
    return kept | {
        "calibration": {"slope": machine.slope, "intercept": machine.intercept},
        "threshold": threshold.to_dict(),
        "recalibrated": recalibrated,
        "together": _refreshed(old.get("together"), found.line),
    }


def _refreshed(together: Mapping[str, float] | None, line: Calibration) -> dict[str, float] | None:
    """Put the new line on model and points together, as it is put on the model.

    ``line(i + m * old + p * points)`` in the new log-odds ``line(old)``.
    """
    if together is None:
        return None
    moved = line.slope * together["intercept"] + line.intercept * (1 - together["model"])
    return {**together, "intercept": moved, "points": line.slope * together["points"]}


def _record(
    new: NewLeads,
    found: Refresh,
    manifest: Mapping[str, Any],
    folder: Path,
    settings: Settings,
) -> str:
    definition, done = new.scorer.definition, manifest["recalibrated"]
    recorded = tracking.Recorded(
        params={"chosen": manifest.get("chosen"), "leads": done["leads"], "won": done["won"]},
        metrics={
            "shift": found.shift,
            "line_slope": found.line.slope,
            "line_intercept": found.line.intercept,
            "log_loss_present": done["check"]["present"],
            "log_loss_refreshed": done["check"]["refreshed"],
        },
        tags={
            "agreement_hash": manifest["agreement_hash"],
            "chosen": str(manifest.get("chosen")),
            "recalibrated_from": new.scorer.version,
        },
        documents={"recalibration.json": done, "definition.json": definition.to_dict()},
        charts={},
        bundle=folder,
        columns=read_when_scoring(manifest["columns"], definition.leads),
        served_by=Path(__file__).with_name("served_model.py"),
    )
    return tracking.record(settings.tracking_uri, recorded).version
