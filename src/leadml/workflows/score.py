"""The one scoring path: API, batch command, Spark and notebook all score through `Scorer`.

Needs numpy alone (and treelite where a full model serves): the server imports no training library.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import cached_property
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import numpy as np
from numpy.typing import NDArray

from leadml.data.raw import RawColumn
from leadml.data.values import NO_TIME, in_utc, missing_texts, to_number, to_text
from leadml.domain.definition import Definition
from leadml.model.bundle import Bundle, champion_bundle, read_bundle
from leadml.model.exploring import Handoffs, with_explored
from leadml.model.handoff import Decision, decide
from leadml.model.points import PointsEngine, bucket_names, reached
from leadml.model.reasons import Reasons
from leadml.model.scorecard import Explained, probability
from leadml.model.value import Margins
from leadml.settings import Settings, load_settings
from leadml.workflows.records import LeadBatch, Records

BANDS = "ABCD"
READY, NURTURE, NOT_QUALIFIED = "sales_ready_now", "nurture", "not_qualified"
STAGES = (READY, NURTURE, NOT_QUALIFIED)
"""Where a lead stands between marketing and sales."""
WORTH = ("expected_margin", "expected_margin_low", "expected_margin_high", "priority")
"""What a lead is worth, in the order of `Margins` and then its priority."""


@dataclass(frozen=True)
class Scores:
    """Scores of a batch; arrays of shape (leads,), what a row with an error holds means nothing.

    Attributes
    ----------
    log_odds, probability : float arrays
        Calibrated.
    sales_ready : bool array
        The hand-off decision.
    cut : float array
        Probability from which each lead is handed off; NaN where none decides.
    points : float array or None
        None without a points score; NaN where the CRM holds none for the lead.
    points_ready : bool array or None
        Points at or above the agreed threshold.
    reasons : list of list of dict
        Strongest first: ``{"feature", "value", "effect", "direction", "text", "peers"}``, effect in
        log-odds; see `leadml.model.reasons`.
    reasons_sum : list of dict
        What they sum to: ``{"kind", "base", "shown", "rest", "total", "note"}``, in log-odds.
    buckets, grades : list of str or None
    rules : list of list of dict
        The points rules that fired.
    errors : dict
        Row position -> list of (column, why).
    eventually : float array or None
        Probability of a win within the longest horizon the data can show, at least `probability`;
        None in versions that do not tell.
    stage : list of str or None
        One of `STAGES`; None where a lead is not handed off and `eventually` is None.
    handoffs : Handoffs
        Who is handed off, the explored among them, and with which probability.
    margins : Margins or None
        Expected margins in money and their bounds; None where no margin is known.
    priority : float array or None
        100 times the share of the training leads that each lead outranks, by expected margin, or
        by probability where no margin is known; None in versions that do not tell.
    """

    log_odds: NDArray[np.float64]
    probability: NDArray[np.float64]
    sales_ready: NDArray[np.bool_]
    cut: NDArray[np.float64]
    band: NDArray[np.str_]
    points: NDArray[np.float64] | None
    points_ready: NDArray[np.bool_] | None
    reasons: list[list[dict[str, Any]]]
    reasons_sum: list[dict[str, Any]]
    buckets: list[str | None]
    grades: list[str | None]
    rules: list[list[dict[str, object]]]
    errors: dict[int, list[tuple[str, str]]]
    eventually: NDArray[np.float64] | None
    stage: list[str | None]
    handoffs: Handoffs
    margins: Margins | None = None
    priority: NDArray[np.float64] | None = None


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

    def to_dict(self) -> dict[str, Any]:
        """Return the JSON-ready form."""
        return dict(vars(self))


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
        self._engine = PointsEngine(definition.points, self._missing, definition.leads.decimal)
        exact = bundle.machine.additive
        self._reasons = Reasons(bundle.features, bundle.peers, exact=exact)

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
        encoded = batch.encode(self.bundle.features)
        for row, problems in encoded.errors.items():
            errors.setdefault(row, []).extend(problems)
        explained = self._explained(encoded.x, batch.as_of, explain=explain)
        log_odds = explained.log_odds
        p = probability(log_odds)
        reasons, reasons_sum = self._reasons.of(encoded.x, explained) if explain else ([], [])
        points, ready, buckets, grades, rules = self._points(batch, errors, explain=explain)
        beyond = self.bundle.eventually
        eventually = None if beyond is None else beyond.of(log_odds, encoded.x)
        decision = self._decision(batch, encoded.x, p, ready)
        worth = self.bundle.value
        margins = None if worth is None else worth.expected(p, encoded.x)
        return Scores(
            log_odds=log_odds,
            probability=p,
            sales_ready=decision.sales_ready,
            cut=decision.cut,
            band=self.bands(p),
            points=points,
            points_ready=ready,
            reasons=reasons,
            reasons_sum=reasons_sum,
            buckets=buckets,
            grades=grades,
            rules=rules,
            errors=errors,
            eventually=eventually,
            stage=self._stages(decision.sales_ready, eventually),
            handoffs=self._handoffs(batch, decision.sales_ready),
            margins=margins,
            priority=None if worth is None else worth.priority(p, margins),
        )

    def points_of(self, batch: LeadBatch) -> NDArray[np.float64] | None:
        """Return the points alone, NaN where a lead has none; None without a points score."""
        points: NDArray[np.float64] | None = self._points(batch, {}, explain=False)[0]
        return points

    def score_records(
        self,
        leads: Sequence[Mapping[str, object]],
        activities: Sequence[Sequence[Mapping[str, object]] | None] | None = None,
        as_of: Sequence[datetime | None] | None = None,
        now: datetime | None = None,
        account_activities: Sequence[Sequence[Mapping[str, object]] | None] | None = None,
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
            Default: the clock. Naive times are read in the configured zone.
        account_activities : sequence of sequence of mapping, optional
            Activities of the other leads of each lead's account, in the columns of
            ``[activities]`` with the lead; None (for all or for one lead) means unknown.
        """
        zone = ZoneInfo(self.definition.leads.timezone)
        moment = datetime.now(UTC) if now is None else in_utc(now, zone)
        batch, warnings = Records(
            self.definition,
            self.known_columns,
            leads,
            activities,
            as_of,
            moment,
            account_activities,
        ).batch()
        scores = self.score_batch(batch)
        if self.not_exploring is not None:
            warnings = [[*own, self.not_exploring] for own in warnings]
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
        has_points = ok and points is not None and points == points
        return Answer(
            lead_id=batch.lead_id[row],
            probability=float(scores.probability[row]) if ok else None,
            sales_ready=bool(scores.sales_ready[row]) if ok else None,
            basis=self.basis,
            cut=float(scores.cut[row]) if ok and np.isfinite(scores.cut[row]) else None,
            band=str(scores.band[row]) if ok else None,
            probability_eventually=float(scores.eventually[row])
            if ok and scores.eventually is not None
            else None,
            stage=scores.stage[row] if ok else None,
            **_worth_of(scores, row, ok=ok),
            **_handoff_of(scores, row, ok=ok),
            points=points if has_points else None,
            points_ready=bool(scores.points_ready[row])  # type: ignore[index]
            if has_points
            else None,
            reasons=scores.reasons[row] if ok else [],
            reasons_sum=scores.reasons_sum[row] if ok else None,
            model_version=self.version,
            scored_at=scored_at,
            as_of=iso(int(batch.as_of[row])),
            points_bucket=scores.buckets[row] if has_points else None,
            grade=scores.grades[row] if has_points else None,
            points_rules=scores.rules[row] if has_points else [],
            warnings=warnings,
            errors=[{"loc": [column], "msg": why} for column, why in problems],
        )

    def _handoffs(self, batch: LeadBatch, sales_ready: NDArray[np.bool_]) -> Handoffs:
        policy, lasting = self.definition.handoff, self.definition.leads.id is not None
        names = batch.lead_id.tolist() if lasting else None
        return with_explored(sales_ready, names, share=policy.explore, version=policy.version)

    @property
    def not_exploring(self) -> str | None:
        """Why no lead is explored although the policy says so; None where that is not so."""
        if self.definition.handoff.explore == 0 or self.definition.leads.id is not None:
            return None
        return (
            "no lead is explored: [leads].id is not mapped, and an id made of what a lead holds "
            "does not last"
        )

    def _decision(
        self, batch: LeadBatch, x: NDArray[np.float64], p: NDArray[np.float64], ready: Any
    ) -> Decision:
        cut, worth = self.manifest["threshold"], self.bundle.value
        pays = cut.get("profit_cut") is not None and worth is not None
        return decide(
            cut,
            p,
            points_ready=ready,
            owner=self._owners(batch) if cut.get("reps") else None,
            given_win=worth.money_if_won(x).value if pays and worth is not None else None,
        )

    def _owners(self, batch: LeadBatch) -> list[str | None] | None:
        column = self.definition.leads.owner
        raw = None if column is None else batch.raw.get(column)
        if raw is None:
            return None
        texts, _ = raw.texts(lambda value: to_text(value, self._missing))
        owners: list[str | None] = np.array([*texts, None], object)[raw.codes].tolist()
        return owners

    def _stages(
        self, ready: NDArray[np.bool_], eventually: NDArray[np.float64] | None
    ) -> list[str | None]:
        """Return each lead's stage; the cut is that of the hand-off, else the agreed close rate."""
        if eventually is None:
            return [READY if yes else None for yes in ready.tolist()]
        cut = self.manifest["threshold"]["probability"]
        likely = eventually >= (self.definition.agreement.close_rate if cut is None else cut)
        later = [NURTURE if yes else NOT_QUALIFIED for yes in likely.tolist()]
        return [READY if now else then for now, then in zip(ready.tolist(), later, strict=True)]

    def bands(self, p: NDArray[np.float64]) -> NDArray[np.str_]:
        """Return the band of each probability, by the manifest's cuts."""
        cuts = [self.manifest["bands"][band] for band in BANDS[:-1]]
        return np.array(list(BANDS))[np.searchsorted(-np.array(cuts), -p, side="left")]

    def _points(
        self, batch: LeadBatch, errors: dict[int, list[tuple[str, str]]], *, explain: bool
    ) -> tuple[Any, Any, list[str | None], list[str | None], list[list[dict[str, object]]]]:
        table, column, n = self.definition.points, self.definition.leads.points, len(batch)
        nothing: list[str | None] = [None] * n
        if column is not None:
            raw = batch.raw.get(column, RawColumn((), np.full(n, -1, np.intp)))
            decimal = self.definition.leads.decimal
            points, bad = raw.numbers(
                lambda value: to_number(value, self._missing, decimal=decimal)
            )
            for row, why in bad.items():
                errors.setdefault(row, []).append((column, why))
            buckets = bucket_names(np.nan_to_num(points, nan=-np.inf), table)
            return points, reached(points, table.threshold), buckets, nothing, [[]] * n
        if not table.rules:
            return None, None, nothing, nothing, [[]] * n
        given = self._engine.score(batch.raw, n, batch.log, batch.as_of)
        rules = [given.rules_of(row) for row in range(n)] if explain else [[]] * n
        return given.total, given.ready, given.buckets, given.grades, rules

    def _explained(
        self, x: NDArray[np.float64], as_of: NDArray[np.int64], *, explain: bool
    ) -> Explained:
        machine = self.bundle.machine
        if explain:
            return machine.explained(x, as_of)
        return Explained(machine.log_odds(x, as_of), np.empty((len(x), 0)), None)


def _handoff_of(scores: Scores, row: int, *, ok: bool) -> dict[str, Any]:
    """Return what is done with one lead."""
    columns = scores.handoffs.columns()
    return {name: values[row].item() if ok else None for name, values in columns.items()}


def _worth_of(scores: Scores, row: int, *, ok: bool) -> dict[str, Any]:
    """Return one lead's expected margin, its bounds and its priority."""
    columns = scores.margins or (None, None, None)
    named = zip(WORTH, (*columns, scores.priority), strict=True)
    return {n: float(values[row]) if ok and values is not None else None for n, values in named}


def load_scorer(model: str = "champion", *, config: Path | str | Settings | None = None) -> Scorer:
    """Load the champion, the challenger or a version number, from beside the configuration."""
    return Scorer.load(champion_bundle(load_settings(config).models, model))


def iso(moment: int) -> str | None:
    """Return microseconds UTC as ISO 8601, None where unknown."""
    if moment == NO_TIME:
        return None
    return str(np.datetime_as_string(np.int64(moment).view("datetime64[us]"), timezone="UTC"))
