"""Features of a lead as of one moment: one declarative list, one fold for table and request.

Tables pass through `FeatureSet.encode`, single leads through `FeatureSet.at` and their activities
through `FeatureSet.of_activities`, which `encode` calls too. Both read values with the same readers
and compute with the same operations, so a lead has the same features wherever it is scored. Only
activities *strictly before* the moment enter.
"""

import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import datetime
from functools import cached_property
from zoneinfo import ZoneInfo

import numpy as np
from numpy.typing import NDArray

from leadml.data.activity_log import AccountLog, ActivityLog
from leadml.data.raw import RawColumn
from leadml.data.values import (
    MICROSECONDS_A_DAY,
    NO_TIME,
    NotUsableError,
)
from leadml.data.words import mention_reader, mentions
from leadml.snapshot.activity_numbers import ActivityNumbers, aggregates_of
from leadml.snapshot.aggregates import Plan, Touches, plan_of, touches_of_accounts, touches_of_leads
from leadml.snapshot.feature import ACTIVITY, ATTRIBUTES, LIFE, MOST_LEVELS, RARE, Feature, Scope
from leadml.snapshot.readers import Reader, level_reader, moment_reader, number_reader

Numbers = NDArray[np.float64]
Microseconds = NDArray[np.int64]
FEW = 8
"""Leads below which features of activities are made one by one."""


@dataclass(frozen=True)
class Encoded:
    """Features as numbers.

    Attributes
    ----------
    x : float array, shape (leads, features)
        NaN where missing; codes for text features.
    errors : dict
        Row position -> list of (column, why its value is not usable).
    """

    x: Numbers
    errors: dict[int, list[tuple[str, str]]]


@dataclass(frozen=True)
class FeatureSet:
    """The features of a model, in order, and how raw values are read into them.

    `crowds` are accounts (case folded) of too many leads to be a company.
    """

    features: tuple[Feature, ...]
    missing: frozenset[str]
    timezone: str = "UTC"
    date_format: str | None = None
    decimal: str = "."
    crowds: frozenset[str] = frozenset()

    @property
    def names(self) -> list[str]:
        """Feature names in the order of the columns of `x`."""
        return [feature.name for feature in self.features]

    @property
    def columns(self) -> list[str]:
        """Source columns the features read."""
        return list(dict.fromkeys(f.column for f in self.features if f.column))

    @cached_property
    def reads_activities(self) -> bool:
        """Whether any feature needs activities."""
        return any(feature.kind in ACTIVITY for feature in self.features)

    @cached_property
    def reads_colleagues(self) -> bool:
        """Whether any feature needs the activities of other leads of the account."""
        return any(f.kind in ACTIVITY and f.scope == "account" for f in self.features)

    @cached_property
    def _plans(self) -> dict[Scope, Plan]:
        asked = [feature for feature in self.features if feature.kind in ACTIVITY]
        scopes: dict[Scope, list[Feature]] = {}
        for feature in asked:
            scopes.setdefault(feature.scope, []).append(feature)
        return {scope: plan_of(features) for scope, features in scopes.items()}

    @cached_property
    def _zone(self) -> ZoneInfo:
        return ZoneInfo(self.timezone)

    def encode(
        self,
        raw: Mapping[str, RawColumn],
        *,
        as_of: Microseconds,
        created: Microseconds,
        log: ActivityLog,
        untold: NDArray[np.bool_] | None = None,
        colleagues: AccountLog | None = None,
    ) -> Encoded:
        """Compute every feature of every lead as of its moment.

        Parameters
        ----------
        raw : mapping of str to RawColumn
            Columns of the export; an absent column is missing for every lead.
        as_of, created : int64 arrays, shape (leads,)
            Microseconds UTC; `NO_TIME` where unknown.
        log : ActivityLog
            Activities of the leads.
        untold : bool array, shape (leads,), optional
            Leads whose activities are unknown (missing), which is not the same as none.
        colleagues : AccountLog, optional
            Activities of the leads' accounts; without them features of accounts are missing.
        """
        x = self.of_activities(as_of, log, untold, colleagues)
        errors: dict[int, list[tuple[str, str]]] = {}
        for name, places in self._words.items():
            x[:, places] = self._mentioned(name, places, raw, errors)
        for position, feature in enumerate(self.features):
            if feature.kind in ATTRIBUTES and feature.kind != "word":
                column = raw.get(feature.column or "")
                if column is not None:
                    x[:, position] = self._attribute(feature, column, as_of, errors)
            elif feature.kind in LIFE:
                x[:, position] = self._life(feature, as_of, created)
        return Encoded(x, errors)

    def at(self, lead: Mapping[str, object], as_of: int, created: int) -> list[float]:
        """Compute the features of one lead as `encode` does; those of activities are NaN.

        Parameters
        ----------
        lead : mapping of str to object
            Its raw columns.
        as_of, created : int
            Microseconds UTC; `created` is `NO_TIME` where unknown.

        Raises
        ------
        NotUsableError
            If a value cannot be read: see `problems`.
        """
        values, get = self._nothing.copy(), lead.get
        reads = self._reads
        for place, column, read in reads.plain:
            values[place] = read(get(column))
        for place, column, read in reads.times:
            moment = read(get(column))
            days = (float(as_of) - moment) / MICROSECONDS_A_DAY
            values[place] = days if days >= 0 else math.nan
        if created != NO_TIME:
            for place, kind in reads.lives:
                values[place] = self._life_at(kind, as_of, created)
        for places, column, mentioned in reads.words:
            self._mention(values, places, mentioned(get(column)))
        return values

    def problems(self, lead: Mapping[str, object]) -> list[tuple[str, str]]:
        """Return the columns of a lead that cannot be read, and why, in the order of `encode`."""
        found: dict[tuple[str, str], None] = {}
        for column, read in self._reads.all:
            try:
                read(lead.get(column))
            except NotUsableError as error:
                found[column, str(error)] = None
        return list(found)

    @cached_property
    def _nothing(self) -> list[float]:
        return [math.nan] * len(self.features)

    @cached_property
    def _reads(self) -> "_Reads":
        named = [(i, f, f.column or "") for i, f in enumerate(self.features)]
        plain = [(i, c, self._reader(f)) for i, f, c in named if f.kind in ("number", "text")]
        times = [(i, c, self._reader(f)) for i, f, c in named if f.kind == "time"]
        words = [
            (places, name, mention_reader(self._looked_for(places), self.missing))
            for name, places in self._words.items()
        ]
        in_order = sorted([*plain, *times])
        return _Reads(
            plain=plain,
            times=times,
            lives=[(i, f.kind) for i, f, _ in named if f.kind in LIFE],
            words=words,
            all=[(c, read) for _, c, read in [*words, *in_order]],
        )

    @staticmethod
    def _mention(values: list[float], places: list[int], mentioned: list[int] | None) -> None:
        if mentioned is not None:
            for place in places:
                values[place] = 0.0
            for number in mentioned:
                values[places[number]] = 1.0

    def _life_at(self, kind: str, as_of: int, created: int) -> float:
        if kind == "age":
            return float(as_of - created) / MICROSECONDS_A_DAY
        return self._part(kind, created // _QUARTER)

    def of_activities(
        self,
        as_of: Microseconds,
        log: ActivityLog,
        untold: NDArray[np.bool_] | None = None,
        colleagues: AccountLog | None = None,
    ) -> Numbers:
        """Compute the features of activities alone, shape (leads, features); others are NaN.

        Parameters are those of `encode`.
        """
        x = np.full((len(as_of), len(self.features)), np.nan)
        told = np.ones(len(as_of), bool) if untold is None else ~untold
        self._activities(x, told, "lead", lambda plan: touches_of_leads(plan, log, as_of))
        if colleagues is not None:
            known = self._companies(colleagues)
            self._activities(
                x, known, "account", lambda plan: touches_of_accounts(plan, colleagues, as_of)
            )
        return x

    @cached_property
    def places_of_activities(self) -> tuple[int, ...]:
        """Positions of the features of activities."""
        return tuple(i for i, feature in enumerate(self.features) if feature.kind in ACTIVITY)

    @cached_property
    def of_no_activities(self) -> list[float]:
        """The features of activities, of a lead that has none: the same at any moment."""
        found = self.of_activities(np.zeros(1, np.int64), ActivityLog.empty())
        numbers: list[float] = found[0, self.places_of_activities].tolist()
        return numbers

    def _activities(
        self,
        x: Numbers,
        told: NDArray[np.bool_],
        scope: Scope,
        touches: Callable[[Plan], Touches],
    ) -> None:
        """Fill in the features of one scope, where its activities are known."""
        if scope not in self._plans:
            return
        plan, untold = self._plans[scope], np.flatnonzero(~told)
        found = ActivityNumbers(plan, aggregates_of(plan, touches(plan)), len(x))
        places = [
            (position, feature)
            for position, feature in enumerate(self.features)
            if feature.kind in ACTIVITY and feature.scope == scope
        ]
        for position, feature in places:
            if len(x) < FEW:
                x[:, position] = [found.at(feature, lead) for lead in range(len(x))]
            else:
                x[:, position] = found.of(feature)
        x[np.ix_(untold, np.array([position for position, _ in places], np.intp))] = np.nan

    def _companies(self, colleagues: AccountLog) -> NDArray[np.bool_]:
        """Tell which leads have a known account that is a company."""
        crowds = [name in self.crowds for name in colleagues.names]
        return ~np.array([*crowds, True], bool)[colleagues.account]

    @cached_property
    def _words(self) -> dict[str, list[int]]:
        """Positions of the words looked for, by column."""
        places: dict[str, list[int]] = {}
        for position, feature in enumerate(self.features):
            if feature.kind == "word":
                places.setdefault(feature.column or "", []).append(position)
        return places

    def _mentioned(
        self,
        name: str,
        places: list[int],
        raw: Mapping[str, RawColumn],
        errors: dict[int, list[tuple[str, str]]],
    ) -> "Numbers | float":
        column = raw.get(name)
        if column is None:
            return math.nan
        found, bad = mentions(column, self._looked_for(places), self.missing)
        _note(errors, name, bad)
        return found

    def _looked_for(self, places: list[int]) -> list[str]:
        return [self.features[place].word or "" for place in places]

    def shown(self, position: int, number: float) -> str | float | None:
        """Return a feature's number as a person reads it: its text, the number, None if missing.

        Whether a word is mentioned reads ``yes`` or ``no``.
        """
        return shown_value(self.features[position], number)

    def _attribute(
        self,
        feature: Feature,
        column: RawColumn,
        as_of: Microseconds,
        errors: dict[int, list[tuple[str, str]]],
    ) -> Numbers:
        numbers, bad = column.numbers(self._reader(feature))
        _note(errors, feature.column or feature.name, bad)
        if feature.kind != "time":
            return numbers
        moments = np.where(np.isnan(numbers), 0, numbers)
        days = (as_of - moments) / MICROSECONDS_A_DAY
        return np.where(np.isnan(numbers) | (as_of == NO_TIME) | (days < 0), np.nan, days)

    def _reader(self, feature: Feature) -> Reader:
        if feature.kind == "number":
            gaps = {gap.casefold() for gap in feature.gaps}
            return number_reader(self.missing | gaps, self.decimal, flags=feature.flags)
        if feature.kind == "time":
            return moment_reader(self._zone, self.date_format, self.missing)
        return level_reader(feature.levels, self.missing)

    def _life(self, feature: Feature, as_of: Microseconds, created: Microseconds) -> Numbers:
        known = created != NO_TIME
        if feature.kind == "age":
            days = (as_of - np.where(known, created, 0)) / MICROSECONDS_A_DAY
            return np.where(known & (as_of != NO_TIME), days, np.nan)
        parts = np.full(len(created), np.nan)
        distinct, rows = np.unique(created[known] // _QUARTER, return_inverse=True)
        parts[known] = np.array([self._part(feature.kind, int(part)) for part in distinct])[rows]
        return parts

    def _part(self, kind: str, quarter: int) -> float:
        moment = datetime.fromtimestamp(quarter * 900, self._zone)
        return float(moment.hour if kind == "hour" else moment.weekday())


@dataclass(frozen=True)
class _Reads:
    """How the features of one lead are read.

    Attributes
    ----------
    plain, times : list of (position, column, reader)
        Numbers and texts; times, which become days.
    lives : list of (position, kind)
    words : list of (positions, column, reader)
    all : list of (column, reader)
        In the order in which errors are told.
    """

    plain: list[tuple[int, str, Reader]]
    times: list[tuple[int, str, Reader]]
    lives: list[tuple[int, str]]
    words: list[tuple[list[int], str, Callable[[object], list[int] | None]]]
    all: list[tuple[str, Callable[[object], object]]]


def shown_value(feature: Feature, number: float) -> str | float | None:
    """Return a feature's number as a person reads it; see `FeatureSet.shown`."""
    if number != number:
        return None
    if feature.kind == "word":
        return "yes" if number else "no"
    return feature.levels[int(number)] if feature.categorical else float(number)


_QUARTER = MICROSECONDS_A_DAY // 96  # zones differ by quarters of an hour


def _note(errors: dict[int, list[tuple[str, str]]], name: str, bad: Mapping[int, str]) -> None:
    """Add a column's errors to those by row; a column that is several features is told once."""
    for row, why in bad.items():
        if (name, why) not in errors.setdefault(row, []):
            errors[row].append((name, why))


__all__ = [
    "ACTIVITY",
    "ATTRIBUTES",
    "MOST_LEVELS",
    "RARE",
    "Encoded",
    "Feature",
    "FeatureSet",
    "NotUsableError",
    "level_reader",
    "shown_value",
]
