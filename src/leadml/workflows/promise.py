"""The promise of a training run: the pool its cut is read from, and the cut."""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from leadml.domain.definition import Definition
from leadml.errors import ConfigError
from leadml.evaluation.pool import Pool
from leadml.evaluation.promise import promise_words
from leadml.evaluation.threshold import Threshold, choose_threshold
from leadml.model.bundle import id_hashes
from leadml.model.calibration import periods_of
from leadml.model.points import reached
from leadml.model.scorecard import Machine, probability
from leadml.model.value import Margins, Value
from leadml.settings import Settings
from leadml.snapshot.exploration import explored_in
from leadml.snapshot.features import FeatureSet
from leadml.snapshot.labels import Judged
from leadml.snapshot.split import Folds
from leadml.workflows.lesson import Lesson, points_of
from leadml.workflows.material import Material, batch_of
from leadml.workflows.new_leads import NewLeads
from leadml.workflows.score import iso
from leadml.workflows.value import Worth

Numbers = NDArray[np.float64]
Rows = NDArray[np.intp]

NEVER_WORKED = ("ROW007", "ROW008", "ROW013")
"""Why a matured hand-off has no outcome under the agreement although it counts among all."""


def refuse_uncountable(judged: Judged, settings: Settings) -> None:
    """Make sure that a capacity in leads a week can be held against leads with dates.

    Raises
    ------
    ConfigError
        If ``policy = "capacity"`` and leads have no order in time.
    """
    if settings.definition.handoff.policy == "capacity" and not judged.dated:
        msg = (
            f'{settings.path or "leadml.toml"} [handoff]: policy = "capacity" counts leads a week, '
            "but leads have no dates: map created_at or handed_off_at under [leads], or choose "
            "another policy"
        )
        raise ConfigError(msg)


def promise_pool(
    said: Numbers,
    folds: Folds,
    lesson: Lesson,
    machine: Machine,
    material: Material,
    judged: Judged,
    settings: Settings,
    worth: Worth,
) -> Pool:
    """Return the leads that the cut is read from, those that sales never worked among them.

    Parameters
    ----------
    said : float array, shape (leads of the lesson,)
        Log-odds known beforehand (`leadml.model.prequential`); NaN for leads in no fold.
    folds : Folds
    machine : Machine
        The finished model, which asks about leads that were never worked: it has not learnt from
        them.
    worth : Worth
        What a win is expected to bring.
    """
    told = np.isfinite(said)
    tested = np.flatnonzero(told & ~explored_in(material.leads)[lesson.rows])
    pool = Pool(
        p=probability(said[tested]),
        y=lesson.y[tested],
        worked=np.ones(len(tested), bool),
        period=periods_of(folds, len(said))[tested] if folds.ordered else np.zeros_like(tested),
        at=lesson.as_of[tested] if folds.ordered else None,
        points_ready=_ready(None if lesson.points is None else lesson.points[tested], settings),
        margin=_money(worth.value, worth.given_win[tested]),
        every=sum(len(test) for _, test in folds) / int(told.sum()),
        **_facts(material, lesson.rows[tested]),
    )
    _refuse_worthless(pool, settings)
    asking = Asking(
        lesson.catalogue.features, machine, material, judged, settings, value=worth.value
    )
    return asking.completed(pool)


def threshold_in(
    pool: Pool, judged: Judged, settings: Settings, own: Mapping[str, float] | None = None
) -> Threshold:
    """Choose the cut, and say what is expected of it.

    Parameters
    ----------
    pool : Pool
        Hand-offs whose horizon has passed (`promise_pool`).
    own : mapping, optional
        Cuts of representatives, stricter than the team's, by name.
    """
    definition = settings.definition
    threshold = choose_threshold(
        pool,
        agreement=definition.agreement,
        policy=definition.handoff,
        follow_ups=judged.follow_up_recorded,
        own=own,
    )
    return written_out(threshold, settings)


def _refuse_worthless(pool: Pool, settings: Settings) -> None:
    if settings.definition.handoff.policy == "profit" and pool.margin is None:
        msg = (
            f'{settings.path or "leadml.toml"} [handoff]: policy = "profit" weighs leads by their '
            "expected margin, but no won lead has a known margin or amount: record them, or choose "
            "another policy"
        )
        raise ConfigError(msg)


@dataclass(frozen=True)
class Asking:
    """A model to ask about the hand-offs of an export that sales never worked.

    Attributes
    ----------
    features : FeatureSet
    machine : Machine
        Has not learnt from any of these leads.
    material : Material
    judged : Judged
    settings : Settings
    value : Value or None
        What a win is expected to bring; None where the version does not tell.
    """

    features: FeatureSet
    machine: Machine
    material: Material
    judged: Judged
    settings: Settings
    value: Value | None = None

    def completed(self, pool: Pool) -> Pool:
        """Add the matured hand-offs of the same time that sales never worked, or too late.

        Parameters
        ----------
        pool : Pool
            Leads with an outcome, oldest first where dated.
        """
        judged = self.judged
        as_of = judged.as_of.astype("datetime64[us]").view("i8")
        never = np.isin(judged.why_not.astype(str), NEVER_WORKED)
        never &= ~explored_in(self.material.leads)
        if pool.at is not None:
            never &= (as_of >= pool.at.min()) & (as_of <= pool.at.max())
        rows = np.flatnonzero(never)[:: round(pool.every)]
        return pool.joined(self._asked(rows, as_of[rows], pool)) if len(rows) else pool

    def _asked(self, rows: Rows, as_of: NDArray[np.int64], pool: Pool) -> Pool:
        batch = batch_of(self.material, rows, as_of)
        encoded = batch.encode(self.features)
        points = points_of(self.material, batch, rows, as_of, self.features, self.settings)
        asked = Pool(
            p=probability(self.machine.log_odds(encoded.x, as_of)),
            y=self.judged.won[rows].astype(np.int8),
            worked=np.zeros(len(rows), bool),
            period=np.zeros(len(rows), np.intp),
            at=None if pool.at is None else as_of,
            points_ready=_ready(points, self.settings),
            margin=_money(self.value, self.value.given_win(encoded.x)) if self.value else None,
            **_facts(self.material, rows),
        )
        return asked.take(np.setdiff1d(np.arange(len(rows)), list(encoded.errors)))


def pool_of_new(new: NewLeads, p: Numbers) -> Pool:
    """Return new leads as a single period, with what a refreshed line says of them."""
    rows, scores = new.scored, new.scores
    ready, said = scores.points_ready, scores.probability[rows]
    money = scores.margins and _in_order(scores.margins.take(rows)) / said[:, None]
    return Pool(
        p=p,
        y=new.judged.label[new.rows[rows]],
        worked=np.ones(len(rows), bool),
        period=np.zeros(len(rows), np.intp),
        at=new.as_of[rows] if new.judged.dated else None,
        points_ready=None if ready is None else ready[rows],
        margin=money,
        **_facts(new.material, new.rows[rows]),
    )


def written_out(threshold: Threshold, settings: Settings, *, served: bool = False) -> Threshold:
    """Return the threshold with its moments as ISO 8601, and in words; see `promise_words`."""
    definition, pool = settings.definition, threshold.pool or {}
    ends = {end: iso(pool[end]) for end in ("from", "to") if pool.get(end) is not None}
    return in_words(replace(threshold, pool=pool | ends), definition, served=served)


def in_words(threshold: Threshold, definition: Definition, *, served: bool = False) -> Threshold:
    """Return the threshold with what it promises and brings in sentences."""
    words = promise_words(
        threshold.to_dict(), definition.agreement, definition.handoff, served=served
    )
    return replace(threshold, told=words)


def _facts(material: Material, rows: Rows) -> dict[str, Any]:
    """Return account, lot and owner of the leads at these positions of the export."""
    owners, accounts = material.leads.texts("owner"), material.accounts
    facts: dict[str, Any] = {"owner": None if owners is None else owners[rows]}
    if accounts is None:
        return facts
    alone = len(accounts.names) + rows  # a lead of no company is one by itself
    own = np.where(accounts.of[rows] >= 0, accounts.of[rows], alone)
    return facts | {"account": own, "lot": id_hashes(material.leads.lead_id[rows])}


def _money(value: Value, given_win: Numbers) -> Numbers | None:
    """Return what a win of each lead brings: lowest, expected, highest; None where unknown."""
    if value.basis is None:
        return None
    mean = 0.0 if value.mean is None else value.mean  # before any win with a margin was known
    return _in_order(value.unknown.of(np.where(np.isnan(given_win), mean, given_win)))


def _in_order(margins: Margins) -> Numbers:
    """Return margins as columns: lowest, expected, highest."""
    return np.stack((margins.low, margins.value, margins.high), axis=1)


def _ready(points: Numbers | None, settings: Settings) -> NDArray[np.bool_] | None:
    return None if points is None else reached(points, settings.definition.points.threshold)
