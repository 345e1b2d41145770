"""From what the data support to a points table: rounded rules, caps, threshold and buckets."""

from collections.abc import Mapping
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from leadml.domain.points_table import GROUPS, PointsTable, Rule
from leadml.evaluation.points_evidence import FEWEST
from leadml.evaluation.points_worth import Firing, Worth
from leadml.evaluation.ridge import fit_ridge
from leadml.model.points import ROUNDING, PointsEngine, reached
from leadml.workflows.stages import Stages

Floats = NDArray[np.float64]
Flags = NDArray[np.bool_]

FINENESS = 8
"""Steps that the median rule's points are made of, at least."""
GRAINS = (10.0, 5.0, 1.0, 0.5, 0.1, 0.01, 0.001)
"""How round a threshold, cap or bucket may be, the roundest first."""
SLACK = 0.01
"""Share of a hand-off's volume that may be given up for a round number."""


@dataclass(frozen=True)
class StageTable:
    """The table of one buying stage.

    Attributes
    ----------
    stage : str
    table : PointsTable
    leads, won : int
        In the stage.
    own : bool
        Whether it has outcomes enough for points of its own, not those of all leads.
    """

    stage: str
    table: PointsTable
    leads: int
    won: int
    own: bool


@dataclass(frozen=True)
class Plan:
    """What turns units of firing into points under today's table.

    Attributes
    ----------
    table : PointsTable
        Today's.
    firing : Firing
        The leads the caps, threshold and buckets are read from.
    """

    table: PointsTable
    firing: Firing

    def totals(self, table: PointsTable) -> Floats:
        """Return what a table of the same rules gives these leads, shape (leads,)."""
        return totals(table, self.firing)

    def table_of(self, worth: Worth) -> PointsTable:
        """Return the table that a fit supports, handing off as many leads as today's."""
        rules = fitted_rules(self.table, self.firing, worth)
        bare = replace(self.table, rules=rules, caps={})
        choices = [replace(bare, caps=caps) for caps in self._caps(bare)]
        best = min(choices, key=lambda table: round(self._loss(table), 9))
        return self.cut(best)

    def cut(self, table: PointsTable) -> PointsTable:
        """Give a table the threshold and buckets that as many leads reach as today's."""
        today, total = self.totals(self.table), self.totals(table)
        marks = {
            name: same_volume(total, int(reached(today, mark).sum()))
            for name, mark in {"": self.table.threshold, **self.table.buckets}.items()
        }
        return replace(table, threshold=marks.pop(""), buckets=marks)

    def by_stage(self, stages: Stages, pooled: Worth) -> list[StageTable]:
        """Return a table for each stage, with one cut in log-odds for all of them.

        So a lead of a stage that closes more often needs fewer points. Caps are out of the way.
        """
        worths = stages.worths(self.firing, pooled)
        log_odds = stages.log_odds(worths, pooled, self.firing.unit)
        today = self.totals(self.table)
        tables = []
        for place, (name, worth) in enumerate(zip(stages.names, worths, strict=True)):
            own = Plan(self.table, self.firing.take(stages.number == place))
            rules = fitted_rules(self.table, self.firing, worth or pooled)
            bare = replace(self.table, rules=rules, caps={})
            table = replace(bare, caps=own._capped(bare, {}))
            total, told = own.totals(table), log_odds[stages.number == place]
            marks = {
                label: same_volume(total, int((told >= _cut(log_odds, today, mark)).sum()))
                for label, mark in {"": self.table.threshold, **self.table.buckets}.items()
            }
            cut = replace(table, threshold=marks.pop(""), buckets=marks)
            won = int(own.firing.won.sum())
            tables.append(StageTable(name, cut, len(total), won, own=worth is not None))
        return tables

    def _loss(self, table: PointsTable) -> float:
        total, y = self.totals(table), self.firing.won.astype(float)
        x = (total / (total.std() or 1.0))[:, None]
        z = fit_ridge(x, y, spread=10.0).log_odds(x)
        return float(np.mean(np.logaddexp(0, z) - y * z))

    def _caps(self, bare: PointsTable) -> list[dict[str, float]]:
        """Return caps that cut as many leads as today's, and caps out of every lead's way."""
        if not self.table.caps:
            return [{}]
        engine = PointsEngine(self.table, frozenset())
        today = engine.limited(self.firing.unit * self.firing.points)
        cut = dict(zip(engine.names, (today < 0).sum(axis=0).tolist(), strict=True))
        return [self._capped(bare, cut), self._capped(bare, {})]

    def _capped(self, bare: PointsTable, cut: Mapping[str, int]) -> dict[str, float]:
        """Return caps that cut so many leads; where none, no lower than today's or any lead."""
        caps: dict[str, float] = {}
        for group in (name for name in (*GROUPS, "total") if name in self.table.caps):
            reach = np.sort(_reach(replace(bare, caps=caps), group, self.firing))
            leads = cut.get(f"cap: {group}", 0)
            most = max(self.table.caps[group], float(reach[-1]))
            caps[group] = _at_least(max(float(reach[-leads - 1]), 0.0) if leads else most)
        return caps


def _cut(log_odds: Floats, today: Floats, mark: float) -> float:
    """Return the log-odds that as many leads reach as reach a mark today."""
    volume = int(reached(today, mark).sum())
    return float(np.sort(log_odds)[-volume]) if volume else np.inf


def _reach(table: PointsTable, group: str, firing: Firing) -> Floats:
    """Return the points that a cap looks at: its group's sum, or that of the capped groups."""
    if group == "total":
        return totals(table, firing)
    inside = np.array([rule.group == group for rule in table.rules])
    return np.asarray((firing.unit * _points(table))[:, inside].sum(axis=1))


def _points(table: PointsTable) -> Floats:
    return np.array([rule.points for rule in table.rules])


def totals(table: PointsTable, firing: Firing) -> Floats:
    """Return the points a table of the same rules gives, caps applied, shape (leads,)."""
    engine = PointsEngine(table, frozenset())
    return np.asarray(engine.limited(firing.unit * _points(table)).sum(axis=1))


def fitted_rules(table: PointsTable, firing: Firing, worth: Worth) -> tuple[Rule, ...]:
    """Return the rules with the points supported, rounded; rules seen too little keep theirs."""
    step = step_of(firing)
    seen = firing.fitted & (firing.fires >= FEWEST)
    return tuple(
        _with_points(rule, _rounded(float(points), step)) if told else rule
        for rule, points, told in zip(table.rules, worth.supported, seen, strict=True)
    )


def _with_points(rule: Rule, points: float) -> Rule:
    most = rule.max_points
    if most is not None and rule.points:
        most = round(most / rule.points * points, 6)
    return replace(rule, points=points, max_points=most if points else None)


def _rounded(value: float, step: float) -> float:
    return round(float(np.round(value / step)) * step, 6) + 0.0


def step_of(firing: Firing) -> float:
    """Return what points are rounded to: 1, 5, 10 …, at most an eighth of the median rule's.

    Examples
    --------
    >>> nothing = np.zeros((1, 3))
    >>> [
    ...     step_of(
    ...         Firing(
    ...             names="abc",
    ...             points=np.array(p),
    ...             unit=nothing,
    ...             won=nothing[:, 0] > 0,
    ...             accounts=np.zeros(1, np.intp),
    ...         )
    ...     )
    ...     for p in ([10.0, 15, 30], [1.0, 2, 3], [50.0, 100, -80])
    ... ]
    [1.0, 0.1, 10.0]
    """
    most = firing.typical_points / FINENESS
    power = 10.0 ** np.floor(np.log10(most))
    return float(5 * power if most >= 5 * power else power)


def same_volume(total: Floats, volume: int) -> float:
    """Return the roundest mark that `volume` leads reach, within 1 % or as nearly as ties allow.

    Parameters
    ----------
    total : float array, shape (leads,)
        Points.
    volume : int
        Leads to reach it, 0 to all.

    Examples
    --------
    >>> same_volume(np.array([3.0, 8, 8, 17, 26, 41]), 2), same_volume(np.array([3.0, 8]), 0)
    (20.0, 10.0)
    """
    ascending = np.sort(total)
    marks = np.append(np.unique(ascending), ascending[-1] + 1)
    off = np.abs(len(total) - np.searchsorted(ascending, marks) - volume)
    best = float(marks[len(marks) - 1 - int(np.argmin(off[::-1]))])
    allowed = max(int(off.min()), SLACK * volume)
    for grain in GRAINS:
        for value in (np.floor(best / grain) * grain, np.ceil(best / grain) * grain):
            reaching = len(total) - np.searchsorted(ascending, value - ROUNDING)
            if abs(int(reaching) - volume) <= allowed:
                return round(float(value), 6)
    return best


def _at_least(value: float) -> float:
    return float(np.ceil(value - 1e-9))
