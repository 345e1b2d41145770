"""What each rule of the points table gave the leads with an outcome, as of when each was judged."""

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from leadml.data.values import missing_texts
from leadml.domain.definition import Definition
from leadml.domain.finding import Finding
from leadml.domain.points_table import PointsTable, Rule
from leadml.errors import ConfigError, TooFewOutcomes
from leadml.evaluation.challenge import account_numbers
from leadml.evaluation.points_worth import Firing
from leadml.model.points import PointsEngine, PointsScore
from leadml.settings import Settings
from leadml.snapshot.labels import Judged
from leadml.workflows.lesson import FEWEST_OF_EACH
from leadml.workflows.material import Material, columns_of, gather, log_of

if TYPE_CHECKING:
    from datetime import datetime

    from leadml.workflows.material import Source


@dataclass(frozen=True)
class Fired:
    """The leads with an outcome, oldest first where dated, and what today's table gave them.

    Attributes
    ----------
    material : Material
    judged : Judged
    rows : int array, shape (leads,)
        Positions in the export.
    moments : int64 array, shape (leads,)
        Microseconds; when each lead is judged.
    firing : Firing
        What each rule gave, in firings.
    score : PointsScore
        Today's points.
    by_account : bool
        Whether accounts are known.
    findings : tuple of Finding
    """

    material: Material
    judged: Judged
    rows: NDArray[np.intp]
    moments: NDArray[np.int64]
    firing: Firing
    score: PointsScore
    by_account: bool
    findings: tuple[Finding, ...]


def fired_on(
    leads: "Source",
    *,
    settings: Settings,
    activities: "Source | None",
    history: "Source | None",
    table: str | None,
    as_of: "str | datetime | None",
) -> Fired:
    """Read an export and let every rule fire on its leads with an outcome.

    Raises
    ------
    ConfigError
        If there are no rules, or one reads a column that the export does not have.
    TooFewOutcomes
        If too few leads were won or lost under the agreement.
    """
    definition = settings.definition
    _refuse_without_rules(definition)
    material = gather(
        leads,
        definition=definition,
        root=settings.root,
        activities=activities,
        history=history,
        table=table,
        as_of=as_of,
        labelled=True,
        to_learn=True,
    )
    engine_for(definition, definition.points).check_columns(material.leads.columns)
    judged = material.judge(settings)
    _refuse_too_few(judged, material, settings)
    rows = np.flatnonzero(judged.label >= 0)
    moments = judged.as_of.astype("datetime64[us]").view("i8")
    rows = rows[np.argsort(moments[rows], kind="stable")]
    return _fired(material, judged, rows, moments[rows], definition)


def engine_for(definition: Definition, table: PointsTable) -> PointsEngine:
    """Return a table made ready under a definition's mapping."""
    mapping = definition.leads
    return PointsEngine(table, missing_texts(mapping.missing), mapping.decimal)


def points_under(fired: Fired, definition: Definition, table: PointsTable) -> PointsScore:
    """Return what another table gives the same leads, by the one scoring path."""
    return _score(fired.material, fired.rows, fired.moments, definition, table)


def _fired(
    material: Material,
    judged: Judged,
    rows: NDArray[np.intp],
    moments: NDArray[np.int64],
    definition: Definition,
) -> Fired:
    table = definition.points
    score = _score(material, rows, moments, definition, table)
    unit = score
    if any(rule.points == 0 for rule in table.rules):
        told = replace(table, rules=tuple(_worth_one(rule) for rule in table.rules))
        unit = _score(material, rows, moments, definition, told)
    points = np.array([rule.points for rule in table.rules])
    accounts = material.leads.texts("account")
    names = [rule.name for rule in table.rules]
    firing = Firing(
        names=names,
        points=points,
        unit=unit.contributions[:, : len(names)] / np.where(points == 0, 1.0, points),
        won=judged.label[rows] == 1,
        accounts=np.arange(len(rows)) if accounts is None else account_numbers(accounts[rows]),
    )
    findings = (*material.leads.findings, *judged.notes, *_findings(material, firing, score, table))
    return Fired(material, judged, rows, moments, firing, score, accounts is not None, findings)


def _worth_one(rule: Rule) -> Rule:
    """Let a rule that gives 0 points be seen to fire."""
    return rule if rule.points else replace(rule, points=1.0, max_points=None)


def _score(
    material: Material,
    rows: NDArray[np.intp],
    moments: NDArray[np.int64],
    definition: Definition,
    table: PointsTable,
) -> PointsScore:
    columns, log = columns_of(material, rows, moments), log_of(material, rows)
    return engine_for(definition, table).score(columns, len(rows), log, moments)


def _findings(
    material: Material, firing: Firing, score: PointsScore, table: PointsTable
) -> list[Finding]:
    found = []
    untold = [rule.name for rule in table.rules if rule.activity]
    if untold and material.activities is None:
        text = (
            "rules on activities give nothing without an activity file: name it with --activities"
        )
        found.append(Finding("POINT001", "warning", None, len(untold), text, tuple(untold[:5])))
    same = [
        name
        for name, fires, told in zip(firing.names, firing.fires, firing.fitted, strict=True)
        if fires and not told
    ]
    if same:
        text = "rules give every lead the same: they move no lead above another"
        found.append(Finding("POINT004", "info", None, len(same), text, tuple(same[:5])))
    cut = int((score.contributions[:, len(firing.names) :] < 0).any(axis=1).sum())
    if cut:
        text = (
            "leads lose points to a cap of today's table: the points supported are those of the "
            "rules before the caps of groups"
        )
        found.append(Finding("POINT005", "info", None, cut, text))
    return found


def _refuse_without_rules(definition: Definition) -> None:
    if definition.points.rules:
        return
    column = definition.leads.points
    if column:
        msg = (
            f"[leads].points = {column!r} is a score the CRM made: there are no rules to check in "
            "it; write the rules behind it as [[points.rules]] in leadml.toml, or measure the "
            "score as a whole with `leadml evaluate`"
        )
    else:
        msg = "no rules to check: write the points table as [[points.rules]] in leadml.toml"
    raise ConfigError(msg)


def _refuse_too_few(judged: Judged, material: Material, settings: Settings) -> None:
    won, lost = int((judged.label == 1).sum()), int((judged.label == 0).sum())
    if min(won, lost) >= FEWEST_OF_EACH:
        return
    reasons = "; ".join(f"{row.count} {row.reason}" for row in judged.excluded_rows())
    left_out = f" Left out: {reasons}." if reasons else ""
    horizon = settings.definition.agreement.horizon_days
    msg = (
        f"too few outcomes to check rules with in {material.leads.source}: {won} sales-ready and "
        f"{lost} not, of {len(material.leads)} leads; at least {FEWEST_OF_EACH} of each are needed "
        f"within the horizon of {horizon:g} days.{left_out} Add older leads, or check won, lost "
        "and horizon_days in leadml.toml"
    )
    raise TooFewOutcomes(msg)
