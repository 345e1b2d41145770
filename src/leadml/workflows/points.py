"""Score an export with the points table alone: no model, nothing to train."""

import csv
import json
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from leadml.data.leads import Leads
from leadml.data.values import microseconds, missing_texts
from leadml.data.writing import write_whole
from leadml.domain.definition import Definition
from leadml.domain.finding import Finding
from leadml.errors import ConfigError, DataError
from leadml.model.points import PointsEngine, PointsScore, bucket_names, reached
from leadml.settings import Settings, load_settings
from leadml.workflows.material import (
    Material,
    columns_of,
    gather,
    held_points,
    log_of,
    moments_to_score,
    read_as_of,
)

if TYPE_CHECKING:
    from leadml.workflows.material import Source

COLUMNS = ("lead_id", "points", "points_ready", "bucket", "grade", "rules", "error")


@dataclass(frozen=True, kw_only=True)
class PointsRun:
    """What scoring an export with points came to.

    Attributes
    ----------
    output : Path
        The file written.
    leads, ready, failed : int
        Leads in the export, those that reach the threshold, those that could not be scored.
    threshold : float
        Points from which a lead is handed off.
    buckets, grades : dict
        Name -> number of leads, in the order of the names; leads in none are left out.
    findings : tuple of Finding
        What was odd about the files, and what was assumed.
    """

    output: Path
    leads: int
    ready: int
    failed: int
    threshold: float
    buckets: dict[str, int]
    grades: dict[str, int]
    findings: tuple[Finding, ...]

    def to_dict(self) -> dict[str, object]:
        """Return the run as JSON-ready values."""
        return {
            "output": str(self.output),
            "leads": self.leads,
            "ready": self.ready,
            "failed": self.failed,
            "threshold": self.threshold,
            "buckets": self.buckets,
            "grades": self.grades,
            "findings": [finding.to_dict() for finding in self.findings],
        }


def score_points(
    source: "Source",
    *,
    output: str | Path,
    activities: "Source | None" = None,
    history: "Source | None" = None,
    config: Path | str | Settings | None = None,
    table: str | None = None,
    as_of: str | None = None,
) -> PointsRun:
    """Write the points of every lead, and the rules that gave them, as CSV.

    Parameters
    ----------
    source, activities, history, table
        See `leadml.workflows.reading.read_source`.
    output : str or Path
        File to write, one row a lead in the order of the export: `COLUMNS`; ``error`` only where a
        row has one.
    as_of : str, optional
        The moment every lead is judged: an ISO 8601 time, or a date (00:00 in the configured
        zone). Default: its hand-off if that has passed, else now.

    Raises
    ------
    ConfigError
        If there are no points, or a rule reads a column that the export does not have.
    DataError
        If a file cannot be read, or `output` not be written.
    """
    settings = load_settings(config)
    definition = settings.definition
    now = read_as_of(as_of, definition.leads.timezone) or datetime.now(UTC)
    material = gather(
        source,
        definition=definition,
        root=settings.root,
        activities=activities,
        history=history,
        table=table,
        labelled=False,
    )
    leads, engine = material.leads, _engine(definition, material.leads)
    moments = moments_to_score(leads, microseconds(now), fixed=as_of is not None)
    if engine is None:
        rated = _Rated.of_column(material, moments, definition)
    else:
        rated = _Rated.of_rules(engine, material, moments)
    target, with_error = Path(output), bool(leads.errors)
    write_whole(target, lambda part: _write(part, _rows(leads, rated), with_error=with_error))
    findings = _findings(material, definition)
    return _run(target, leads, rated, definition.points.threshold, findings)


def _engine(definition: Definition, leads: Leads) -> PointsEngine | None:
    """Return the rules made ready; None where the CRM's own points are used as they are."""
    if not definition.has_points:
        msg = "no points yet: write [[points.rules]], or name the CRM's score as [leads].points"
        raise ConfigError(msg)
    if definition.leads.points:
        if leads.points is None:
            msg = f"{leads.source} has no column {definition.leads.points!r} ([leads].points)"
            raise DataError(msg)
        return None
    mapping = definition.leads
    engine = PointsEngine(definition.points, missing_texts(mapping.missing), mapping.decimal)
    engine.check_columns([str(column) for column in leads.frame.columns])
    return engine


def _findings(material: Material, definition: Definition) -> tuple[Finding, ...]:
    if material.activities is not None:
        return (*material.leads.findings, *material.activities.findings)
    unread = [rule.name for rule in definition.points.rules if rule.activity]
    if not unread or definition.leads.points:
        return material.leads.findings
    text = "rules on activities give nothing without an activity file: name it with --activities"
    finding = Finding("POINT001", "warning", None, len(unread), text, tuple(unread[:5]))
    return (*material.leads.findings, finding)


@dataclass(frozen=True)
class _Rated:
    points: NDArray[np.float64]
    ready: NDArray[np.bool_]
    buckets: list[str | None]
    score: PointsScore | None

    @classmethod
    def of_column(
        cls, material: Material, as_of: NDArray[np.int64], definition: Definition
    ) -> "_Rated":
        held = held_points(material, np.arange(len(as_of)), as_of)
        points = np.full(len(as_of), np.nan) if held is None else held
        table = definition.points
        return cls(points, reached(points, table.threshold), bucket_names(points, table), None)

    @classmethod
    def of_rules(
        cls, engine: PointsEngine, material: Material, as_of: NDArray[np.int64]
    ) -> "_Rated":
        everyone = np.arange(len(as_of))
        columns, log = columns_of(material, everyone, as_of), log_of(material, everyone)
        raw = {column: columns[column] for column in engine.columns()}
        score = engine.score(raw, len(as_of), log, as_of)
        return cls(score.total, score.ready, score.buckets, score)

    def row(self, row: int) -> tuple[object, ...]:
        """Return points, points_ready, bucket, grade and rules of one lead."""
        points = float(self.points[row])
        if np.isnan(points):
            return (None, None, None, None, None)
        grade = self.score.grades[row] if self.score else None
        rules = json.dumps(self.score.rules_of(row), ensure_ascii=False) if self.score else None
        ready = "true" if self.ready[row] else "false"
        return (points, ready, self.buckets[row], grade, rules)


def _rows(leads: Leads, rated: _Rated) -> Iterator[tuple[object, ...]]:
    for row, lead_id in enumerate(leads.lead_id.tolist()):
        error = leads.errors.get(row)
        numbers = (None,) * 5 if error else rated.row(row)
        yield (lead_id, *numbers, error)


def _write(part: Path, rows: Iterator[tuple[object, ...]], *, with_error: bool) -> None:
    columns = COLUMNS if with_error else COLUMNS[:-1]
    with part.open("w", encoding="utf-8", newline="") as file:
        writer = csv.writer(file)
        writer.writerow(columns)
        writer.writerows(row[: len(columns)] for row in rows)


def _run(
    output: Path, leads: Leads, rated: _Rated, threshold: float, findings: tuple[Finding, ...]
) -> PointsRun:
    scored = np.ones(len(leads), bool)
    scored[list(leads.errors)] = False
    grades = rated.score.grades if rated.score else []
    return PointsRun(
        output=output,
        leads=len(leads),
        ready=int((rated.ready & scored).sum()),
        failed=len(leads.errors),
        threshold=threshold,
        buckets=_counts(rated.buckets, scored),
        grades=_counts(grades, scored),
        findings=findings,
    )


def _counts(names: list[str | None], scored: NDArray[np.bool_]) -> dict[str, int]:
    counts = Counter(name for name, kept in zip(names, scored, strict=False) if kept and name)
    return dict(sorted(counts.items()))
