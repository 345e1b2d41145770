"""`leadml evaluate`: model and points on labelled leads, held against the agreement."""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from leadml import __version__
from leadml.data.history_checks import history_findings
from leadml.domain.finding import ExcludedRows, Finding
from leadml.errors import TooFewOutcomes
from leadml.evaluation.answers import ModelAnswers, PointsAnswers, Promise
from leadml.evaluation.assessment import assess
from leadml.evaluation.challenge import account_numbers
from leadml.pages.evaluation_page import evaluation_page
from leadml.pages.html import write_pages
from leadml.settings import Settings, load_settings
from leadml.snapshot.labels import Judged
from leadml.workflows.accounts import accounts_evaluated
from leadml.workflows.circumstances import (
    circumstances_of,
    exploration_of,
    exploration_told,
)
from leadml.workflows.material import Material, batch_of, gather
from leadml.workflows.new_leads import LEARNT_FROM, NOT_SCORED, learnt_from
from leadml.workflows.people import people_in
from leadml.workflows.profit import NO_MONEY, no_profit
from leadml.workflows.profit import told as profit_told
from leadml.workflows.score import Scorer, Scores, iso, load_scorer
from leadml.workflows.value import brought_in, money_of

if TYPE_CHECKING:
    from leadml.workflows.material import Source

FOLDER = "evaluation"
SMALLEST = 1e-12
"""Probability below which a lead is as good as lost."""
FEWEST = 20
"""Fewest labelled leads that are evaluated."""

Progress = Callable[[str, float], None]


@dataclass(frozen=True)
class Evaluation:
    """The evaluation's values, and where they were written.

    Attributes
    ----------
    values : dict
        What evaluation.json holds.
    page, data : Path
        The page and the JSON file.
    """

    values: dict[str, Any]
    page: Path
    data: Path

    def to_dict(self) -> dict[str, Any]:
        """Return the JSON-ready form."""
        return self.values


def evaluate(
    leads: "Source",
    *,
    activities: "Source | None" = None,
    history: "Source | None" = None,
    config: Path | str | Settings | None = None,
    model: str = "champion",
    output: Path | str | None = None,
    as_of: str | datetime | None = None,
    table: str | None = None,
    seed: int = 0,
    progress: Progress = lambda _step, _share: None,
) -> Evaluation:
    """Measure a model and the points on labelled leads, and judge both by the agreement.

    Leads that the model learnt from and leads without an outcome under the agreement are left
    out and counted.

    Parameters
    ----------
    leads, activities, history : str, Path or pandas.DataFrame
        Export with outcomes, normally newer than the training data, its activities and the changes
        of its attributes; a SQL URL needs `table`.
    config : path or Settings, optional
        Default ``./leadml.toml``; its agreement judges.
    model : str
        ``champion``, ``challenger`` or a version number.
    output : path, optional
        Folder for evaluation.json and evaluation.html; default ``evaluation/`` beside the
        configuration.
    as_of : str or datetime, optional
        What counts as now; default the latest mapped time.
    seed : int
        Of the resamples.
    progress : callable
        Told what is being done and the share done.

    Raises
    ------
    LeadmlError
        If there is no such model, the export cannot be used, or too few leads have an outcome.
    """
    settings = load_settings(config)
    scorer = load_scorer(model, config=settings)
    progress("reading", 0.0)
    material = gather(
        leads,
        definition=settings.definition,
        root=settings.root,
        activities=activities,
        history=history,
        table=table,
        as_of=as_of,
        labelled=True,
    )
    judged = material.judge(settings)
    progress("scoring", 0.2)
    sample = _sample(material, judged, scorer)
    values = _values(sample, settings, seed, lambda d, n: progress("resampling", 0.3 + 0.6 * d / n))
    progress("drawing", 0.95)
    folder = Path(output) if output is not None else settings.root / FOLDER
    page, data = write_pages(folder, "evaluation", values, evaluation_page(values))
    progress("done", 1.0)
    return Evaluation(values, page, data)


@dataclass(frozen=True)
class _Sample:
    """The leads that are measured: positions in the export, and what was said of each."""

    material: Material
    judged: Judged
    scorer: Scorer
    rows: NDArray[np.intp]
    scores: Scores
    kept: NDArray[np.intp]
    excluded: tuple[ExcludedRows, ...]

    @property
    def won(self) -> NDArray[np.bool_]:
        return np.asarray(self.judged.label[self.rows] == 1)


def _sample(material: Material, judged: Judged, scorer: Scorer) -> _Sample:
    labelled = np.flatnonzero(judged.label >= 0)
    learnt = learnt_from(material.leads.lead_id[labelled].tolist(), scorer)
    rows = labelled[~learnt]
    excluded = judged.excluded_rows()
    if learnt.any():
        reason = "learnt from when the model was trained"
        excluded.append(ExcludedRows(LEARNT_FROM, int(learnt.sum()), reason))
    _refuse_too_few(len(rows), excluded, material)
    moments = judged.as_of[rows].astype("datetime64[us]").view("i8")
    scores = scorer.score_batch(batch_of(material, rows, moments), explain=False)
    kept = np.setdiff1d(np.arange(len(rows)), list(scores.errors))
    if scores.errors:
        column, why = next(iter(scores.errors.values()))[0]
        reason = f"cannot be scored, e.g. {column}: {why}"
        excluded.append(ExcludedRows(NOT_SCORED, len(scores.errors), reason))
        _refuse_too_few(len(kept), excluded, material)
    return _Sample(material, judged, scorer, rows[kept], scores, kept, tuple(excluded))


def _refuse_too_few(leads: int, excluded: list[ExcludedRows], material: Material) -> None:
    if leads >= FEWEST:
        return
    reasons = "; ".join(f"{row.count}: {row.reason}" for row in excluded)
    left_out = f" Left out: {reasons}." if reasons else ""
    msg = (
        f"too few leads to evaluate in {material.leads.source}: {leads} of {len(material.leads)} "
        f"have an outcome under the agreement and are new to the model; at least {FEWEST} "
        f"are needed.{left_out} Give an export with newer matured leads"
    )
    raise TooFewOutcomes(msg)


def _values(
    sample: _Sample, settings: Settings, seed: int, progress: Callable[[int, int], None]
) -> dict[str, Any]:
    agreement, material = settings.definition.agreement, sample.material
    accounts = material.leads.texts("account")
    points, no_points = _points_answers(sample)
    assessed = assess(
        sample.won,
        _model_answers(sample),
        points,
        Promise(agreement.close_rate, agreement.confidence),
        accounts=None if accounts is None else account_numbers(accounts[sample.rows]),
        seed=seed,
        progress=progress,
        no_points=no_points,
        circumstances=circumstances_of(
            material, sample.judged, sample.scorer, sample.rows, settings.definition
        ),
    )
    now, manifest = material.now, sample.scorer.manifest
    changed = manifest["agreement_hash"] != agreement.hash()
    return {
        "leads": len(sample.rows),
        "won": int(sample.won.sum()),
        "close_rate": float(sample.won.mean()),
        "agreement": agreement.to_dict() | {"hash": agreement.hash()},
        "agreement_changed": changed,
        "model": {
            "version": sample.scorer.version,
            "basis": sample.scorer.basis,
            "chosen": manifest["chosen"],
            "data_window": dict(manifest["data_window"]),
            "cannot_tell": list(manifest.get("cannot_tell", ())),
        },
        **assessed,
        "profit": _profit(sample, settings),
        "exploration": _exploration(sample),
        "people": _people(sample, settings),
        "accounts": _accounts(sample, agreement.confidence),
        "excluded_rows": [vars(row) for row in sample.excluded],
        "notes": [note.to_dict() for note in _notes(sample, settings, changed=changed)],
        "as_of": None if now is None else iso(int(now.astype("datetime64[us]").view("i8"))),
        "by_account": accounts is not None,
        "buckets_agreed": bool(sample.scorer.definition.points.buckets),
        "margin_checked": material.leads.margin is not None and agreement.min_margin > 0,
        "leadml": __version__,
    }


def _accounts(sample: _Sample, confidence: float) -> dict[str, Any] | None:
    """Hold accounts' probabilities against their outcomes; None where none are mapped."""
    accounts = sample.material.accounts
    if accounts is None:
        return None
    return accounts_evaluated(
        sample.scores.log_odds[sample.kept],
        sample.won,
        accounts.of[sample.rows],
        sample.scorer.manifest.get("accounts"),
        confidence,
    )


def _profit(sample: _Sample, settings: Settings) -> dict[str, Any]:
    """Say what working these leads in the order of the model, and of the points, brought in."""
    scores, kept, value = sample.scores, sample.kept, sample.scorer.bundle.value
    if value is None or scores.margins is None:
        return no_profit(NO_MONEY)
    agreement = settings.definition.agreement
    money = money_of(sample.material, sample.judged, agreement, sample.rows)
    expected, p = scores.margins.take(kept), scores.probability[kept]
    given_win = expected.value / np.maximum(p, SMALLEST) / value.unknown.factor
    return profit_told(
        expected,
        brought_in(money, given_win),
        money,
        cost=settings.definition.handoff.cost,
        handed_off=scores.sales_ready[kept],
        points=None if scores.points is None else scores.points[kept],
    )


def _exploration(sample: _Sample) -> dict[str, Any] | None:
    weights = exploration_of(sample.material, sample.rows)
    return None if weights is None else exploration_told(weights, sample.won)


def _people(sample: _Sample, settings: Settings) -> dict[str, Any] | None:
    return people_in(
        sample.material,
        sample.rows,
        sample.scores.log_odds[sample.kept],
        sample.won,
        definition=settings.definition,
        columns=sample.scorer.bundle.features.columns,
    )


def _model_answers(sample: _Sample) -> ModelAnswers:
    scores, kept = sample.scores, sample.kept
    threshold = sample.scorer.manifest["threshold"]["probability"]
    return ModelAnswers(
        probability=scores.probability[kept],
        sales_ready=scores.sales_ready[kept],
        band=scores.band[kept].astype(object),
        threshold=None if sample.scorer.basis in {"points", "none"} else threshold,
    )


def _points_answers(sample: _Sample) -> tuple[PointsAnswers | None, str]:
    scores, table = sample.scores, sample.scorer.definition.points
    if scores.points is None or scores.points_ready is None:
        return None, "there is no points score: no rules and no points column in leadml.toml"
    line = sample.scorer.manifest["points_calibration"]
    names = sorted(table.buckets, key=lambda name: -table.buckets[name])
    answers = PointsAnswers(
        points=scores.points[sample.kept],
        ready=scores.points_ready[sample.kept],
        threshold=table.threshold,
        bucket=np.array(scores.buckets, object)[sample.kept] if names else None,
        buckets=names,
        calibration=None if line is None else (line["intercept"], line["slope"]),
        no_calibration="the training leads had too few points or outcomes to turn points into "
        "probabilities",
    )
    return answers, ""


def _notes(sample: _Sample, settings: Settings, *, changed: bool) -> list[Finding]:
    leads, scorer = len(sample.rows), sample.scorer
    notes = [*sample.material.leads.findings, *sample.judged.notes]
    if sample.material.history is not None:
        notes += history_findings(sample.material.leads, sample.material.history)
    if changed:
        text = (
            "the agreement has changed since the model was trained: leads are judged by the "
            "present one; train again so that model and threshold follow it"
        )
        notes.append(Finding("EVAL001", "warning", None, leads, text))
    if scorer.definition.points != settings.definition.points:
        text = (
            "the points table has changed since the model was trained: leads get the points of "
            "then; train again to compare the present ones"
        )
        notes.append(Finding("EVAL002", "warning", None, leads, text))
    if scorer.bundle.features.reads_activities and sample.material.activities is None:
        text = (
            "the model reads activities and none were given, so they count as unknown: name the "
            "file with --activities for a fair comparison"
        )
        notes.append(Finding("EVAL003", "warning", None, leads, text))
    if scorer.manifest.get("history") and sample.material.history is None:
        text = (
            "the model learnt attributes as they stood when leads were judged and no history was "
            "given, so they are read as they are today: name the file with --history for a fair "
            "comparison"
        )
        notes.append(Finding("EVAL004", "warning", None, leads, text))
    if scorer.manifest["chosen"] == "base_rate":
        text = (
            "the model gives every lead the same probability, for nothing in the training leads "
            "told the won from the others: it cannot say which leads to hand off; train again "
            "with columns or activities that say more, or with more outcomes"
        )
        notes.append(Finding("EVAL005", "warning", None, leads, text))
    return notes
