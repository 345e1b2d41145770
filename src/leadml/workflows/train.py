"""`leadml train`: learn from matured leads, choose, calibrate, seal, register."""

from collections.abc import Callable
from dataclasses import asdict, dataclass, replace
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from leadml.data.checks import check_leads
from leadml.domain.finding import ExcludedColumn, ExcludedRows, Finding
from leadml.errors import TooFewOutcomes
from leadml.evaluation.threshold import Threshold
from leadml.model.calibration import draw_in, share_kept
from leadml.model.candidates import Fitted
from leadml.model.eventually import Eventually
from leadml.model.prequential import prequential
from leadml.model.scorecard import Machine
from leadml.model.selection import Selection, compete, finished, fit, to_rows
from leadml.settings import Settings, load_settings
from leadml.snapshot.labels import Judged
from leadml.workflows.accounts import accounts_of_run
from leadml.workflows.adaptation import Adaptation, adapt, slope_findings
from leadml.workflows.audit import audited, without
from leadml.workflows.colleagues import earned
from leadml.workflows.late import eventually_of
from leadml.workflows.learning import Learning, learning_of, refuse_unweighable
from leadml.workflows.lesson import (
    FEWEST_OF_EACH,
    Lesson,
    check_points,
    constrained,
    folds_of,
    lesson_of,
)
from leadml.workflows.material import Material, gather, raise_errors
from leadml.workflows.outcomes import Outcomes
from leadml.workflows.people import own_cuts, people_in
from leadml.workflows.promise import promise_pool, refuse_uncountable, threshold_in
from leadml.workflows.registry import refuse_foreign
from leadml.workflows.run import Run
from leadml.workflows.sealing import seal, write_training_page
from leadml.workflows.value import worth_of

if TYPE_CHECKING:
    from leadml.workflows.material import Source

Progress = Callable[[str, float], None]

MOST_TO_CHOOSE = 300_000
"""Most leads the candidates compete on, evenly spaced in time; the winner is refitted on all."""


@dataclass(frozen=True)
class Training:
    """What a training run found and registered.

    Attributes
    ----------
    version, alias : str
        The registered version and the alias it holds.
    why : str
        Why it holds that alias.
    bundle : Path
    candidates : list of dict
        ``{"name", "log_loss", "auc", "seconds"}``, simplest first.
    chosen : str
    additive_cost : dict or None
        With ``form = "additive"``, what that costs: ``{"candidate", "log_loss", "difference",
        "error"}``, the candidate being who would have been chosen among all; else None.
    excluded : tuple of ExcludedColumn
    excluded_rows : tuple of ExcludedRows
    threshold : Threshold
    leads, won : int
        Matured leads learnt from; `outcomes` has those resolved early.
    outcomes : Outcomes
        What became of the hand-offs, the never followed up among them.
    eventually : Eventually or None
        The longest horizon the data can show, and how wins after the agreed one are told.
    value : dict
        How expected margins are told, and from how many won leads; as the manifest says it.
    accounts : dict or None
        How an account's probability follows from its leads' and holds by size; None unmapped.
    level : dict
        The rule of the level that won the rehearsal: ``chosen``, ``candidates`` with their gains,
        ``lag_days``, ``shift``, ``trend``, ``slope``, ``slope_fell_back``.
    half_life_days : float or None
        Days in which a lead's weight halves; None where all count alike.
    exploration : dict or None
        How leads handed off at random were weighed; None where that is not recorded.
    people : dict or None
        What each representative makes of the leads it gets; None where no owner is mapped.
    looks_at : dict
        What the model looks at: ``kind`` and ``features``, see `leadml.model.peers`.
    findings : tuple of Finding
    cannot_tell : tuple of dict
        What the data cannot tell: ``{"topic", "text", "remedy"}``, the weightiest first.
    """

    version: str
    alias: str
    why: str
    bundle: Path
    candidates: list[dict[str, Any]]
    chosen: str
    additive_cost: dict[str, Any] | None
    excluded: tuple[ExcludedColumn, ...]
    excluded_rows: tuple[ExcludedRows, ...]
    threshold: Threshold
    leads: int
    won: int
    outcomes: Outcomes
    eventually: Eventually | None
    value: dict[str, Any]
    accounts: dict[str, Any] | None
    level: dict[str, Any]
    half_life_days: float | None
    exploration: dict[str, Any] | None
    people: dict[str, Any] | None
    looks_at: dict[str, Any]
    findings: tuple[Finding, ...]
    cannot_tell: tuple[dict[str, str], ...]

    @property
    def page(self) -> Path:
        """The page of the run, beside the bundle."""
        return self.bundle / "training.html"

    def to_dict(self) -> dict[str, Any]:
        """Return the JSON-ready form."""
        return {
            "version": self.version,
            "alias": self.alias,
            "why": self.why,
            "bundle": str(self.bundle),
            "leads": self.leads,
            "won": self.won,
            "outcomes": self.outcomes.to_dict(),
            "eventually": None if self.eventually is None else self.eventually.summary(),
            "value": self.value,
            "accounts": self.accounts,
            "level": self.level,
            "half_life_days": self.half_life_days,
            "exploration": self.exploration,
            "people": self.people,
            "candidates": self.candidates,
            "chosen": self.chosen,
            "additive_cost": self.additive_cost,
            "excluded": [vars(item) for item in self.excluded],
            "excluded_rows": [vars(item) for item in self.excluded_rows],
            "threshold": self.threshold.to_dict(),
            "looks_at": self.looks_at,
            "findings": [finding.to_dict() for finding in self.findings],
            "cannot_tell": list(self.cannot_tell),
            "page": str(self.page),
        }


def train(
    leads: "Source",
    *,
    activities: "Source | None" = None,
    history: "Source | None" = None,
    config: Path | str | Settings | None = None,
    table: str | None = None,
    as_of: str | datetime | None = None,
    seed: int = 0,
    progress: Progress = lambda _step, _share: None,
) -> Training:
    """Train on the matured leads of an export and register the version.

    Parameters
    ----------
    leads : str, Path or pandas.DataFrame
        Export with outcomes; a SQL URL needs `table`.
    activities : str, Path or pandas.DataFrame, optional
        Timestamped touches.
    history : str, Path or pandas.DataFrame, optional
        Changes of attributes: columns are used as they stood when their lead was judged.
    config : path or Settings, optional
        Default ``./leadml.toml``.
    as_of : str or datetime, optional
        What counts as now; default the latest mapped time.
    seed : int
        Everything random follows from it.
    progress : callable
        Told what is being done and the share done.

    Raises
    ------
    LeadmlError
        If the export cannot be used, holds too few outcomes, or MLflow refuses.
    """
    settings = load_settings(config)
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
        to_learn=True,
    )
    check_points(material.leads, settings)
    findings = check_leads(
        material.leads, material.activities, history=material.history, now=material.now
    )
    raise_errors(findings, material.leads.source)
    judged = material.judge(settings)
    _refuse(material, judged, settings)
    refuse_foreign(settings)
    run = learn(material, judged, settings, seed, progress)
    lesson, selection = run.lesson, run.selection
    slope = slope_findings(selection.calibration, len(selection.rows))
    findings += [*judged.notes, *run.folds.notes, *run.learning.notes]
    findings += [*run.audit.findings, *slope]
    progress("registering", 0.85)
    sealed = seal(run, findings, seed)
    training = Training(
        version=sealed.version,
        alias=sealed.alias,
        why=sealed.why,
        bundle=sealed.bundle,
        candidates=to_rows(selection.candidates),
        chosen=selection.chosen,
        additive_cost=None if selection.cost is None else asdict(selection.cost),
        excluded=lesson.catalogue.excluded,
        excluded_rows=tuple(judged.excluded_rows()),
        threshold=run.threshold,
        leads=len(lesson.y),
        won=int(lesson.y.sum()),
        outcomes=run.outcomes,
        eventually=run.eventually,
        value=sealed.manifest["value"],
        accounts=sealed.manifest["accounts"],
        level=run.level,
        half_life_days=run.adaptation.half_life_days,
        exploration=run.exploration,
        people=run.people,
        looks_at=run.looks_at,
        findings=tuple(findings),
        cannot_tell=tuple(sealed.manifest["cannot_tell"]),
    )
    write_training_page(run, sealed, training.to_dict())
    progress("done", 1.0)
    return training


def learn(
    material: Material, judged: Judged, settings: Settings, seed: int, progress: Progress
) -> Run:
    """Audit, choose, calibrate and fit."""
    progress("computing features", 0.1)
    lesson = lesson_of(material, judged, settings)
    folds = folds_of(lesson, material, judged, settings, seed)
    audit = audited(material, judged, lesson, folds, settings.definition.points, seed=seed)
    lesson, unearned = earned(without(lesson, audit), folds)
    progress("rehearsing the past", 0.15)
    adaptation = adapt(lesson, folds, material, judged, settings)
    lesson = adaptation.of(lesson)
    learning = adaptation.weigh(learning_of(lesson, folds, material, judged, settings))
    lesson, notes = constrained(lesson, settings)
    learning = replace(learning, notes=(*learning.notes, *notes, *unearned))
    additive = settings.model.form == "additive"
    selection, said = _compete(
        lesson,
        learning,
        adaptation,
        seed,
        lambda s, n: progress(s, 0.2 + 0.5 * n),
        additive=additive,
    )
    progress(f"fitting {selection.chosen} on all leads", 0.75)
    fitted = _fit(selection, lesson, learning, seed, newest_last=judged.dated)
    machine = adaptation.level.on(_finished(fitted, lesson, learning, selection))
    eventually = eventually_of(
        lesson,
        machine,
        material,
        judged,
        horizon_days=settings.definition.agreement.horizon_days,
        seed=seed,
    )
    worth = worth_of(lesson, folds, material, judged, settings, machine)
    pool = promise_pool(said, learning.folds, lesson, machine, material, judged, settings, worth)
    threshold = threshold_in(pool, judged, settings)
    people = _people(lesson, selection, material, settings, threshold)
    own = own_cuts(threshold, people)
    return Run(
        settings=settings,
        material=material,
        judged=judged,
        lesson=lesson,
        learning=learning,
        folds=folds,
        selection=selection,
        fitted=fitted,
        machine=machine,
        threshold=threshold_in(pool, judged, settings, own) if own else threshold,
        people=people,
        audit=audit,
        eventually=eventually,
        worth=worth,
        accounts=accounts_of_run(
            lesson, selection, folds, material, settings.definition.agreement.confidence
        ),
        adaptation=adaptation,
    )


def _refuse(material: Material, judged: Judged, settings: Settings) -> None:
    """Refuse what cannot be learnt from: too few outcomes, or without the times it needs."""
    refuse_unweighable(material, judged, settings)
    refuse_uncountable(judged, settings)
    won = int((judged.label == 1).sum())
    lost = int((judged.label == 0).sum())
    if min(won, lost) >= FEWEST_OF_EACH:
        return
    reasons = "; ".join(f"{r.count} {r.reason}" for r in judged.excluded_rows())
    horizon = settings.definition.agreement.horizon_days
    left_out = f" Left out: {reasons}." if reasons else ""
    msg = (
        f"too few outcomes to learn from: {won} sales-ready and {lost} not, of {len(judged.label)} "
        f"leads; at least {FEWEST_OF_EACH} of each are needed within the horizon of {horizon:g} "
        f"days.{left_out} Add older leads, or check won, lost and horizon_days in leadml.toml"
    )
    raise TooFewOutcomes(msg)


def _compete(
    lesson: Lesson,
    learning: Learning,
    adaptation: Adaptation,
    seed: int,
    progress: Progress,
    *,
    additive: bool,
) -> tuple[Selection, NDArray[np.float64]]:
    """Return the competition's outcome, and what was said of each lead before its outcome."""
    step = -(-len(learning.y) // MOST_TO_CHOOSE)
    folds, weights = learning.folds, learning.weights
    if step > 1:
        folds = replace(folds, pairs=tuple((a[::step], b[::step]) for a, b in folds))
        weights = tuple(None if weight is None else weight[::step] for weight in weights)
    level = adaptation.forward(folds)
    selection = compete(
        learning.x,
        learning.y,
        categorical=lesson.categorical,
        folds=folds,
        seed=seed,
        weights=weights,
        level=level,
        monotone=lesson.monotone,
        additive=additive,
        progress=progress,
    )
    said = prequential(selection.tries, learning.y, folds, level=level).log_odds[: len(lesson.y)]
    return replace(learning.of_lesson(selection), tries={}), said


def _fit(
    selection: Selection, lesson: Lesson, learning: Learning, seed: int, *, newest_last: bool
) -> Fitted:
    order = learning.oldest_first
    return fit(
        selection.chosen,
        learning.x[order],
        learning.y[order],
        categorical=lesson.categorical,
        newest_last=newest_last,
        seed=seed,
        settings=selection.settings,
        monotone=lesson.monotone,
        weight=None if learning.weight is None else learning.weight[order],
    )


def _finished(fitted: Fitted, lesson: Lesson, learning: Learning, selection: Selection) -> Machine:
    """Calibrate, and draw the probabilities towards their mean where outcomes are few."""
    line, won = selection.calibration, int(learning.y.sum())
    share = share_kept(won, len(learning.y) - won)
    if share < 1:
        step = -(-len(lesson.x) // MOST_TO_CHOOSE)
        line = draw_in(line, fitted.machine.raw_log_odds(lesson.x[::step]), share)
    return finished(fitted.machine, lesson.x, line)


def _people(
    lesson: Lesson,
    selection: Selection,
    material: Material,
    settings: Settings,
    threshold: Threshold,
) -> dict[str, Any] | None:
    rows = selection.rows
    return people_in(
        material,
        lesson.rows[rows],
        selection.forward[rows],
        lesson.y[rows] == 1,
        definition=settings.definition,
        columns=lesson.catalogue.features.columns,
        threshold=threshold,
    )
