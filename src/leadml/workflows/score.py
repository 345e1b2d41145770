"""The one scoring path: API, batch command, Spark and notebook all score through `Scorer`.

Needs numpy alone: the server imports no training library.
"""

from collections.abc import Mapping, Sequence
from contextlib import nullcontext
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from leadml.data.raw import RawColumn
from leadml.data.values import in_utc, microseconds, missing_texts, to_number, to_text
from leadml.domain.definition import Definition
from leadml.model.bundle import Bundle, champion_bundle, read_bundle
from leadml.model.exploring import Handoffs, with_explored
from leadml.model.handoff import Decision, HandoffRule
from leadml.model.points import PointsEngine, bucket_names, reached
from leadml.model.reasons import Reasons
from leadml.model.scorecard import Explained, probability
from leadml.model.value import Margins
from leadml.model.verdict import BANDS, STAGES
from leadml.settings import Settings, load_settings
from leadml.workflows.answers import MANY, Answer, Answers, bands_of, iso, stages_of
from leadml.workflows.collecting import not_collecting
from leadml.workflows.records import LeadBatch, Record, RecordReader

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
            stage=stages_of(self.bundle).of(decision.sales_ready, eventually),
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
        moment = datetime.now(UTC) if now is None else in_utc(now, self.reader.zone)
        scored_at = moment.astimezone(UTC).isoformat(timespec="seconds")
        with not_collecting() if len(leads) >= MANY else nullcontext():
            records = self.read_records(leads, activities, as_of, moment, account_activities)
            if self.not_exploring is not None:
                for record in records:
                    record.warnings.append(self.not_exploring)
            return self._answers.of(records, scored_at)

    def read_records(
        self,
        leads: Sequence[Mapping[str, object]],
        activities: Sequence[Sequence[Mapping[str, object]] | None] | None,
        as_of: Sequence[datetime | None] | None,
        now: datetime,
        account_activities: Sequence[Sequence[Mapping[str, object]] | None] | None,
    ) -> list[Record]:
        """Read leads as `score_records` does; `now` is aware."""
        n, instant = len(leads), microseconds(now)
        return [
            self.reader.read(lead, touches, others, wanted, instant)
            for lead, touches, others, wanted in zip(
                leads,
                activities if activities is not None else [None] * n,
                account_activities if account_activities is not None else [None] * n,
                as_of if as_of is not None else [None] * n,
                strict=True,
            )
        ]

    @cached_property
    def reader(self) -> RecordReader:
        """Reads leads sent as records."""
        return RecordReader(self.definition, self.known_columns)

    @cached_property
    def _answers(self) -> Answers:
        return Answers(self.bundle, self._engine, self._reasons, self.reader)

    def _handoffs(self, batch: LeadBatch, sales_ready: NDArray[np.bool_]) -> Handoffs:
        policy, lasting = self.definition.handoff, self.definition.leads.id is not None
        names = batch.lead_id.tolist() if lasting else None
        return with_explored(sales_ready, names, share=policy.explore, version=policy.version)

    @cached_property
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
        rule, worth = self._rule, self.bundle.value
        pays = rule.reads_worth and worth is not None
        return rule.of(
            p,
            points_ready=ready,
            owner=self._owners(batch) if rule.reads_owner else None,
            given_win=worth.money_if_won(x).value if pays and worth is not None else None,
        )

    @cached_property
    def _rule(self) -> HandoffRule:
        return HandoffRule(self.manifest["threshold"])

    def _owners(self, batch: LeadBatch) -> list[str | None] | None:
        column = self.definition.leads.owner
        raw = None if column is None else batch.raw.get(column)
        if raw is None:
            return None
        texts, _ = raw.texts(lambda value: to_text(value, self._missing))
        owners: list[str | None] = np.array([*texts, None], object)[raw.codes].tolist()
        return owners

    def bands(self, p: NDArray[np.float64]) -> NDArray[np.str_]:
        """Return the band of each probability, by the manifest's cuts."""
        return bands_of(self.bundle).of(p)

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


def load_scorer(model: str = "champion", *, config: Path | str | Settings | None = None) -> Scorer:
    """Load the champion, the challenger or a version number, from beside the configuration."""
    return Scorer.load(champion_bundle(load_settings(config).models, model))


__all__ = ["BANDS", "STAGES", "WORTH", "Answer", "Scorer", "Scores", "iso", "load_scorer"]
