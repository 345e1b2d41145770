"""Which features of activities the training leads offer; the outcome is never looked at."""

import re
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from typing import Any, TypeVar

import numpy as np
from numpy.typing import NDArray

from leadml.data.activity_log import AccountLog, ActivityLog
from leadml.data.detail_group import detail_group
from leadml.data.values import NO_TIME
from leadml.snapshot.activity_numbers import ActivityNumbers, aggregates_of
from leadml.snapshot.aggregates import plan_of, touch_name, touches_of_accounts, touches_of_leads
from leadml.snapshot.feature import RARE, Feature

WINDOWS = (1.0, 7.0, 30.0, 90.0, None)
ACCOUNT_WINDOWS = (30.0, 90.0)
"""Windows of what colleagues did; ever and the last one tell how old the CRM is, not more."""
TREND = 7.0
"""Days of a trend: longer ones and mean gaps brought nothing out of time."""
FEWEST_WITH_ACTIVITY = 10
"""Fewest leads that must have a kind of activity for it to become features."""
LEAST_SHARE = 0.01
"""Least share of the leads that must have a detail group for it to become features."""
MOST_GROUPS = 12
"""Most detail groups that become features: those that most leads have."""
MOST_FIRST = 20
"""Most first activities that are told apart."""
ALIKE = 0.01
"""Two features are copies where they differ in at most this share of the leads with either."""
MOST_COMPARED = 10_000
"""Most leads by which copies are found."""

_CLICK = re.compile(r"click(ed|ing|s)?", re.IGNORECASE)
_OPEN = re.compile(r"open(ed|ing|s)?", re.IGNORECASE)

Pair = tuple[str, str]
Name = TypeVar("Name")


def activity_features(log: ActivityLog, as_of: NDArray[np.int64]) -> list[Feature]:
    """Return the features of the leads' own activities, wide windows after narrow ones.

    Parameters
    ----------
    log : ActivityLog
        Activities of the training leads.
    as_of : int64 array, shape (leads,)
        Microseconds UTC, `NO_TIME` where undated.
    """
    moment = as_of[log.lead]
    before = log.keep((log.at < moment) & (moment != NO_TIME))
    if not len(before):
        return []
    support = _support(before, before.kind, before.kinds)
    kinds = [kind for kind in before.kinds if support[kind] >= FEWEST_WITH_ACTIVITY]
    pairs, codes = _pairs(before)
    return [
        *_of_kind(None),
        *_course(),
        *(feature for kind in kinds for feature in _of_kind(kind)),
        *(
            feature
            for pair in _groups(_support(before, codes, pairs), kinds, len(as_of))
            for feature in _of_group(*pair)
        ),
        *_ratios(kinds),
        *_first_touch(before, pairs, as_of),
    ]


def account_features(colleagues: AccountLog, as_of: NDArray[np.int64]) -> list[Feature]:
    """Return the features of what other leads of the account did.

    Parameters
    ----------
    colleagues : AccountLog
        Of the training leads.
    as_of : int64 array, shape (leads,)
        Microseconds UTC, `NO_TIME` where undated.
    """
    every = Feature(name="colleagues", kind="count", scope="account")
    plan = plan_of([every])
    found = aggregates_of(plan, touches_of_accounts(plan, colleagues, as_of))
    if len(found.lead) < FEWEST_WITH_ACTIVITY:
        return []
    return [*_of_colleagues()]


def _support(before: ActivityLog, code: NDArray[Any], names: Sequence[Name]) -> dict[Name, int]:
    """Count the distinct leads of each name; codes are positions in `names`, -1 for none."""
    known = np.flatnonzero(code >= 0)
    width = max(len(names), 1)
    having = np.unique(before.lead[known].astype(np.int64) * width + code[known])
    counts = np.bincount(having % width, minlength=width)
    return dict(zip(names, counts.tolist(), strict=False))


def _of_kind(kind: str | None) -> Iterator[Feature]:
    name = touch_name(kind)
    for window in WINDOWS:
        shown = f"{name}: {_window(window)}"
        yield Feature(name=shown, kind="count", activity=kind, window=window)
    yield Feature(name=f"{name}: days since last", kind="recency", activity=kind)
    yield Feature(name=f"{name}: days active", kind="days", activity=kind)


def _course() -> Iterator[Feature]:
    """Yield how activity comes and goes."""
    name = touch_name(None)
    shown = f"{name}: {TREND:g} days against the {TREND:g} before"
    yield Feature(name=shown, kind="trend", window=TREND)
    yield Feature(name=f"{name}: longest gap in days", kind="longest_gap")


def _of_group(kind: str, group: str) -> Iterator[Feature]:
    name = touch_name(kind, group)
    for window in WINDOWS:
        shown = f"{name}: {_window(window)}"
        yield Feature(name=shown, kind="count", activity=kind, group=group, window=window)
    shown = f"{name}: days since last"
    yield Feature(name=shown, kind="recency", activity=kind, group=group)


def _of_colleagues() -> Iterator[Feature]:
    for window in ACCOUNT_WINDOWS:
        name = f"colleagues: {_window(window)}"
        yield Feature(name=name, kind="count", window=window, scope="account")
    for window in ACCOUNT_WINDOWS:
        name = f"colleagues: active contacts {_window(window).removeprefix('times ')}"
        yield Feature(name=name, kind="contacts", window=window, scope="account")


def _window(window: float | None) -> str:
    return "times ever" if window is None else f"times {_days(window)}"


def _days(window: float) -> str:
    return f"in {window:g} day{'' if window == 1 else 's'}"


def _pairs(before: ActivityLog) -> tuple[list[Pair], NDArray[np.intp]]:
    """Return the pairs of kind and detail group, and which one each activity is (-1: none)."""
    known = np.flatnonzero((before.kind >= 0) & (before.detail >= 0))
    width = max(len(before.details), 1)
    keys = before.kind[known].astype(np.int64) * width + before.detail[known]
    distinct, rows = np.unique(keys, return_inverse=True)
    found = [
        (before.kinds[key // width], detail_group(before.details[key % width]))
        for key in distinct.tolist()
    ]
    position = {pair: place for place, pair in enumerate(dict.fromkeys(found))}
    codes = np.full(len(before), -1, np.intp)
    codes[known] = np.array([position[pair] for pair in found], np.intp)[rows.reshape(-1)]
    return list(position), codes


def _groups(support: Mapping[Pair, int], kinds: Sequence[str], leads: int) -> list[Pair]:
    """Return the detail groups, of kinds with several, that enough leads have."""
    several = Counter(kind for kind, _ in support)
    fewest = max(FEWEST_WITH_ACTIVITY, LEAST_SHARE * leads)
    common = [
        pair
        for pair, count in support.items()
        if count >= fewest and several[pair[0]] > 1 and pair[0] in kinds
    ]
    return sorted(common, key=lambda pair: (-support[pair], pair))[:MOST_GROUPS]


def _ratios(kinds: Sequence[str]) -> Iterator[Feature]:
    """Yield clicks to opens, of kinds that are called alike but for that (email_click, ...)."""
    opens = {_stem(_OPEN, kind): kind for kind in kinds if _OPEN.search(kind)}
    for kind in kinds:
        per = opens.get(_stem(_CLICK, kind)) if _CLICK.search(kind) else None
        if per is not None:
            yield Feature(name=f"{kind} for each {per}", kind="ratio", activity=kind, per=per)


def _stem(pattern: re.Pattern[str], kind: str) -> str:
    return re.sub(r"\W|_", "", pattern.sub("", kind)).casefold()


def _first_touch(
    before: ActivityLog, pairs: Sequence[Pair], as_of: NDArray[np.int64]
) -> Iterator[Feature]:
    """Yield what a lead's first activity was: common ones by detail group, others by kind."""
    names = {kind: kind for kind in before.kinds} | {touch_name(*pair): pair[0] for pair in pairs}
    every = Feature(name="first activity", kind="first", levels=tuple(sorted(names)))
    plan = plan_of([every])
    found = aggregates_of(plan, touches_of_leads(plan, before, as_of))
    codes = ActivityNumbers(plan, found, len(as_of)).of(every)
    counts = Counter(every.levels[int(code)] for code in codes[~np.isnan(codes)])
    fewest = max(FEWEST_WITH_ACTIVITY, LEAST_SHARE * len(as_of))
    largest = sorted(counts, key=lambda name: (-counts[name], name))[:MOST_FIRST]
    own = {name for name in largest if counts[name] >= fewest}
    rest = Counter({names[name]: 0 for name in counts})
    for name in set(counts) - own:
        rest[names[name]] += counts[name]
    own |= {kind for kind, count in rest.items() if count >= fewest}
    rare = [RARE] if any(count for kind, count in rest.items() if kind not in own) else []
    if own:
        levels = (*sorted(own), *rare)
        yield Feature(name="first activity", kind="first", levels=levels)


def copies(features: Sequence[Feature], x: NDArray[np.float64]) -> NDArray[np.bool_]:
    """Tell which features of activities say (nearly) the same as another one with a wider window.

    Returns
    -------
    copies : bool array, shape (features,)
    """
    step = -(-len(x) // MOST_COMPARED) or 1
    sample = np.nan_to_num(x[::step], nan=-1.0)
    order = sorted(
        (place for place, f in enumerate(features) if f.kind in ("count", "days", "contacts")),
        key=lambda place: -(features[place].window or np.inf),
    )
    kept: list[int] = []
    found = np.zeros(len(features), bool)
    for place in order:
        column = sample[:, place]
        found[place] = any(_alike(column, sample[:, other]) for other in kept)
        if not found[place]:
            kept.append(place)
    return found


def _alike(a: NDArray[np.float64], b: NDArray[np.float64]) -> bool:
    either = int(((a > 0) | (b > 0)).sum())
    return int((a != b).sum()) <= ALIKE * either
