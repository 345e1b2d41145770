"""Checks on rows: duplicates, impossible orders of times, too few outcomes, names not there."""

from collections.abc import Callable, Collection, Iterator
from datetime import UTC, datetime, time, tzinfo
from zoneinfo import ZoneInfo

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from leadml.data.leads import Leads
from leadml.data.places import EXAMPLES, near
from leadml.data.values import MICROSECONDS_A_DAY
from leadml.domain.finding import Finding, Severity

FEWEST_OUTCOMES = 20
FEWEST_TIMES = 20
ORDERS = (
    ("created_at", "handed_off_at"),
    ("created_at", "followed_up_at"),
    ("created_at", "closed_at"),
    ("handed_off_at", "followed_up_at"),
    ("handed_off_at", "closed_at"),
    ("followed_up_at", "closed_at"),
    ("created_at", "qualified_at"),
    ("qualified_at", "handed_off_at"),
    ("handed_off_at", "accepted_at"),
    ("handed_off_at", "rejected_at"),
    ("closed_at", "outcome_recorded_at"),
)
MOST_OFFSETS = 10
EARLIEST = np.datetime64("1990-01-01", "us")


def duplicate_findings(leads: Leads) -> Iterator[Finding]:
    """Yield exact duplicates of whole rows, and ids that stand for several leads."""
    content = _content(leads)
    first = pd.Series(content).groupby(content, sort=False).transform("idxmin").to_numpy()
    repeats = np.flatnonzero(first != np.arange(len(first)))
    repeats = repeats[_truly_equal(leads, repeats, first[repeats])]
    if len(repeats):
        text = "rows that repeat an earlier row exactly: remove them, or they count twice"
        examples = leads.places.examples(
            repeats, lambda row: f"repeats {leads.places.name(int(first[row]))}"
        )
        yield Finding("DATA012", "warning", None, len(repeats), text, examples)
    if leads.mapping.id is not None:
        yield from _shared_ids(leads, content)


def _shared_ids(leads: Leads, content: NDArray[np.uint64]) -> Iterator[Finding]:
    named = np.flatnonzero(leads.lead_id != "")
    ids = pd.Series(leads.lead_id[named])
    if not ids.duplicated().any():
        return
    contents = pd.Series(content[named]).groupby(ids, sort=False).transform("nunique").to_numpy()
    rows = named[contents > 1]
    if not len(rows):
        return
    places: dict[str, list[str]] = {}
    for row in rows.tolist():
        places.setdefault(leads.lead_id[row], []).append(leads.places.name(row))
    named_so = "1 lead id stands" if len(places) == 1 else f"{len(places):,} lead ids stand"
    text = (
        f"{named_so} in several rows that differ: each lead must have one row; "
        "keep its newest, or map the column that is unique as id"
    )
    examples = tuple(
        f"{name}: {', '.join(where[:EXAMPLES])}" for name, where in list(places.items())[:EXAMPLES]
    )
    yield Finding("DATA011", "error", leads.mapping.id, len(rows), text, examples)


def _content(leads: Leads) -> NDArray[np.uint64]:
    """Return one number a row that equal rows share, from the codes of its cells."""
    total = np.zeros(len(leads), np.uint64)
    for position, column in enumerate(leads.columns, 1):
        codes = leads.raw(column).codes.astype(np.int64).view(np.uint64)
        total += _mixed(codes + np.uint64(position * 0x9E3779B97F4A7C15 % 2**64))
    return total


def _mixed(x: NDArray[np.uint64]) -> NDArray[np.uint64]:
    """Scatter numbers over 64 bits: splitmix64, doi:10.1145/2660193.2660195."""
    x = (x ^ (x >> np.uint64(30))) * np.uint64(0xBF58476D1CE4E5B9)
    x = (x ^ (x >> np.uint64(27))) * np.uint64(0x94D049BB133111EB)
    return x ^ (x >> np.uint64(31))


def _truly_equal(
    leads: Leads, rows: NDArray[np.intp], others: NDArray[np.intp]
) -> NDArray[np.bool_]:
    equal = np.ones(len(rows), bool)
    for column in leads.columns:
        codes = leads.raw(column).codes
        equal &= codes[rows] == codes[others]
    return equal


def order_findings(leads: Leads) -> Iterator[Finding]:
    """Yield leads whose times stand in an order that cannot have happened."""
    zone = ZoneInfo(leads.mapping.timezone)
    for earlier, later in ORDERS:
        if earlier not in leads.times or later not in leads.times:
            continue
        before, after = leads.times[earlier], leads.times[later]
        slack = np.timedelta64(slack_of(after, zone), "us")
        rows = np.flatnonzero(after + slack < before)  # NaT compares false
        if len(rows):
            column = leads.mapping.times[later]
            text = (
                f"{later} ({column}) lies before {earlier} ({leads.mapping.times[earlier]}), which "
                "cannot be: correct the times or the mapping"
            )
            examples = leads.places.examples(rows, _pair(before, after))
            yield Finding("TIME004", "warning", column, len(rows), text, examples)


def slack_of(times: NDArray[np.datetime64], zone: tzinfo) -> int:
    """Return a day less a microsecond where a column holds dates only, else 0.

    A date stands for any moment of its day. Dates are midnights of UTC or of the zone, which are
    few times of day in UTC: one for each offset the zone ever had.
    """
    known = times[~np.isnat(times)]
    _, first = np.unique(known.view(np.int64) % MICROSECONDS_A_DAY, return_index=True)
    if len(first) > MOST_OFFSETS:
        return 0
    moments = [moment.replace(tzinfo=UTC) for moment in known[first].tolist()]
    dates = all(_is_midnight(m) or _is_midnight(m.astimezone(zone)) for m in moments)
    return MICROSECONDS_A_DAY - 1 if dates else 0


def _is_midnight(moment: datetime) -> bool:
    return moment.time() == time()


def _pair(before: NDArray[np.datetime64], after: NDArray[np.datetime64]) -> Callable[[int], str]:
    return lambda row: f"{_time(after[row])} before {_time(before[row])}"


def _time(moment: np.datetime64) -> str:
    return str(moment.astype("datetime64[s]"))


def present_findings(leads: Leads, now: np.datetime64) -> Iterator[Finding]:
    """Yield times after `now` and before 1990, and closing times of open leads."""
    for role, times in leads.times.items():
        if role == "outcome_recorded_at":
            continue  # when a CRM wrote something down may be long after all that is known
        column = leads.mapping.times[role]
        happened = _happened(leads, role)
        hoped = np.flatnonzero(~np.isnat(times) & ~happened)
        if len(hoped):
            text = "open leads with a closing time, taken for an expected one and not used"
            examples = leads.places.examples(hoped)
            yield Finding("TIME006", "info", column, len(hoped), text, examples)
        text = f"times after {_time(now)} UTC, which counts as now: what lies after it is unknown"
        yield from _times_where(leads, role, happened & (times > now), "TIME005", "warning", text)
        text = "times before 1990, probably placeholders: leave unknown times empty"
        old = happened & (times < EARLIEST)
        yield from _times_where(leads, role, old, "TIME008", "warning", text)


def outlying_findings(leads: Leads) -> Iterator[Finding]:
    """Yield times more than a year after 99 in 100 of all times: the latest decides what is now."""
    happened = {role: times[_happened(leads, role)] for role, times in leads.times.items()}
    none = np.empty(0, np.int64)
    together = np.concatenate([none, *(times.view(np.int64) for times in happened.values())])
    if len(together) < FEWEST_TIMES:
        return
    limit = np.quantile(together, 0.99, method="lower") + 366 * MICROSECONDS_A_DAY
    text = (
        "times more than a year after nearly all others, probably mistyped: the latest time counts "
        "as now, so correct them or give --as-of"
    )
    for role, times in leads.times.items():
        far = _happened(leads, role) & (times.view(np.int64) > limit)
        yield from _times_where(leads, role, far, "TIME009", "warning", text)


def _happened(leads: Leads, role: str) -> NDArray[np.bool_]:
    """Return where a time is known and no mere hope, as an open lead's closing time is."""
    known = ~np.isnat(leads.times[role]) & (role != "outcome_recorded_at")
    if role == "closed_at" and leads.outcome is not None:
        known &= leads.outcome >= 0
    return known


def _times_where(
    leads: Leads, role: str, holds: NDArray[np.bool_], code: str, severity: Severity, text: str
) -> Iterator[Finding]:
    rows = np.flatnonzero(holds)
    if len(rows):
        times = leads.times[role]
        examples = leads.places.examples(rows, lambda row: _time(times[row]))
        yield Finding(code, severity, leads.mapping.times[role], len(rows), text, examples)


def outcome_findings(leads: Leads) -> Iterator[Finding]:
    """Yield outcomes too rare to learn from."""
    if leads.outcome is None:
        return
    won, lost = int((leads.outcome == 1).sum()), int((leads.outcome == 0).sum())
    if min(won, lost) < FEWEST_OUTCOMES:
        text = (
            f"{won:,} leads won and {lost:,} lost: training needs at least {FEWEST_OUTCOMES} of "
            "each; export a longer period"
        )
        yield Finding("DATA024", "warning", leads.mapping.outcome, min(won, lost), text)


def name_findings(leads: Leads, kinds: Collection[str] = ()) -> Iterator[Finding]:
    """Yield names under ignore that are no column, under keep none and no kind of activity."""
    known = list(leads.columns)
    for key in ("ignore", "keep"):
        for name in getattr(leads.mapping, key):
            if name not in known and not (key == "keep" and name in kinds):
                text = f"[leads].{key} names {name!r}, which is no column{near(name, known)}"
                yield Finding("DATA025", "warning", name, 0, text)


def usable_findings(leads: Leads) -> Iterator[Finding]:
    """Yield an error where no row at all can be used."""
    if len(leads.errors) == len(leads):
        row = min(leads.errors)
        text = f"no lead can be used; the first: {leads.errors[row]}"
        yield Finding(
            "DATA026", "error", None, len(leads), text, leads.places.examples(sorted(leads.errors))
        )
