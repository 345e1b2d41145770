"""Which features the training leads offer, and which columns are left out, each with its reason.

Nothing here looks at the outcome: the choice depends on what the columns hold.
"""

import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from zoneinfo import ZoneInfo

import numpy as np
from numpy.typing import NDArray

from leadml.data.activity_log import AccountLog, ActivityLog
from leadml.data.leads import Leads
from leadml.data.raw import RawColumn
from leadml.data.values import (
    NO_TIME,
    NotUsableError,
    is_code,
    is_flag,
    is_missing,
    microseconds,
    missing_texts,
    time_reader,
    to_number,
    to_text,
)
from leadml.data.words import frequent_terms, is_prose, mean_words
from leadml.domain.finding import ExcludedColumn
from leadml.domain.mapping import NEVER_FEATURES, LeadMapping
from leadml.snapshot.activity_features import account_features, activity_features, copies
from leadml.snapshot.features import MOST_LEVELS, RARE, Feature, FeatureSet
from leadml.snapshot.owner_copies import names_a_person, same_as_owner

FEWEST_OF_LEVEL = 5
"""Fewest leads of a level of its own; rarer ones share one level."""
MOST_LATER_TIMES = 0.05
"""Largest share of a time column that may lie after the moment its lead is judged."""
NEAR_UNIQUE = 0.9
"""Share of distinct values among present ones from which a text column counts as an id."""
WORDS_OF_TITLES = 1.5
"""Mean words from which texts that many leads share, such as job titles, are read for them."""
FEWEST_TITLES = 30
"""Fewest distinct texts for that: fewer are levels and nothing else."""
MOST_TITLES = 0.5
"""Most distinct texts for that, as a share of leads."""
MOSTLY = 0.95
"""Share of present values that must read as numbers (times) for a column of numbers (times)."""


@dataclass(frozen=True)
class Catalogue:
    """The features chosen, and the columns left out."""

    features: FeatureSet
    excluded: tuple[ExcludedColumn, ...]


def choose_features(
    leads: Leads,
    rows: NDArray[np.intp],
    *,
    as_of: NDArray[np.int64],
    log: ActivityLog | None,
    raw: Mapping[str, RawColumn] | None = None,
    colleagues: AccountLog | None = None,
    crowds: Iterable[str] = (),
) -> Catalogue:
    """Choose the features of the leads at `rows`.

    Parameters
    ----------
    leads : Leads
        The whole export.
    rows : int array
        The leads to learn from.
    as_of : int64 array, shape (rows,)
        Microseconds; the moment each of those leads is judged, `NO_TIME` where undated.
    log : ActivityLog or None
        Activities of those leads (positions in `rows`); None where no activities were given.
    raw : mapping of str to RawColumn, optional
        The columns of those leads as of those moments; default as the export gives them.
    colleagues : AccountLog, optional
        Activities of those leads' accounts; None where accounts or activities are unknown.
    crowds : iterable of str
        Accounts, case folded, that are no companies.
    """
    mapping = leads.mapping
    features: list[Feature] = []
    excluded = _never_features(list(leads.columns), mapping)
    left = {item.column for item in excluded}
    excluded += _owners(leads, rows, [column for column in leads.columns if column not in left])
    left = {item.column for item in excluded}
    for column in leads.columns:
        if column in left:
            continue
        raw_column = _column(leads, column, rows, raw)
        for found in _attribute(column, raw_column, as_of, mapping):
            if isinstance(found, Feature):
                features.append(found)
            else:
                excluded.append(found)
    features += _life_features(leads, rows, as_of)
    if log is not None and log.kinds:
        features += activity_features(log, as_of)
    if colleagues is not None:
        features += account_features(colleagues, as_of)
    chosen = FeatureSet(
        tuple(features),
        missing_texts(mapping.missing),
        mapping.timezone,
        mapping.date_format,
        mapping.decimal,
        frozenset(crowds),
    )
    return Catalogue(chosen, tuple(excluded))


def drop_constant(
    catalogue: Catalogue, x: NDArray[np.float64]
) -> tuple[Catalogue, NDArray[np.bool_]]:
    """Leave out features with at most one value over the training leads (missing counts as one).

    Counts of activities that say the same as one over a wider window go too.

    Returns
    -------
    catalogue : Catalogue
        Without them.
    kept : bool array, shape (features,)
        Which columns of `x` stay.
    """
    kept = np.array([_varies(x[:, position]) for position in range(x.shape[1])], dtype=bool)
    features = catalogue.features.features
    kept &= ~copies(features, x)
    dropped = [f for f, keep in zip(features, kept, strict=True) if not keep]
    excluded = tuple(
        ExcludedColumn(f.column, "DATA006", "holds one value only in the training leads")
        for f in dropped
        if f.column and f.kind != "word"
    )
    remaining = tuple(f for f, keep in zip(features, kept, strict=True) if keep)
    features_left = replace(catalogue.features, features=remaining)
    return Catalogue(features_left, catalogue.excluded + excluded), kept


def _varies(column: NDArray[np.float64]) -> bool:
    present = column[~np.isnan(column)]
    if len(present) == 0:
        return False
    return len(present) < len(column) or bool((present != present[0]).any())


def _never_features(columns: Sequence[str], mapping: LeadMapping) -> list[ExcludedColumn]:
    keys = (*NEVER_FEATURES, *mapping.times)
    roles = {name: key for key, name in mapping.named_columns.items() if key in keys}
    excluded = []
    for column in columns:
        if column in roles:
            reason = f"is mapped as {roles[column]}, which is never a feature"
            excluded.append(ExcludedColumn(column, "ROLE001", reason))
        elif column in mapping.ignore:
            excluded.append(ExcludedColumn(column, "ROLE002", "is listed under ignore"))
    return excluded


def _owners(leads: Leads, rows: NDArray[np.intp], columns: Sequence[str]) -> list[ExcludedColumn]:
    """Leave out the owner under another name, such as its number or address."""
    wanted = [c for c in columns if names_a_person(c) and c not in leads.mapping.keep]
    owner = leads.mapping.owner
    reason = f"holds one value for each {owner} and is named like it: who has the lead, no property"
    return [ExcludedColumn(c, "ROLE003", reason) for c in same_as_owner(leads, rows, wanted)]


def _column(
    leads: Leads, column: str, rows: NDArray[np.intp], raw: Mapping[str, RawColumn] | None
) -> RawColumn:
    return leads.raw(column).take(rows) if raw is None else raw[column]


def _attribute(
    column: str, raw: RawColumn, as_of: NDArray[np.int64], mapping: LeadMapping
) -> Sequence[Feature | ExcludedColumn]:
    missing = missing_texts(mapping.missing)
    used, counts = np.unique(raw.codes[raw.codes >= 0], return_counts=True)
    values = [raw.values[code] for code in used]
    present = [
        (v, int(n)) for v, n in zip(values, counts, strict=True) if not is_missing(v, missing)
    ]
    if not present:
        return [ExcludedColumn(column, "DATA005", "is empty in the training leads")]
    number = _number_feature(column, present, mapping.decimal)
    if number is not None:
        return [_unless_id(number, present, mapping)]
    found = _time_feature(column, present, raw, as_of, mapping)
    return [found] if found is not None else _text_features(column, present, mapping)


def _number_feature(column: str, present: list[tuple[object, int]], decimal: str) -> Feature | None:
    numbers = gaps = 0
    texts: list[str] = []
    if any(is_code(value) for value, _ in present):
        return None  # 0713 is no amount of anything: as a number it would be 713
    for value, count in present:
        try:
            numbers += count * (not math.isnan(to_number(value, decimal=decimal)))
        except NotUsableError:
            gaps += count
            texts.append(str(value).strip())
    if numbers == 0 or numbers < MOSTLY * (numbers + gaps) or len(texts) > MOST_LEVELS:
        return None
    flags = any(is_flag(value) for value, _ in present)
    gaps_seen = tuple(sorted(texts))
    return Feature(name=column, kind="number", column=column, gaps=gaps_seen, flags=flags)


def _unless_id(
    feature: Feature, present: list[tuple[object, int]], mapping: LeadMapping
) -> Feature | ExcludedColumn:
    """Leave out whole numbers that name single leads: all distinct, and dense like a counter."""
    sign = mapping.decimal
    numbers = np.array([to_number(v, decimal=sign) for v, _ in present if _is_number(v, sign)])
    rows = sum(count for _, count in present)
    whole = len(numbers) > 0 and bool((numbers == np.floor(numbers)).all())
    if not (whole and rows >= 50 and len(numbers) == rows and feature.name not in mapping.keep):
        return feature
    if np.ptp(numbers) > min(20 * rows, rows**2 / 14) and numbers.min() < 1e6:
        return feature  # drawn at random they would all differ with a chance above 1 in 1,000
    if (numbers % 100 == 0).mean() > 0.5:
        return feature  # rounded like an amount, as no id is
    reason = f"holds a different whole number in each of {rows} leads: an id, not a property"
    return ExcludedColumn(feature.name, "DATA007", reason)


def _is_number(value: object, decimal: str) -> bool:
    try:
        return not math.isnan(to_number(value, decimal=decimal))
    except NotUsableError:
        return False


def _time_feature(
    column: str,
    present: list[tuple[object, int]],
    raw: RawColumn,
    as_of: NDArray[np.int64],
    mapping: LeadMapping,
) -> Feature | ExcludedColumn | None:
    read = time_reader(ZoneInfo(mapping.timezone), mapping.date_format)
    moments: dict[object, float] = {}
    for value, _ in present:
        try:
            moments[value] = microseconds(read(value))
        except NotUsableError:
            return None
    at, _ = raw.numbers(lambda value: moments.get(value, math.nan))  # some in other leads only
    known = ~np.isnan(at) & (as_of != NO_TIME)
    if not known.any():
        reason = "holds times, and no created_at or handed_off_at is mapped to judge them against"
        return ExcludedColumn(column, "TIME013", reason)
    later = int((at[known] > as_of[known]).sum())
    if later > MOST_LATER_TIMES * int(known.sum()) and column not in mapping.keep:
        reason = (
            f"holds a time after the moment the lead is judged in {later} of {int(known.sum())} "
            "leads: it tells what happened later"
        )
        return ExcludedColumn(column, "TIME014", reason)
    return Feature(name=f"days since {column}", kind="time", column=column)


def _text_features(
    column: str, present: list[tuple[object, int]], mapping: LeadMapping
) -> Sequence[Feature | ExcludedColumn]:
    """Return a text's levels, its words, or both: a title may be a level and share words."""
    counts: dict[str, int] = {}
    for value, count in present:
        try:
            text = to_text(value)
        except NotUsableError:
            reason = "holds lists or objects, which cannot be a feature"
            return [ExcludedColumn(column, "DATA008", reason)]
        if text is not None:
            counts[text] = counts.get(text, 0) + count
    rows = sum(counts.values())
    words = _word_features(column, counts)
    if rows < 50 or len(counts) <= NEAR_UNIQUE * rows or column in mapping.keep:
        return [Feature(name=column, kind="text", column=column, levels=_levels(counts)), *words]
    if words:
        return words
    reason = f"holds {len(counts)} different texts in {rows} leads: an id, not a property"
    return [ExcludedColumn(column, "DATA007", reason)]


def _word_features(column: str, counts: dict[str, int]) -> list[Feature]:
    rows = sum(counts.values())
    prose = len(counts) > MOST_TITLES * rows and is_prose(counts)
    titles = FEWEST_TITLES <= len(counts) <= MOST_TITLES * rows
    if not prose and not (titles and mean_words(counts) >= WORDS_OF_TITLES):
        return []
    return [
        Feature(name=f"{column} mentions {term!r}", kind="word", column=column, word=term)
        for term in frequent_terms(counts)
    ]


def _levels(counts: dict[str, int]) -> tuple[str, ...]:
    by_size = sorted(counts, key=lambda text: (-counts[text], text))
    frequent = [text for text in by_size if counts[text] >= FEWEST_OF_LEVEL and text != RARE]
    own = (frequent or by_size)[: MOST_LEVELS - 1]
    rare = [RARE] if len(own) < len(by_size) else []
    return tuple(sorted(own) + rare)


def _life_features(leads: Leads, rows: NDArray[np.intp], as_of: NDArray[np.int64]) -> list[Feature]:
    if "created_at" not in leads.times:
        return []
    created = leads.times["created_at"].astype("datetime64[us]").view("i8")[rows]
    parts = [
        Feature(name="hour created", kind="hour"),
        Feature(name="weekday created", kind="weekday"),
    ]
    known = (created != NO_TIME) & (as_of != NO_TIME)
    by_handoff = known.any() and np.unique(as_of[known] - created[known]).size > 1
    return [Feature(name="age in days", kind="age"), *parts] if by_handoff else parts
