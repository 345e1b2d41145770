"""The leakage audit: what the leads hold that could not be known when they were judged.

A column is *quarantined* (left out unless listed under ``keep``) or *suspect* (used, reported).
What a column's mere absence tells is suspect, never more.
"""

from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray
from scipy.stats import poisson

from leadml.data.activities import Activities
from leadml.data.leads import Leads
from leadml.data.raw import RawColumn
from leadml.domain.finding import ExcludedColumn, Finding
from leadml.snapshot.features import Feature, FeatureSet
from leadml.snapshot.labels import Judged
from leadml.snapshot.leakage_case import Case, Suspicion
from leadml.snapshot.leakage_columns import on_column, on_totals
from leadml.snapshot.leakage_events import on_activities, on_changes
from leadml.snapshot.rollback import Rollback
from leadml.snapshot.split import Folds

Numbers = NDArray[np.float64]
Outcomes = NDArray[np.int8]
Rows = NDArray[np.intp]
Microseconds = NDArray[np.int64]

CODES = {
    "LEAK001": "a column that alone tells won from lost leads far better than all others",
    "LEAK002": "values that only closed leads hold",
    "LEAK003": "a name, or values, that speak of the outcome",
    "LEAK004": "a column that changes at or after the closing",
    "LEAK005": "activities after the closing",
    "LEAK006": "copies of a lead in both training and test parts",
    "LEAK007": "an id, or a running number",
    "LEAK008": "a count of activities that includes later ones",
    "LEAK009": "a column whose being filled tells the outcome",
    "LEAK010": "a points rule that reads a column left out for leakage",
}
"""Code -> what was found, for every finding of the audit."""
OF_ACTIVITIES = "LEAK005"
"""The code that names a kind of activity, where the others name a column."""

REPEATED = 0.5
"""Share of distinct leads above which two equal ones are copies rather than coincidence."""


@dataclass(frozen=True)
class Audit:
    """What the audit found.

    Attributes
    ----------
    findings : tuple of Finding
        One a ground; quarantines first.
    quarantined : dict
        Column, or kind of activity -> why it is left out.
    suspect : tuple of str
        Columns used although suspected, those under ``keep`` included.
    """

    findings: tuple[Finding, ...] = ()
    quarantined: dict[str, ExcludedColumn] = field(default_factory=dict)
    suspect: tuple[str, ...] = ()

    def kept(self, features: FeatureSet) -> NDArray[np.bool_]:
        """Return which features stay, shape (features,)."""
        kinds = {name for name, item in self.quarantined.items() if item.code == OF_ACTIVITIES}
        columns = self.quarantined.keys() - kinds

        def stays(feature: Feature) -> bool:
            return feature.column not in columns and kinds.isdisjoint(feature.activities)

        return np.array([stays(feature) for feature in features.features], bool)


def audit(
    leads: Leads,
    activities: Activities | None,
    judged: Judged,
    rows: Rows,
    x: Numbers,
    y: Outcomes,
    features: FeatureSet,
    as_of: Microseconds,
    *,
    keep: Collection[str] = (),
    columns: Mapping[str, RawColumn] | None = None,
    rollback: Rollback | None = None,
    seed: int = 0,
) -> Audit:
    """Look for what could not be known when the leads were judged.

    Parameters
    ----------
    leads : Leads
        The whole export, open leads included.
    activities : Activities or None
    judged : Judged
        All leads held against the agreement.
    rows : int array, shape (learnt,)
        The leads to learn from, oldest first where dated.
    x : float array, shape (learnt, features)
        NaN where missing, codes for text features.
    y : int array, shape (learnt,)
        0 or 1.
    features : FeatureSet
        What the columns of `x` are.
    as_of : int64 array, shape (learnt,)
        Microseconds; `NO_TIME` where undated.
    keep : collection of str
        Columns never quarantined.
    columns : mapping of str to RawColumn, optional
        Columns of the whole export as of the moment each lead is judged; default as exported.
    rollback : Rollback, optional
        What rolled those columns back, where there is an attribute history.
    seed : int
        Of the random halves of undated leads.
    """
    rolled_back = frozenset() if rollback is None else rollback.columns
    case = Case(leads, judged, rows, x, y, features, as_of, seed, columns, rolled_back)
    found = (ground for place in case.attributes for ground in on_column(case, place))
    # A text may be two features, its levels and its best word: each ground counts once.
    grounds = [*{(item.code, item.column, item.quarantine): item for item in found}.values()]
    grounds += on_totals(case)
    if activities is not None:
        grounds += on_activities(case, activities)
    if rollback is not None:
        grounds += on_changes(leads, rollback, list(dict.fromkeys(features.columns)))
    return _verdict(grounds, frozenset(keep))


def _verdict(grounds: Iterable[Suspicion], keep: frozenset[str]) -> Audit:
    ordered = sorted(grounds, key=lambda ground: not ground.quarantine)
    quarantined: dict[str, ExcludedColumn] = {}
    for ground in ordered:
        if ground.quarantine and ground.column not in keep:
            reason = f"{ground.evidence}; {_unless(ground.column)}"
            why = ExcludedColumn(ground.column, ground.code, reason)
            quarantined.setdefault(ground.column, why)
    named = dict.fromkeys(ground.column for ground in ordered)
    return Audit(
        findings=tuple(_finding(ground, quarantined, keep) for ground in ordered),
        quarantined=quarantined,
        suspect=tuple(c for c in named if c not in quarantined and c),
    )


def _unless(name: str) -> str:
    return f'if it is known when a lead is judged, set keep = ["{name}"]'


def _finding(
    ground: Suspicion, quarantined: dict[str, ExcludedColumn], keep: frozenset[str]
) -> Finding:
    name = ground.column
    if name in quarantined:
        then = f"left out; {_unless(name)}"
    elif name in keep:
        then = "used, because it is listed under keep"
    else:
        then = "used; if it is not known when a lead is judged, list it under ignore"
    return Finding(
        ground.code,
        "warning" if name else "info",
        name or None,
        ground.count,
        f"{ground.evidence}: {then}" if name else ground.evidence,
        ground.examples,
    )


def twins_by_chance(x: Numbers) -> float:
    """Return how many leads would equal a lead were its features independent of each other.

    Parameters
    ----------
    x : float array, shape (leads, features)
        Without NaN.
    """
    twins = float(len(x))
    for feature in x.T:
        shares = np.unique(feature, return_counts=True)[1] / len(x)
        twins *= float((shares**2).sum())
    return twins


def copies_across(x: Numbers, folds: Folds) -> Finding | None:
    """Find test leads that equal a training lead in every feature; None where there are none.

    Where few coarse features make most leads equal, or no more of them than chance does (99.9 %),
    equality is no sign of a copy.
    """
    if x.shape[1] == 0 or len(x) == 0:
        return None
    filled = np.nan_to_num(x, nan=-1e300)
    distinct, same = np.unique(filled, axis=0, return_inverse=True)
    if len(distinct) <= REPEATED * len(x):
        return None
    same = same.reshape(-1)
    copies = np.unique(
        np.concatenate([test[np.isin(same[test], same[train])] for train, test in folds])
    )
    tested = sum(len(test) for _, test in folds)
    if len(copies) <= poisson.ppf(0.999, tested * min(twins_by_chance(filled), 1.0)):
        return None
    text = (
        f"{len(copies)} test leads equal a training lead in all that is known of them: if these "
        "are copies of one lead, test results look better than they are; remove copies or map "
        "account, so that they stay together"
    )
    return Finding("LEAK006", "warning", None, len(copies), text)
