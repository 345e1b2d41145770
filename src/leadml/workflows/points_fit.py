"""`leadml points fit`: the points table that past outcomes support, beside today's."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from leadml.data.writing import write_text
from leadml.domain.finding import Finding
from leadml.domain.points_table import PointsTable
from leadml.errors import ConfigError, LeadmlError
from leadml.evaluation.points_verdict import RuleVerdict
from leadml.model.points import reached
from leadml.settings import Settings, load_settings
from leadml.snapshot.split import Folds, rolling_folds, stratified_folds
from leadml.workflows.firing import Fired, fired_on, points_under
from leadml.workflows.fitted_table import Plan, StageTable, same_volume
from leadml.workflows.lesson import lag_days
from leadml.workflows.points_check import PointsCheck, checked, rule_row
from leadml.workflows.points_rehearsal import (
    Rehearsed,
    comparison_of,
    keeps_close_rate,
    rehearse_tables,
)
from leadml.workflows.points_toml import points_section, with_points
from leadml.workflows.run import Run
from leadml.workflows.score import iso
from leadml.workflows.stages import Stages, file_words, stages_of
from leadml.workflows.train import learn

if TYPE_CHECKING:
    from leadml.workflows.material import Source

LEFT_OUT = "left out, as asked for"

Progress = Callable[[str, float], None]


@dataclass(frozen=True, kw_only=True)
class PointsFit:
    """A fitted table, and how it compares.

    Attributes
    ----------
    output : Path
        The configuration written.
    check : PointsCheck
        What the data say of today's table.
    old, new : PointsTable
    threshold : dict
        ``today`` and ``new`` with ``leads`` handed off and their ``close_rate``;
        ``same_close_rate`` with the points from which the new hand-offs close like today's.
    comparison : dict or None
        Both tables, and the model, on leads they were not fitted on; None with too few outcomes.
    no_comparison : str
        Why there is none.
    stages : tuple of (StageTable, Path)
        Of each buying stage, where asked for.
    no_model : str
        Why the model is not compared; empty where it is.
    findings : tuple of Finding
    """

    output: Path
    check: PointsCheck
    old: PointsTable
    new: PointsTable
    threshold: dict[str, Any]
    comparison: dict[str, Any] | None
    no_comparison: str
    stages: tuple[tuple[StageTable, Path], ...]
    no_model: str
    findings: tuple[Finding, ...]

    def to_dict(self) -> dict[str, Any]:
        """Return the JSON-ready form."""
        told = self.check.to_dict()
        rows = zip(self.check.rules, self.check.groups, self.new.rules, strict=True)
        return {
            **told,
            "output": str(self.output),
            "rules": [
                rule_row(verdict, group) | {"new": rule.points} for verdict, group, rule in rows
            ],
            "threshold": self.threshold,
            "caps": _both(self.old.caps, self.new.caps),
            "buckets": _both(self.old.buckets, self.new.buckets),
            "comparison": self.comparison,
            "no_comparison": self.no_comparison or None,
            "no_model": self.no_model or None,
            "stages": [_stage_row(stage, path) for stage, path in self.stages],
            "findings": [finding.to_dict() for finding in self.findings],
        }


def _both(old: dict[str, float], new: dict[str, float]) -> dict[str, dict[str, float]]:
    return {name: {"today": old[name], "new": value} for name, value in new.items()}


def _stage_row(stage: StageTable, path: Path) -> dict[str, Any]:
    return {
        "stage": stage.stage,
        "leads": stage.leads,
        "won": stage.won,
        "own_points": stage.own,
        "threshold": stage.table.threshold,
        "rules": {rule.name: rule.points for rule in stage.table.rules},
        "output": str(path),
    }


def fit_points(
    leads: "Source",
    *,
    output: Path | str,
    by: str | None = None,
    activities: "Source | None" = None,
    history: "Source | None" = None,
    config: Path | str | Settings | None = None,
    table: str | None = None,
    as_of: str | datetime | None = None,
    model: bool = True,
    force: bool = False,
    seed: int = 0,
    progress: Progress = lambda _step, _share: None,
) -> PointsFit:
    """Fit the points table to past outcomes and write it as a configuration.

    Parameters
    ----------
    leads, activities, history : str, Path or pandas.DataFrame
        Export with outcomes, its activities and the changes of its attributes; a SQL URL needs
        `table`.
    output : path
        The configuration to write: that of `config` with the points replaced.
    by : str, optional
        A column with the buying stage: a table of its own for each, in files named after them.
    config : path or Settings, optional
        Default ``./leadml.toml``.
    as_of : str or datetime, optional
        What counts as now; default the latest mapped time.
    model : bool
        Whether to train the model too, without registering it, and compare it on the same leads.
    force : bool
        Whether to write over files that are there.
    seed : int
        Everything random follows from it.
    progress : callable
        Told what is being done and the share done.

    Raises
    ------
    LeadmlError
        If there are no rules, the export cannot be used, it holds too few outcomes, or a file is
        there already.
    """
    settings = load_settings(config)
    target = Path(output)
    _refuse_overwriting([target], force=force)
    progress("reading", 0.0)
    fired = fired_on(
        leads,
        settings=settings,
        activities=activities,
        history=history,
        table=table,
        as_of=as_of,
    )
    stages = None if by is None else stages_of(fired, settings.definition, by)
    paths = _stage_paths(target, stages)
    _refuse_overwriting(paths, force=force)
    progress("fitting the rules", 0.05)
    check, evidence = checked(fired, settings, seed)
    if evidence is None:
        msg = (
            "no rule tells leads apart: each gives all of them the same, so there is nothing to fit"
        )
        raise ConfigError(msg)
    plan = Plan(settings.definition.points, fired.firing)
    new = plan.table_of(evidence.worth)
    own = () if stages is None else tuple(plan.by_stage(stages, evidence.worth))
    run, no_model = _model(fired, settings, seed, progress) if model else (None, LEFT_OUT)
    progress("comparing", 0.92)
    rehearsed, no_comparison = _rehearsed(fired, settings, run, stages, seed)
    confidence = settings.definition.agreement.confidence
    result = PointsFit(
        output=target,
        check=check,
        old=plan.table,
        new=new,
        threshold=_threshold(fired, settings, new, rehearsed),
        comparison=None if rehearsed is None else comparison_of(rehearsed, confidence),
        no_comparison=no_comparison,
        stages=tuple(zip(own, paths, strict=True)),
        no_model=no_model,
        findings=(*check.findings, *_findings(settings, target, run)),
    )
    _write(result, settings, fired)
    progress("done", 1.0)
    return result


def _refuse_overwriting(paths: Sequence[Path], *, force: bool) -> None:
    there = [path for path in paths if path.exists()]
    if there and not force:
        msg = f"{there[0]} is there already: name another file, or write over it with --force"
        raise ConfigError(msg)


def _stage_paths(target: Path, stages: Stages | None) -> list[Path]:
    if stages is None:
        return []
    return [target.with_stem(f"{target.stem}-{word}") for word in file_words(stages.names)]


def _model(
    fired: Fired, settings: Settings, seed: int, progress: Progress
) -> tuple[Run | None, str]:
    """Train as `leadml train` does, registering nothing; None and why where that is refused."""
    try:
        run = learn(
            fired.material,
            fired.judged,
            settings,
            seed,
            lambda step, share: progress(f"the model: {step}", 0.1 + 0.8 * share),
        )
    except LeadmlError as error:
        return None, str(error)
    return run, ""


def _rehearsed(
    fired: Fired, settings: Settings, run: Run | None, stages: Stages | None, seed: int
) -> tuple[Rehearsed | None, str]:
    folds = _folds(fired, settings, seed) if run is None else run.folds
    if not len(folds):
        return None, "the history is too short to fit on earlier leads and compare on later ones"
    told = None if run is None else run.selection.forward
    rehearsed = rehearse_tables(
        fired.firing, settings.definition.points, folds, stages=stages, model=told
    )
    return rehearsed, ""


def _folds(fired: Fired, settings: Settings, seed: int) -> Folds:
    y = fired.firing.won.astype(np.int8)
    if fired.judged.dated:
        return rolling_folds(fired.moments, y, gap_days=lag_days(fired.material, settings))
    return stratified_folds(y, groups=fired.firing.accounts, seed=seed)


def _threshold(
    fired: Fired, settings: Settings, new: PointsTable, rehearsed: Rehearsed | None
) -> dict[str, Any]:
    """Return what either threshold hands off, scored by the one path, and the cut of equal rate."""
    score = points_under(fired, settings.definition, new)
    won, today = fired.firing.won, settings.definition.points
    above = None if rehearsed is None else keeps_close_rate(rehearsed)
    keeping = None
    if above is not None:
        volume = int(reached(score.total, new.threshold + above).sum())
        cut = same_volume(score.total, volume)
        keeping = _group(won, reached(score.total, cut), cut)
    return {
        "today": _group(won, fired.score.ready, today.threshold),
        "new": _group(won, score.ready, new.threshold),
        "same_close_rate": keeping,
    }


def _group(won: np.ndarray, ready: np.ndarray, points: float) -> dict[str, Any]:
    leads = int(ready.sum())
    rate = float(won[ready].mean()) if leads else None
    return {"points": points, "leads": leads, "won": int(won[ready].sum()), "close_rate": rate}


def _findings(settings: Settings, target: Path, run: Run | None) -> list[Finding]:
    found = [] if run is None else [f for f in run.audit.findings if f.severity != "info"]
    if target.resolve().parent != settings.root.resolve():
        text = (
            f"the new configuration lies in another folder than {settings.root}: models/ and the "
            "store are looked for beside it"
        )
        found.append(Finding("POINT007", "info", None, 1, text))
    return found


def _write(result: PointsFit, settings: Settings, fired: Fired) -> None:
    firing = fired.firing
    heading = (
        f"Fitted by `leadml points fit` on {len(firing.won)} matured leads, "
        f"{int(firing.won.sum())} of them sales-ready{_window(fired)}; what was before is beside."
    )
    notes = {rule.rule: _note(rule) for rule in result.check.rules}
    _write_table(result.output, settings, result.old, result.new, heading, notes)
    for stage, path in result.stages:
        whose = "its own points" if stage.own else "too few outcomes: the points of all leads"
        words = f"{heading} Stage {stage.stage}, {stage.leads} leads, {stage.won} won, {whose}."
        _write_table(path, settings, result.old, stage.table, words, {})


def _window(fired: Fired) -> str:
    if not fired.judged.dated:
        return ""
    first, last = (iso(int(moment)) for moment in (fired.moments[0], fired.moments[-1]))
    return f", judged {str(first)[:10]} to {str(last)[:10]}"


def _note(rule: RuleVerdict) -> str:
    if rule.supported is None or rule.low is None or rule.high is None:
        return rule.verdict
    bounds = f"{rule.low:.0f} to {rule.high:.0f}"
    return f"{rule.verdict}, {rule.fires} leads, supported {rule.supported:.1f} ({bounds})"


def _write_table(
    path: Path,
    settings: Settings,
    old: PointsTable,
    new: PointsTable,
    heading: str,
    notes: dict[str, str],
) -> None:
    section = points_section(new, old, heading=heading, notes=notes)
    if settings.path is None:
        write_text(path, section)
        return
    text = settings.path.read_text("utf-8-sig")
    write_text(path, with_points(text, section, where=settings.path.name))
