"""Sealing a training run: its bundle, its registered version and its page."""

import tempfile
from collections.abc import Mapping
from dataclasses import dataclass
from importlib.metadata import version
from pathlib import Path
from typing import Any

import joblib

from leadml.domain.finding import Finding
from leadml.model.bundle import install_bundle, write_bundle
from leadml.pages.html import write_pages
from leadml.pages.training_page import training_page
from leadml.workflows.challenge import decide_alias
from leadml.workflows.facts import facts_of
from leadml.workflows.limits import limits_of
from leadml.workflows.models import give_alias
from leadml.workflows.profit import profit_of_run
from leadml.workflows.registry import OutOfTime, measure, record_version
from leadml.workflows.run import Run, manifest_of, reference_for

PAGE = "training"


@dataclass(frozen=True)
class Sealed:
    """A registered version.

    Attributes
    ----------
    version, alias, why : str
    bundle : Path
    manifest : mapping
        What the bundle says of it, besides the seals.
    measured : OutOfTime
        How its out-of-time predictions did.
    """

    version: str
    alias: str
    why: str
    bundle: Path
    manifest: Mapping[str, Any]
    measured: OutOfTime


def seal(run: Run, findings: list[Finding], seed: int) -> Sealed:
    """Write the run's bundle, register it and give it its alias."""
    models = run.settings.models
    models.mkdir(parents=True, exist_ok=True)
    alias, why = decide_alias(run)
    manifest = manifest_of(run, seed)
    limits = limits_of(facts_of(run, manifest))
    manifest |= {"cannot_tell": [limit.to_dict() for limit in limits]}
    measured = measure(run)
    with tempfile.TemporaryDirectory(dir=models, prefix=".making-") as made:
        folder = Path(made) / "bundle"
        folder.mkdir()
        _write(run, manifest, folder)
        number = record_version(run, findings, folder, seed, measured)
        bundle = install_bundle(folder, models, number)
        joblib.dump(dict(run.fitted.estimators), bundle / "pipeline.joblib")
    give_alias(run.settings, alias, number)
    return Sealed(number, alias, why, bundle, manifest, measured)


def _write(run: Run, manifest: Mapping[str, Any], folder: Path) -> None:
    write_bundle(
        folder,
        manifest=dict(manifest),
        definition=run.settings.definition,
        features=run.lesson.catalogue.features,
        machine=run.machine,
        trained_on=run.material.leads.lead_id[run.learning.cohort],
        reference=reference_for(run),
        eventually=run.eventually,
        peers=run.peers,
        value=None if run.worth is None else run.worth.value,
    )


def write_training_page(run: Run, sealed: Sealed, training: Mapping[str, Any]) -> Path:
    """Write ``training.html`` and ``training.json`` beside the bundle's files.

    Parameters
    ----------
    training : mapping
        `Training.to_dict`.
    """
    agreement = run.settings.definition.agreement
    kept = ("data_window", "outcomes", "level", "half_life_days", "eventually", "value", "history")
    payload = {
        **training,
        **{key: sealed.manifest.get(key) for key in kept},
        "leadml": version("leadml"),
        "close_rate": training["won"] / training["leads"],
        "source": run.material.leads.source,
        "as_of": sealed.manifest["data_window"]["as_of"],
        "agreement": agreement.to_dict() | {"hash": agreement.hash()},
        "horizon_days": agreement.horizon_days,
        "features": run.lesson.catalogue.features.names,
        "out_of_time_leads": len(run.selection.rows),
        "reliability": sealed.measured.reliability,
        "gains": sealed.measured.gains,
        "profit": profit_of_run(run),
    }
    page, _ = write_pages(
        sealed.bundle, PAGE, payload, training_page(payload, sealed.measured.charts)
    )
    return page
