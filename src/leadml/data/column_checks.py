"""Checks on single columns: empty, constant, ids posing as features, mixed kinds, infinities."""

import math
from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from leadml.data.leads import NUMBERS, Leads
from leadml.data.number_checks import convention_findings
from leadml.data.places import Places
from leadml.data.raw import RawColumn
from leadml.data.times import common_shape
from leadml.data.values import (
    NotUsableError,
    decimal_sign,
    is_missing,
    missing_texts,
    time_reader,
    to_number,
)
from leadml.data.words import is_prose
from leadml.domain.finding import Finding

FEWEST_ROWS = 50
NEAR_UNIQUE = 0.9
MOSTLY = 0.8
FIRST_LOOK = 10_000
COUNTER_SPREAD = 20


MISSING, NUMBER, GAP, INFINITE, TEXT = range(5)


@dataclass(frozen=True)
class _Profile:
    """What the distinct values of a column are; arrays of shape (distinct values,).

    Attributes
    ----------
    kind : int8 array
        MISSING, NUMBER, GAP (``NA`` and its like), INFINITE or TEXT; what no row holds is MISSING.
    numbers : float array
        The values that are numbers, NaN for others.
    rows, distinct : int
        How many rows hold a value, and how many different ones there are.
    """

    kind: NDArray[np.int8]
    numbers: NDArray[np.float64]
    rows: int
    distinct: int

    def where(self, kind: int) -> NDArray[np.intp]:
        """Return the positions of the values of one kind."""
        return np.flatnonzero(self.kind == kind)

    @property
    def numeric(self) -> bool:
        """Whether the column is one of numbers, a few texts apart."""
        numbers = int(((self.kind == NUMBER) | (self.kind == INFINITE)).sum())
        return numbers > 0 and numbers >= MOSTLY * (numbers + int((self.kind == TEXT).sum()))


def column_findings(leads: Leads) -> Iterator[Finding]:
    """Yield what is odd about single columns; columns that are never features are spared most."""
    missing = missing_texts(leads.mapping.missing)
    never = leads.mapping.never_features
    mapped = {getattr(leads.mapping, role) for role in NUMBERS}
    for column in leads.columns:
        raw = leads.raw(column)
        profile = _profile(raw, missing, leads.mapping.decimal)
        if not profile.rows:
            text = f"{column} is empty: it is no feature; export it filled or leave it out"
            yield Finding("DATA005", "warning", column, len(leads), text)
            continue
        if column in mapped or (column not in never and _mostly_numbers(profile, raw)):
            decimal, used = leads.mapping.decimal, profile.kind != MISSING
            yield from convention_findings(column, raw, decimal, leads.places, used=used)
        if column not in never:
            yield from _feature_findings(leads, column, raw, profile)


def _mostly_numbers(profile: _Profile, raw: RawColumn) -> bool:
    """Tell whether most values are numbers in one convention or the other."""
    texts = profile.where(TEXT)
    other = sum(decimal_sign(raw.values[position]) is not None for position in texts)
    numbers = int(((profile.kind == NUMBER) | (profile.kind == INFINITE)).sum())
    return numbers + other > 0 and numbers + other >= MOSTLY * (numbers + len(texts))


def _feature_findings(
    leads: Leads, column: str, raw: RawColumn, profile: _Profile
) -> Iterator[Finding]:
    first = [str(raw.values[position])[:60] for position in np.flatnonzero(profile.kind)[:3]]
    if profile.distinct == 1 and profile.rows == len(leads) > 1:
        text = f"{column} holds one value only: it tells nothing and is no feature"
        yield Finding("DATA006", "warning", column, profile.rows, text, tuple(first))
        return
    if column not in leads.mapping.keep and _poses(profile, raw, leads):
        text = f"{column} holds {profile.distinct:,} different values in {profile.rows:,} leads: "
        text += _what_it_is([raw.values[position] for position in profile.where(TEXT)])
        yield Finding("DATA007", "warning", column, profile.rows, text, tuple(first))
    if profile.numeric:
        yield from _odd_numbers(column, raw, profile, leads.places)


def _what_it_is(texts: list[object]) -> str:
    shape = common_shape(texts)
    if shape:
        return f"it reads as times like {shape}; map it or set date_format"
    return "an id, not a property; it is no feature unless listed under keep"


def _profile(raw: RawColumn, missing: frozenset[str], decimal: str) -> _Profile:
    """Sort distinct values by kind; a look at the first settles that a column is one of texts."""
    sizes = np.bincount(raw.codes + 1, minlength=len(raw.values) + 1)[1:]
    kind = np.zeros(len(sizes), np.int8)
    numbers = np.full(len(sizes), np.nan)
    texts_only = False
    for position, value in enumerate(raw.values):
        if position == FIRST_LOOK:
            texts_only = not _Profile(kind, numbers, 0, 0).numeric
        if sizes[position] and not is_missing(value, missing):
            sort = (TEXT, math.nan) if texts_only else _sort(value, decimal)
            kind[position], numbers[position] = sort
    present = kind != MISSING
    return _Profile(kind, numbers, int(sizes[present].sum()), int(present.sum()))


def _sort(value: object, decimal: str) -> tuple[int, float]:
    try:
        number = to_number(value, decimal=decimal)
    except NotUsableError:
        return (INFINITE if _is_infinite(value) else TEXT), math.nan
    return (GAP if math.isnan(number) else NUMBER), number


def _is_infinite(value: object) -> bool:
    try:
        return math.isinf(float(value))  # type: ignore[arg-type]
    except OverflowError:
        return True
    except (TypeError, ValueError):
        return False


def _poses(profile: _Profile, raw: RawColumn, leads: Leads) -> bool:
    """Tell whether a column names single leads: near-unique texts, or a counter's whole numbers.

    Sentences name nobody: they are read for their words.
    """
    if profile.rows < FEWEST_ROWS or profile.distinct <= NEAR_UNIQUE * profile.rows:
        return False
    if not profile.numeric:
        return not (_holds_times(profile, raw, leads) or _holds_prose(profile, raw))
    numbers = profile.numbers[profile.where(NUMBER)]
    if profile.distinct < profile.rows or not (numbers == np.floor(numbers)).all():
        return False
    return bool(np.ptp(numbers) <= COUNTER_SPREAD * profile.rows or numbers.min() >= 1e6)


def _holds_prose(profile: _Profile, raw: RawColumn) -> bool:
    return is_prose({str(raw.values[place]): 1 for place in profile.where(TEXT)})


def _holds_times(profile: _Profile, raw: RawColumn, leads: Leads) -> bool:
    from zoneinfo import ZoneInfo

    read = time_reader(ZoneInfo(leads.mapping.timezone), leads.mapping.date_format)
    for position in profile.where(TEXT)[:20]:
        try:
            read(raw.values[position])
        except NotUsableError:
            return False
    return True


def _odd_numbers(
    column: str, raw: RawColumn, profile: _Profile, places: Places
) -> Iterator[Finding]:
    rows = _rows_of(raw, profile.where(INFINITE))
    if len(rows):
        text = f"{column} holds infinite numbers; they are read as missing: correct the export"
        examples = places.examples(rows, lambda row: raw.values[raw.codes[row]])
        yield Finding("DATA016", "warning", column, len(rows), text, examples)
    rows = _rows_of(raw, profile.where(TEXT))
    if len(rows):
        text = (
            f"{column} holds numbers and {len(rows):,} other values; these are missing in "
            "training, and a text not seen there is an error for that lead when scoring: correct "
            "them, or list texts that mean missing under missing"
        )
        examples = places.examples(rows, lambda row: repr(raw.values[raw.codes[row]])[:60])
        yield Finding("DATA017", "warning", column, len(rows), text, examples)


def _rows_of(raw: RawColumn, positions: NDArray[np.intp]) -> NDArray[np.intp]:
    return np.flatnonzero(np.isin(raw.codes, positions)) if len(positions) else np.empty(0, np.intp)
