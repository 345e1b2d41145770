"""The one scoring path: API, batch command, Spark and notebook all score through `Scorer`.

Needs numpy alone (and treelite where a full model serves): the server imports no training library.
"""

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field
from datetime import UTC, datetime
from functools import cached_property
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import numpy as np
from numpy.typing import NDArray

from leadml.data.activity_log import ActivityLog
from leadml.data.identity import content_id
from leadml.data.raw import RawColumn
from leadml.data.values import (
    NO_TIME,
    NotUsableError,
    is_missing,
    microseconds,
    missing_texts,
    time_reader,
    to_number,
    to_text,
)
from leadml.domain.definition import Definition
from leadml.model.bundle import Bundle, champion_bundle, read_bundle
from leadml.model.points import PointsEngine, bucket_names, reached
from leadml.model.scorecard import probability
from leadml.settings import Settings, load_settings

Microseconds = NDArray[np.int64]

MOST_REASONS = 5
BANDS = "ABCD"
SMALLEST_EFFECT = 1e-9
"""Log-odds below which a feature is no reason."""


@dataclass(frozen=True)
class LeadBatch:
    """Leads to be scored, as raw columns.

    Attributes
    ----------
    raw : mapping of str to RawColumn
        Columns of the export.
    lead_id : object array of str or None
        Ids; None (with an error) where there is none.
    as_of, created : int64 arrays
        Microseconds UTC: the moment each lead is judged, and was created; `NO_TIME` unknown.
    log : ActivityLog or None
        None: activities unknown, not absent.
    errors : dict
        Row position -> list of (column, why the row cannot be scored).
    """

    raw: Mapping[str, RawColumn]
    lead_id: NDArray[np.object_]
    as_of: Microseconds
    created: Microseconds
    log: ActivityLog | None
    errors: dict[int, list[tuple[str, str]]] = field(default_factory=dict)

    def __len__(self) -> int:
        """Return the number of leads."""
        return len(self.lead_id)


@dataclass(frozen=True)
class Scores:
    """Scores of a batch; arrays of shape (leads,), what a row with an error holds means nothing.

    Attributes
    ----------
    log_odds, probability : float arrays
        Calibrated.
    sales_ready : bool array
        The hand-off decision.
    points : float array or None
        None without a points score; NaN where the CRM holds none for the lead.
    points_ready : bool array or None
        Points at or above the agreed threshold.
    reasons : list of list of dict
        Strongest first: ``{"feature", "value", "effect"}``, effect in log-odds.
    buckets, grades : list of str or None
    rules : list of list of dict
        The points rules that fired.
    errors : dict
        Row position -> list of (column, why).
    """

    log_odds: NDArray[np.float64]
    probability: NDArray[np.float64]
    sales_ready: NDArray[np.bool_]
    band: NDArray[np.str_]
    points: NDArray[np.float64] | None
    points_ready: NDArray[np.bool_] | None
    reasons: list[list[dict[str, Any]]]
    buckets: list[str | None]
    grades: list[str | None]
    rules: list[list[dict[str, object]]]
    errors: dict[int, list[tuple[str, str]]]


@dataclass(frozen=True)
class Answer:
    """What one lead gets; every number is None where the lead has errors.

    Attributes
    ----------
    basis : str
        Basis of the decision: guaranteed, estimated, points or none.
    errors : list of dict
        ``{"loc": path inside the lead, "msg"}``.
    """

    lead_id: str | None
    probability: float | None
    sales_ready: bool | None
    basis: str
    band: str | None
    points: float | None
    points_ready: bool | None
    reasons: list[dict[str, Any]]
    model_version: str
    scored_at: str
    as_of: str | None
    points_bucket: str | None
    grade: str | None
    points_rules: list[dict[str, object]]
    warnings: list[str]
    errors: list[dict[str, Any]]

    def to_dict(self) -> dict[str, Any]:
        """Return the JSON-ready form."""
        return asdict(self)


class Scorer:
    """A verified bundle, ready to score.

    Parameters
    ----------
    bundle : Bundle
        See `load`.
    """

    def __init__(self, bundle: Bundle) -> None:
        self.bundle = bundle
        definition = bundle.definition
        self._missing = missing_texts(definition.leads.missing)
        self._engine = PointsEngine(definition.points, self._missing)
        self._read_time = time_reader(ZoneInfo(definition.leads.timezone), definition.leads.date_format)

    @classmethod
    def load(cls, bundle: Path) -> "Scorer":
        """Verify and read the bundle in a folder.

        Raises
        ------
        ModelError
            If it is missing, damaged or of a newer format.
        """
        return cls(read_bundle(bundle))

    @property
    def definition(self) -> Definition:
        """What the model was trained under."""
        return self.bundle.definition

    @property
    def version(self) -> str:
        """Registered version."""
        return self.bundle.version

    @property
    def manifest(self) -> Mapping[str, Any]:
        """What is known of the version."""
        return self.bundle.manifest

    @cached_property
    def basis(self) -> str:
        """Basis of the hand-off decision."""
        return str(self.manifest["threshold"]["basis"])

    @cached_property
    def known_columns(self) -> frozenset[str]:
        """Columns the training export had, or that mapping and points rules name."""
        named = self.definition.leads.named_columns.values()
        extra = (*self.definition.leads.ignore, *self._engine.columns())
        return frozenset((*self.manifest["columns"], *named, *extra))

    def trained_on(self, lead_ids: Sequence[str]) -> NDArray[np.bool_]:
        """Tell which leads the model learnt from, shape (leads,)."""
        return self.bundle.trained_on(lead_ids)

    def score_batch(self, batch: LeadBatch, *, explain: bool = True) -> Scores:
        """Score a batch of leads; `explain` adds reasons and points rules."""
        errors = {row: list(problems) for row, problems in batch.errors.items()}
        encoded = self.bundle.features.encode(
            batch.raw, as_of=batch.as_of, created=batch.created, log=batch.log
        )
        for row, problems in encoded.errors.items():
            errors.setdefault(row, []).extend(problems)
        log_odds = self.bundle.machine.log_odds(encoded.x)
        p = probability(log_odds)
        points, ready, buckets, grades, rules = self._points(batch, errors, explain=explain)
        return Scores(
            log_odds=log_odds,
            probability=p,
            sales_ready=self._decision(p, ready),
            band=self._bands(p),
            points=points,
            points_ready=ready,
            reasons=self._reasons(encoded.x) if explain else [],
            buckets=buckets,
            grades=grades,
            rules=rules,
            errors=errors,
        )

    def score_records(
        self,
        leads: Sequence[Mapping[str, object]],
        activities: Sequence[Sequence[Mapping[str, object]] | None] | None = None,
        as_of: Sequence[datetime | None] | None = None,
        now: datetime | None = None,
    ) -> list[Answer]:
        """Score leads given as records of raw export columns.

        Parameters
        ----------
        leads : sequence of mapping
            Raw export columns of each lead; missing ones are missing values.
        activities : sequence of sequence of mapping, optional
            Activities of each lead, in the columns of ``[activities]`` without the lead; None
            (for all or for one lead) means unknown.
        as_of : sequence of datetime or None, optional
            The moment each lead is judged; default its hand-off time if that has passed, else now.
        now : datetime, optional
            Default: the clock.
        """
        moment = now or datetime.now(UTC)
        batch, warnings = _Records(self, leads, activities, as_of, moment).batch()
        scores = self.score_batch(batch)
        scored_at = moment.astimezone(UTC).isoformat(timespec="seconds")
        return [
            self._answer(batch, scores, row, scored_at, warnings[row]) for row in range(len(batch))
        ]

    def _answer(
        self, batch: LeadBatch, scores: Scores, row: int, scored_at: str, warnings: list[str]
    ) -> Answer:
        problems = scores.errors.get(row, [])
        ok = not problems
        points = None if scores.points is None else float(scores.points[row])
        has_points = ok and points is not None and points == points  # noqa: PLR0124 - not NaN
        return Answer(
            lead_id=batch.lead_id[row],
            probability=float(scores.probability[row]) if ok else None,
            sales_ready=bool(scores.sales_ready[row]) if ok else None,
            basis=self.basis,
            band=str(scores.band[row]) if ok else None,
            points=points if has_points else None,
            points_ready=bool(scores.points_ready[row])  # type: ignore[index]
            if has_points
            else None,
            reasons=scores.reasons[row] if ok else [],
            model_version=self.version,
            scored_at=scored_at,
            as_of=iso(int(batch.as_of[row])),
            points_bucket=scores.buckets[row] if has_points else None,
            grade=scores.grades[row] if has_points else None,
            points_rules=scores.rules[row] if has_points else [],
            warnings=warnings,
            errors=[{"loc": [column], "msg": why} for column, why in problems],
        )

    def _decision(
        self, p: NDArray[np.float64], points_ready: NDArray[np.bool_] | None
    ) -> NDArray[np.bool_]:
        cut = self.manifest["threshold"]["probability"]
        if self.basis == "points" and points_ready is not None:
            return points_ready
        return np.zeros(len(p), bool) if cut is None else p >= cut

    def _bands(self, p: NDArray[np.float64]) -> NDArray[np.str_]:
        cuts = [self.manifest["bands"][band] for band in BANDS[:-1]]
        return np.array(list(BANDS))[np.searchsorted(-np.array(cuts), -p, side="left")]

    def _points(
        self, batch: LeadBatch, errors: dict[int, list[tuple[str, str]]], *, explain: bool
    ) -> tuple[Any, Any, list[str | None], list[str | None], list[list[dict[str, object]]]]:
        table, column, n = self.definition.points, self.definition.leads.points, len(batch)
        nothing: list[str | None] = [None] * n
        if column is not None:
            raw = batch.raw.get(column, RawColumn((), np.full(n, -1, np.intp)))
            points, bad = raw.numbers(lambda value: to_number(value, self._missing))
            for row, why in bad.items():
                errors.setdefault(row, []).append((column, why))
            buckets = bucket_names(np.nan_to_num(points, nan=-np.inf), table)
            return points, reached(points, table.threshold), buckets, nothing, [[]] * n
        if not table.rules:
            return None, None, nothing, nothing, [[]] * n
        log = batch.log if batch.log is not None else ActivityLog.empty()
        given = self._engine.score(batch.raw, n, log, batch.as_of)
        rules = [given.rules_of(row) for row in range(n)] if explain else [[]] * n
        return given.total, given.ready, given.buckets, given.grades, rules

    def _reasons(self, x: NDArray[np.float64]) -> list[list[dict[str, Any]]]:
        features = self.bundle.features
        if not len(features.features):
            return [[] for _ in range(len(x))]
        effects = self.bundle.machine.effects(x)
        strongest = np.argsort(-np.abs(effects), axis=1, kind="stable")[:, :MOST_REASONS]
        names = features.names
        return [
            [
                {"feature": names[f], "value": features.shown(f, x[row, f]), "effect": float(effect)}
                for f in strongest[row]
                if abs(effect := effects[row, f]) > SMALLEST_EFFECT
            ]
            for row in range(len(x))
        ]


def load_scorer(
    model: str = "champion", *, config: Path | str | Settings | None = None
) -> Scorer:
    """Load the champion, the challenger or a version number of the models beside the configuration."""
    return Scorer.load(champion_bundle(load_settings(config).models, model))


def iso(moment: int) -> str | None:
    """Return microseconds UTC as ISO 8601, None where unknown."""
    if moment == NO_TIME:
        return None
    return str(np.datetime_as_string(np.int64(moment).view("datetime64[us]"), timezone="UTC"))


class _Records:
    """Turns records into a batch."""

    def __init__(
        self,
        scorer: Scorer,
        leads: Sequence[Mapping[str, object]],
        activities: Sequence[Sequence[Mapping[str, object]] | None] | None,
        as_of: Sequence[datetime | None] | None,
        now: datetime,
    ) -> None:
        self.scorer, self.leads, self.now = scorer, leads, now
        self.activities = activities
        self.wanted = as_of or [None] * len(leads)
        self.mapping = scorer.definition.leads
        self.missing = scorer._missing  # noqa: SLF001 - two halves of one module
        self.read_time = scorer._read_time  # noqa: SLF001 - two halves of one module
        self.errors: dict[int, list[tuple[str, str]]] = {}
        self.warnings: list[list[str]] = [self._unknown(lead) for lead in leads]

    def batch(self) -> tuple[LeadBatch, list[list[str]]]:
        columns = dict.fromkeys(column for lead in self.leads for column in lead)
        raw = {c: RawColumn.of([lead.get(c) for lead in self.leads]) for c in columns}
        ids = np.array([self._id(row, lead) for row, lead in enumerate(self.leads)], object)
        created = self._times("created_at")
        handed_off = self._times("handed_off_at")
        as_of = np.array([self._moment(i, int(h)) for i, h in enumerate(handed_off)], np.int64)
        for row in np.flatnonzero((created != NO_TIME) & (created > as_of)):
            self._error(int(row), str(self.mapping.created_at), _LATER)
        log = self._log()
        return LeadBatch(raw, ids, as_of, created, log, self.errors), self.warnings

    def _unknown(self, lead: Mapping[str, object]) -> list[str]:
        known = self.scorer.known_columns
        return [f"unknown field {name!r} was not used" for name in lead if name not in known]

    def _error(self, row: int, column: str, why: str) -> None:
        self.errors.setdefault(row, []).append((column, why))

    def _id(self, row: int, lead: Mapping[str, object]) -> str | None:
        if self.mapping.id is None:
            return content_id(lead, self.mapping, self.missing)
        try:
            text = to_text(lead.get(self.mapping.id), self.missing)
        except NotUsableError as error:
            self._error(row, self.mapping.id, str(error))
            return None
        if text is None:
            self._error(row, self.mapping.id, "expected a lead id, found none")
        return text

    def _times(self, role: str) -> Microseconds:
        column = getattr(self.mapping, role)
        times = np.full(len(self.leads), NO_TIME, np.int64)
        if column is None:
            return times
        for row, lead in enumerate(self.leads):
            value = lead.get(column)
            if is_missing(value, self.missing):
                continue
            try:
                times[row] = microseconds(self.read_time(value))
            except NotUsableError as error:
                self._error(row, column, str(error))
        return times

    def _moment(self, row: int, handed_off: int) -> int:
        wanted = self.wanted[row]
        if wanted is not None:
            return microseconds(wanted)
        now = microseconds(self.now)
        return handed_off if NO_TIME < handed_off <= now else now

    def _log(self) -> ActivityLog | None:
        if self.activities is None or all(of is None for of in self.activities):
            return None
        rows: list[tuple[int, int, str | None, str | None]] = []
        for lead, touches in enumerate(self.activities):
            for number, touch in enumerate(touches or ()):
                found = self._touch(lead, number, touch)
                if found is not None:
                    rows.append((lead, *found))
        return _activity_log(rows)

    def _touch(
        self, lead: int, number: int, touch: Mapping[str, object]
    ) -> tuple[int, str | None, str | None] | None:
        names = self.scorer.definition.activities
        try:
            at = microseconds(self.read_time(touch.get(names.at)))
            kind = to_text(touch.get(names.kind), self.missing)
            detail = to_text(touch.get(names.detail), self.missing) if names.detail else None
        except NotUsableError as error:
            self._error(lead, f"activities.{number}", f"{error} (expected {names.at}, {names.kind})")
            return None
        return at, kind, detail


_LATER = "created after the moment it is judged (as_of)"


def _activity_log(rows: list[tuple[int, int, str | None, str | None]]) -> ActivityLog:
    kinds = list(dict.fromkeys(kind for _, _, kind, _ in rows if kind is not None))
    details = list(dict.fromkeys(detail for *_, detail in rows if detail is not None))
    kind_code = {kind: code for code, kind in enumerate(kinds)}
    detail_code = {detail: code for code, detail in enumerate(details)}
    return ActivityLog(
        np.array([lead for lead, *_ in rows], np.intp),
        np.array([at for _, at, *_ in rows], np.int64),
        np.array([kind_code.get(kind, -1) for *_, kind, _ in rows], np.int32),  # type: ignore[arg-type]
        np.array([detail_code.get(detail, -1) for *_, detail in rows], np.int32),  # type: ignore[arg-type]
        kinds,
        details,
    )

