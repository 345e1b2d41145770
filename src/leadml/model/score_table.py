"""The scorecard as a table: every piece of every term in points, exact and for people.

The table says what the machine computes: base plus one row a feature is a lead's log-odds, and the
row's points are its reason's effect, in another unit.
"""

import math
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from leadml.errors import ModelError
from leadml.model.compiled import compiled, ends
from leadml.model.peers import FeaturePeers, Peers
from leadml.model.ranges import FEWEST, VALUES_OF, day_words, missing_words, number_words
from leadml.model.scorecard import Levels, Machine, Scorecard, Term
from leadml.snapshot.feature import RARE, Feature
from leadml.snapshot.features import FeatureSet

Numbers = NDArray[np.float64]

UNIT = 20.0
"""Points that double the odds."""
CLOSE = 1.0
"""Points that neighbouring pieces may differ by and still be one row for people."""

OTHERS = " other values"
MOST_CRUMBS = 3
"""Levels of few leads and hardly any points up to which each is told."""


@dataclass(frozen=True)
class Row:
    """One piece of one feature's term: ``low < x <= high``, a level, or no value.

    Attributes
    ----------
    range : str
        In words.
    log_odds, log_odds_to : float
        Just above `low` and at `high`, straight in between; the same where the piece is level.
    low, high : float or None
        None is open.
    level : str or None
        Of a text, or ``yes`` and ``no`` of a word.
    leads, won : int or None
        Training leads there, and sales-ready ones among them; None where they were not counted.
    """

    range: str
    log_odds: float
    log_odds_to: float
    low: float | None = None
    high: float | None = None
    level: str | None = None
    leads: int | None = None
    won: int | None = None

    def to_dict(self, unit: float) -> dict[str, Any]:
        """Return the JSON-ready form, with points of a unit."""
        points = points_of(self.log_odds, unit), points_of(self.log_odds_to, unit)
        rate = self.won / self.leads if self.won is not None and self.leads else None
        return {
            "range": self.range,
            "from": self.low,
            "to": self.high,
            "level": self.level,
            "points": points[0],
            "points_to": points[1],
            "log_odds": self.log_odds,
            "log_odds_to": self.log_odds_to,
            "leads": self.leads,
            "won": self.won,
            "close_rate": rate,
        }


@dataclass(frozen=True)
class FeatureTable:
    """One feature's rows.

    Attributes
    ----------
    rows : tuple of Row
        Exact, lowest first; the last is without a value.
    importance : float
        Mean absolute effect over the training leads, in log-odds; 0 where it was not measured.
    """

    feature: Feature
    rows: tuple[Row, ...]
    importance: float
    whole: bool = False

    def shown(self, unit: float) -> list[Row]:
        """Return rows for people: neighbours within `CLOSE` points are one.

        Its points are in the middle of theirs. Levels of few leads within three points of 0 are
        one row where they are many; its two ends are their least and most.
        """
        *pieces, missing = self.rows
        if self.rows[0].level is not None:
            return [*_without_crumbs(pieces, CLOSE * math.log(2) / unit), missing]
        told = [_of_whole(row) for row in pieces if self._possible(row)] if self.whole else pieces
        close = CLOSE * math.log(2) / unit
        rows = [self._as_one(own) for own in _alike(told, close)]
        idle = missing.leads == 0 and abs(missing.log_odds) < close / 2
        return rows if idle else [*rows, missing]

    def _possible(self, row: Row) -> bool:
        """Tell whether the piece holds a value that the feature can have, such as an hour."""
        first, last = VALUES_OF.get(self.feature.kind, (-math.inf, math.inf))
        low, high = row.low, row.high
        return (low is None or low < last) and (high is None or high >= first)

    def _as_one(self, rows: list[Row]) -> Row:
        low, high = rows[0].low, rows[-1].high
        start, end = rows[0].log_odds, rows[0].log_odds_to
        if len(rows) > 1:
            start = end = (max(_ends(rows)) + min(_ends(rows))) / 2
        counted = [(row.leads or 0, row.won or 0) for row in rows if row.leads is not None]
        leads = sum(leads for leads, _ in counted) if counted else None
        won = sum(won for _, won in counted) if counted else None
        return Row(self._words(low, high), start, end, low, high, leads=leads, won=won)

    def _words(self, low: float | None, high: float | None) -> str:
        if self.whole and self.feature.kind in VALUES_OF:
            first, last = VALUES_OF[self.feature.kind]
            low = first - 1.0 if low is None else low
            high = last if high is None and math.isfinite(last) else high
        show = day_words if self.feature.kind == "weekday" else number_words
        return piece_words(low, high, whole=self.whole, show=show)


@dataclass(frozen=True)
class ScoreTable:
    """A scorecard as a table.

    Attributes
    ----------
    base : float
        Log-odds of the average training lead, without the trend.
    features : tuple of FeatureTable
        The weightiest first; features without rows add nothing.
    """

    base: float
    features: tuple[FeatureTable, ...]


def points_of(log_odds: float, unit: float) -> float:
    """Return log-odds as points, of which `unit` double the odds."""
    return log_odds * unit / math.log(2)


def score_table(features: FeatureSet, machine: Machine, peers: Peers | None) -> ScoreTable:
    """Return the table of an additive machine.

    Raises
    ------
    ModelError
        If it has trees with interactions.
    """
    if not machine.additive:
        msg = "trees with interactions are no scorecard: no table adds up to what they compute"
        raise ModelError(msg)
    ((weight, card),) = compiled(machine).cards or ((1.0, Scorecard(0.0)),)
    center = np.array(machine.center or (0.0,) * len(features.features))
    slope = machine.slope
    found = []
    for term in card.terms:
        feature = features.features[term.feature]
        known = None if peers is None else peers.features[term.feature]
        whole = known is not None and known.whole
        maker = _Maker(feature, term, slope * weight, -slope * center[term.feature], known)
        found.append(FeatureTable(feature, tuple(maker.rows()), _weight(known), whole))
    base = slope * (weight * card.constant + float(center.sum())) + machine.intercept
    order = sorted(found, key=lambda own: -own.importance)
    return ScoreTable(base, tuple(order))


def _weight(known: FeaturePeers | None) -> float:
    return 0.0 if known is None else known.importance


@dataclass(frozen=True)
class _Maker:
    """Turns one term into rows: ``scale * value + shift``."""

    feature: Feature
    term: Term
    scale: float
    shift: float
    known: FeaturePeers | None

    def rows(self) -> Iterator[Row]:
        if isinstance(self.term, Levels):
            yield from self._levels(self.feature.levels, [*range(len(self.feature.levels))])
        elif self.feature.kind == "word":
            pieces = np.searchsorted(np.array(self.term.cuts), [0.0, 1.0], side="left")
            yield from self._levels(("no", "yes"), pieces.tolist())
        else:
            yield from self._pieces(self.term)
        missing = self._effect(self.term.missing)
        leads, won = self._count(-1)
        yield Row(self._missing_words(), missing, missing, leads=leads, won=won)

    def _levels(self, levels: Sequence[str], counted: Sequence[int]) -> Iterator[Row]:
        values = self.term.of(np.arange(len(levels), dtype=float))
        for level, value, place in zip(levels, values.tolist(), counted, strict=True):
            effect, (leads, won) = self._effect(value), self._count(place)
            words = "any other value" if level == RARE else level
            yield Row(words, effect, effect, level=level, leads=leads, won=won)

    def _pieces(self, term: Term) -> Iterator[Row]:
        cuts = [] if isinstance(term, Levels) else [*term.cuts]
        starts, values = ends(term, cuts)
        whole = self.known is not None and self.known.whole
        bounds = [None, *cuts, None]
        for place, (start, value) in enumerate(zip(starts.tolist(), values.tolist(), strict=True)):
            low, high = bounds[place], bounds[place + 1]
            leads, won = self._count(place)
            words = piece_words(low, high, whole=whole)
            yield Row(
                words, self._effect(start), self._effect(value), low, high, leads=leads, won=won
            )

    def _effect(self, value: float) -> float:
        return self.scale * value + self.shift

    def _count(self, place: int) -> tuple[int | None, int | None]:
        if self.known is None or not self.known.pieces:
            return None, None
        last = len(self.known.pieces) - 1
        if place >= last:
            return 0, 0  # a level that is read as missing
        return self.known.pieces[place]

    def _missing_words(self) -> str:
        words = missing_words(self.feature)
        listed = self.feature.categorical and RARE not in self.feature.levels
        return f"{words}, or none of these" if listed else words


def piece_words(
    low: float | None,
    high: float | None,
    *,
    whole: bool,
    show: Callable[[float], str] = number_words,
) -> str:
    """Say which numbers lie above `low` and not above `high`; `show` writes whole ones."""
    if low is None and high is None:
        return "any value"
    if not whole:
        if low is None or high is None:
            return f"≤ {number_words(high)}" if high is not None else f"> {number_words(low or 0)}"
        return f"above {number_words(low)} to {number_words(high)}"
    last = None if high is None else math.floor(high)
    first = None if low is None else math.floor(low) + 1
    if first is None or last is None:
        return f"≤ {show(last)}" if last is not None else f"≥ {show(first or 0)}"
    if first > last:
        return f"between {show(last)} and {show(first)}"
    same = show(first) if show is day_words else f"= {show(first)}"
    return same if first == last else f"{show(first)} to {show(last)}"


def _without_crumbs(levels: Sequence[Row], close: float) -> list[Row]:
    """Gather levels that few leads have and that hardly move the score, where they are many."""
    crumbs = [row for row in levels if _is_crumb(row, close)]
    if len(crumbs) <= MOST_CRUMBS:
        return list(levels)
    leads, won = (sum(getattr(row, key) for row in crumbs) for key in ("leads", "won"))
    words = f"{len(crumbs)}{OTHERS}"
    low, high = min(_ends(crumbs)), max(_ends(crumbs))
    gathered = Row(words, low, high, level=words, leads=leads, won=won)
    return [*(row for row in levels if not _is_crumb(row, close)), gathered]


def _is_crumb(row: Row, close: float) -> bool:
    return row.leads is not None and row.leads < FEWEST and abs(row.log_odds) <= 3 * close


def _of_whole(row: Row) -> Row:
    """Let a piece of whole numbers begin at the first one in it."""
    if row.low is None or row.high is None:
        return row
    share = min(1.0, (math.floor(row.low) + 1 - row.low) / (row.high - row.low))
    return replace(row, log_odds=row.log_odds + share * (row.log_odds_to - row.log_odds))


def _alike(pieces: Sequence[Row], close: float) -> list[list[Row]]:
    """Gather neighbours whose log-odds all lie within `close`."""
    found: list[list[Row]] = []
    for row in pieces:
        spread = _ends([*found[-1], row]) if found else [0.0, math.inf]
        if max(spread) - min(spread) <= close:
            found[-1].append(row)
        else:
            found.append([row])
    return found


def _ends(rows: Sequence[Row]) -> list[float]:
    return [end for row in rows for end in (row.log_odds, row.log_odds_to)]
