"""Checks on single columns: empty, constant, ids posing as features, mixed kinds, infinities."""

import math
from collections.abc import Iterator
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from leadml.data.leads import Leads
from leadml.data.places import Places
from leadml.data.raw import RawColumn
from leadml.data.values import NotUsableError, is_missing, missing_texts, time_reader, to_number
from leadml.domain.finding import Finding

FEWEST_ROWS = 50
NEAR_UNIQUE = 0.9
MOSTLY = 0.8
FIRST_LOOK = 10_000
COUNTER_SPREAD = 20


@dataclass
class _Profile:
    """What the distinct values of a column are, by position among them."""

    numbers: dict[int, float] = field(default_factory=dict)
    infinite: list[int] = field(default_factory=list)
    texts: list[int] = field(default_factory=list)
    rows: int = 0
    distinct: int = 0

    @property
    def numeric(self) -> bool:
        """Whether the column is one of numbers, a few texts apart."""
        numbers = len(self.numbers) + len(self.infinite)
        return numbers > 0 and numbers >= MOSTLY * (numbers + len(self.texts))


def column_findings(leads: Leads) -> Iterator[Finding]:
    """Yield what is odd about single columns; columns that are never features are spared most."""
    missing = missing_texts(leads.mapping.missing)
    never = leads.mapping.never_features
    for column in leads.frame.columns:
        raw = leads.raw(column)
        sizes = np.bincount(raw.codes + 1, minlength=len(raw.values) + 1)[1:]
        present = [
            p for p in np.flatnonzero(sizes).tolist() if not is_missing(raw.values[p], missing)
        ]
        rows = int(sizes[present].sum())
        if not present:
            text = f"{column} is empty: it is no feature; export it filled or leave it out"
            yield Finding("DATA005", "warning", column, len(leads), text)
        elif column not in never:
            yield from _feature_findings(leads, column, raw, present, rows)


def _feature_findings(
    leads: Leads, column: str, raw: RawColumn, present: list[int], rows: int
) -> Iterator[Finding]:
    if len(present) == 1 and rows == len(leads) and len(leads) > 1:
        value = str(raw.values[present[0]])
        text = f"{column} holds one value only: it tells nothing and is no feature"
        yield Finding("DATA006", "warning", column, rows, text, (value[:60],))
        return
    profile = _profile(raw, present, rows)
    if column not in leads.mapping.keep and _poses(profile, raw, leads):
        examples = tuple(str(raw.values[position])[:60] for position in present[:3])
        text = (
            f"{column} holds {profile.distinct:,} different values in {rows:,} leads: an id or a "
            "free text, not a property; it is no feature unless listed under keep"
        )
        yield Finding("DATA007", "warning", column, rows, text, examples)
    if profile.numeric:
        yield from _odd_numbers(column, raw, profile, leads.places)


def _profile(raw: RawColumn, present: list[int], rows: int) -> _Profile:
    """Sort distinct values by kind; a look at the first settles that a column is one of texts."""
    profile = _Profile(rows=rows, distinct=len(present))
    for seen, position in enumerate(present):
        if seen == FIRST_LOOK and not profile.numeric:
            break
        value = raw.values[position]
        try:
            number = to_number(value)
        except NotUsableError:
            (profile.infinite if _is_infinite(value) else profile.texts).append(position)
        else:
            if not math.isnan(number):
                profile.numbers[position] = number
    return profile


def _is_infinite(value: object) -> bool:
    try:
        return math.isinf(float(value))  # type: ignore[arg-type]
    except OverflowError:
        return True
    except (TypeError, ValueError):
        return False


def _poses(profile: _Profile, raw: RawColumn, leads: Leads) -> bool:
    """Tell whether a column names single leads: near-unique texts, or a counter's whole numbers."""
    if profile.rows < FEWEST_ROWS or profile.distinct <= NEAR_UNIQUE * profile.rows:
        return False
    if not profile.numeric:
        return not _holds_times(profile, raw, leads)
    numbers = np.array(list(profile.numbers.values()))
    if profile.distinct < profile.rows or not (numbers == np.floor(numbers)).all():
        return False
    return bool(np.ptp(numbers) <= COUNTER_SPREAD * profile.rows or numbers.min() >= 1e6)


def _holds_times(profile: _Profile, raw: RawColumn, leads: Leads) -> bool:
    from zoneinfo import ZoneInfo

    read = time_reader(ZoneInfo(leads.mapping.timezone), leads.mapping.date_format)
    for position in profile.texts[:20]:
        try:
            read(raw.values[position])
        except NotUsableError:
            return False
    return True


def _odd_numbers(
    column: str, raw: RawColumn, profile: _Profile, places: Places
) -> Iterator[Finding]:
    rows = _rows_of(raw, profile.infinite)
    if len(rows):
        text = f"{column} holds infinite numbers; they are read as missing: correct the export"
        examples = places.examples(rows, lambda row: raw.values[raw.codes[row]])
        yield Finding("DATA016", "warning", column, len(rows), text, examples)
    rows = _rows_of(raw, profile.texts)
    if len(rows):
        text = (
            f"{column} holds numbers and {len(rows):,} other values; these are read as missing: "
            "correct them, or list texts that mean missing under missing"
        )
        examples = places.examples(rows, lambda row: repr(raw.values[raw.codes[row]])[:60])
        yield Finding("DATA017", "warning", column, len(rows), text, examples)


def _rows_of(raw: RawColumn, positions: list[int]) -> NDArray[np.intp]:
    return np.flatnonzero(np.isin(raw.codes, positions)) if positions else np.empty(0, np.intp)
