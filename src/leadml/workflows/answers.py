"""Answers to leads sent as records: scored one by one in plain Python.

For a handful of numbers an array costs more than it saves: one lead takes a tenth of what it took
as a table of one row. What is costly for each lead goes over all of them at once, as arrays:
activities and trees. `Scorer.score_batch` scores tables; every part of a score has both forms side
by side, ``of`` and ``at``, and they give the same numbers to the last bit.
"""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, fields
from datetime import timedelta
from functools import lru_cache
from typing import Any

import numpy as np

from leadml.data.values import EPOCH, NO_TIME, NotUsableError, missing_texts, to_number, to_text
from leadml.model.bundle import Bundle
from leadml.model.exploring import explored_at
from leadml.model.handoff import HandoffRule
from leadml.model.points import OnePoints, PointsEngine, reached_at
from leadml.model.reasons import Reasons
from leadml.model.scorecard import probability_at
from leadml.model.verdict import Bands, Stages
from leadml.workflows.records import Record, RecordReader, features_of, log_of


@dataclass(frozen=True)
class Answer:
    """What one lead gets; every number is None where the lead has errors.

    Attributes
    ----------
    basis : str
        Basis of the decision: guaranteed, estimated, points or none.
    cut : float or None
        Probability from which this lead is handed off; None where none decides.
    probability_eventually : float or None
        Probability of a win within the longest horizon the data can show; never below
        `probability`.
    stage : str or None
        ``sales_ready_now``: handed off. ``nurture``: not, but in the end as likely to be won as
        the last one that is. ``not_qualified``: neither.
    expected_margin, expected_margin_low, expected_margin_high : float or None
        In money: probability times the margin expected of a win, and between what it lies where
        won leads have no known margin; None where none has.
    hand_off : bool or None
        Sales-ready or explored.
    explored : bool or None
        Below the cut and handed off at random to learn from.
    handoff_probability : float or None
        With which the lead is handed off: 1 above the cut, the share explored below it.
    must_follow_up : bool or None
        Explored: left lying it would teach nothing.
    priority : float or None
        0 to 100: share of the training leads that it outranks by expected margin, by probability
        where no margin is known.
    errors : list of dict
        ``{"loc": path inside the lead, "msg"}``.
    """

    lead_id: str | None
    probability: float | None
    sales_ready: bool | None
    basis: str
    cut: float | None
    band: str | None
    probability_eventually: float | None
    stage: str | None
    expected_margin: float | None
    expected_margin_low: float | None
    expected_margin_high: float | None
    priority: float | None
    hand_off: bool | None
    explored: bool | None
    handoff_probability: float | None
    must_follow_up: bool | None
    points: float | None
    points_ready: bool | None
    reasons: list[dict[str, Any]]
    reasons_sum: dict[str, Any] | None
    model_version: str
    scored_at: str
    as_of: str | None
    points_bucket: str | None
    grade: str | None
    points_rules: list[dict[str, object]]
    warnings: list[str]
    errors: list[dict[str, Any]]

    @classmethod
    def of(cls, fields: dict[str, Any]) -> "Answer":
        """Make an answer of all its fields, which it keeps; much faster than the constructor."""
        made = object.__new__(cls)
        object.__setattr__(made, "__dict__", fields)
        return made

    def to_dict(self) -> dict[str, Any]:
        """Return the JSON-ready form."""
        return dict(vars(self))


_NOTHING: dict[str, Any] = {field.name: None for field in fields(Answer)} | {
    "reasons": [],
    "points_rules": [],
}
MANY = 32
"""Leads from which arrays add terms up faster than plain Python does."""
Explained = tuple[float, Sequence[float], float | None]
"""One lead's log-odds, effects and start; see `leadml.model.scorecard.Explained`."""


class Answers:
    """Makes the answers of one version.

    Parameters
    ----------
    bundle : Bundle
    engine : PointsEngine
    reasons : Reasons
    reader : RecordReader
    """

    def __init__(
        self, bundle: Bundle, engine: PointsEngine, reasons: Reasons, reader: RecordReader
    ) -> None:
        self._bundle, self._engine, self._reasons, self._reader = bundle, engine, reasons, reader
        self._leads, self._table = bundle.definition.leads, bundle.definition.points
        self._missing = missing_texts(self._leads.missing)
        self._policy = bundle.definition.handoff
        threshold = bundle.manifest["threshold"]
        self._basis, self._version = str(threshold["basis"]), bundle.version
        self._rule = HandoffRule(threshold)
        self._bands, self._stages = bands_of(bundle), stages_of(bundle)

    def of(self, records: Sequence[Record], scored_at: str) -> list[Answer]:
        """Return the answers of leads that have been read."""
        values = features_of(records, self._bundle.features, self._reader)
        return [
            self._answer(record, own, explained, earned, scored_at)
            for record, own, explained, earned in zip(
                records,
                values,
                self._explained(records, values),
                self._earned(records),
                strict=True,
            )
        ]

    def _explained(
        self, records: Sequence[Record], values: Sequence[Sequence[float]]
    ) -> Sequence[Explained]:
        machine = self._bundle.machine
        if len(records) < MANY:
            given = zip(values, records, strict=True)
            return [machine.explained_at(own, record.as_of) for own, record in given]
        moments = np.array([record.as_of for record in records], np.int64)
        x = np.array(values).reshape(len(records), -1)
        found = machine.explained(x, moments)
        start = [None] * len(records) if found.start is None else found.start.tolist()
        return list(zip(found.log_odds.tolist(), found.effects.tolist(), start, strict=True))

    def _earned(self, records: Sequence[Record]) -> list[dict[int, float]]:
        """Return what points rules on activities give each lead: position of the rule -> points."""
        nothing: list[dict[int, float]] = [{}] * len(records)
        if self._leads.points is not None or not self._engine.reads_activities:
            return nothing
        if not any(record.touches for record in records):
            return nothing
        moments = np.array([record.as_of for record in records], np.int64)
        found = self._engine.of_activities(log_of(records), moments)
        columns = zip(*(points.tolist() for points in found.values()), strict=True)
        return [dict(zip(found, row, strict=True)) for row in columns]

    def _answer(
        self,
        record: Record,
        values: Sequence[float],
        explained: Explained,
        earned: Mapping[int, float],
        scored_at: str,
    ) -> Answer:
        points = self._points(record, earned)
        if record.problems:
            return self._refusal(record, scored_at)
        log_odds, effects, start = explained
        p = probability_at(log_odds)
        cut, ready = self._decided(record, values, p, points)
        beyond = self._bundle.eventually
        eventually = None if beyond is None else beyond.at(log_odds, values)
        margin, low, high, priority = self._worth(values, p)
        explored, chance = self._explored(record.lead_id, ready=ready)
        reasons, reasons_sum = self._reasons.at(values, log_odds, effects, start)
        told = points if points is not None and points.total == points.total else NO_POINTS
        return Answer.of(
            {
                "lead_id": record.lead_id,
                "probability": p,
                "sales_ready": ready,
                "basis": self._basis,
                "cut": cut,
                "band": self._bands.at(p),
                "probability_eventually": eventually,
                "stage": self._stages.at(eventually, ready=ready),
                "expected_margin": margin,
                "expected_margin_low": low,
                "expected_margin_high": high,
                "priority": priority,
                "hand_off": ready or explored,
                "explored": explored,
                "handoff_probability": chance,
                "must_follow_up": explored,
                "points": told.total,
                "points_ready": told.ready,
                "reasons": reasons,
                "reasons_sum": reasons_sum,
                "model_version": self._version,
                "scored_at": scored_at,
                "as_of": iso(record.as_of),
                "points_bucket": told.bucket,
                "grade": told.grade,
                "points_rules": told.rules,
                "warnings": record.warnings,
                "errors": [],
            }
        )

    def _refusal(self, record: Record, scored_at: str) -> Answer:
        return Answer.of(
            _NOTHING
            | {
                "lead_id": record.lead_id,
                "basis": self._basis,
                "reasons": [],
                "model_version": self._version,
                "scored_at": scored_at,
                "as_of": iso(record.as_of),
                "points_rules": [],
                "warnings": record.warnings,
                "errors": [{"loc": [column], "msg": why} for column, why in record.problems],
            }
        )

    def _points(self, record: Record, earned: Mapping[int, float]) -> OnePoints | None:
        """Return the points of one lead, NaN where the CRM holds none; None without a score."""
        column = self._leads.points
        if column is None:
            return self._engine.at(record.lead, earned) if self._table.rules else None
        value, decimal = record.lead.get(column), self._leads.decimal
        try:
            points = to_number(value, self._missing, decimal=decimal)
        except NotUsableError as error:
            record.problems.append((column, str(error)))
            points = math.nan
        bucket = None if math.isnan(points) else self._engine.bucket(points)
        return OnePoints(points, reached_at(points, self._table), bucket, None, [])

    def _decided(
        self, record: Record, values: Sequence[float], p: float, points: OnePoints | None
    ) -> tuple[float | None, bool]:
        rule, worth = self._rule, self._bundle.value
        given_win = None
        if rule.reads_worth and worth is not None:
            given_win = worth.unknown.at(worth.given_win_at(values))[0]
        return rule.at(
            p,
            points_ready=None if points is None else points.ready,
            owner=self._owner(record.lead) if rule.reads_owner else None,
            given_win=given_win,
        )

    def _owner(self, lead: Mapping[str, object]) -> str | None:
        column = self._leads.owner
        try:
            return None if column is None else to_text(lead.get(column), self._missing)
        except NotUsableError:
            return None

    def _worth(
        self, values: Sequence[float], p: float
    ) -> tuple[float | None, float | None, float | None, float | None]:
        """Return the expected margin, its bounds and the priority."""
        worth = self._bundle.value
        if worth is None:
            return None, None, None, None
        if worth.basis is None:
            return None, None, None, worth.ranks.at(p)
        margins = worth.unknown.at(p * worth.given_win_at(values))
        return *margins, worth.ranks.at(margins[0])

    def _explored(self, lead_id: str | None, *, ready: bool) -> tuple[bool, float]:
        policy, lasting = self._policy, self._leads.id is not None
        name = lead_id if lasting else None
        return explored_at(name, sales_ready=ready, share=policy.explore, version=policy.version)


_EPOCH = EPOCH.replace(tzinfo=None)
NO_POINTS = OnePoints(None, None, None, None, [])


def bands_of(bundle: Bundle) -> Bands:
    """Return the bands of a version."""
    return Bands(bundle.manifest["bands"])


def stages_of(bundle: Bundle) -> Stages:
    """Return the stages of a version; its cut is that of the hand-off, else the agreed rate."""
    cut = bundle.manifest["threshold"]["probability"]
    return Stages(bundle.definition.agreement.close_rate if cut is None else cut)


@lru_cache(maxsize=1)
def iso(moment: int) -> str | None:
    """Return microseconds UTC as ISO 8601, None where unknown."""
    if moment == NO_TIME:
        return None
    return (_EPOCH + timedelta(microseconds=moment)).isoformat(timespec="microseconds") + "Z"
