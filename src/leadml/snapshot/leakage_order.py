"""Ids that a look at single values does not show: columns that follow the order of the leads."""

import re

import numpy as np
from numpy.typing import NDArray
from scipy.stats import rankdata

from leadml.data.raw import RawColumn
from leadml.data.values import NO_TIME
from leadml.snapshot.leakage_names import says_id

Numbers = NDArray[np.float64]

FEWEST_LEADS = 50
MOST_LEADS = 5_000
MOSTLY_OWN = 0.5
"""Share of distinct among present values from which a column may name single leads."""
IN_ORDER = 0.98
"""Rank correlation with the order of the leads from which a column counts them."""
_LAST_NUMBER = re.compile(r"(\d+)\D*$")


def names_leads(column: str, raw: RawColumn, as_of: NDArray[np.int64]) -> str:
    """Tell why a column is an id: a sentence's end, or nothing.

    Parameters
    ----------
    raw : RawColumn
        The column of the leads learnt from, in their order in the export.
    as_of : int64 array, shape (leads,)
        Microseconds; `NO_TIME` where undated.
    """
    present = raw.codes[raw.codes >= 0]
    rows, distinct = len(present), len({raw.values[code] for code in np.unique(present)})
    if rows < FEWEST_LEADS or distinct <= MOSTLY_OWN * rows:
        return ""
    if says_id(column):
        return f"has {distinct} different values in {rows} leads and is called an id"
    some = np.arange(0, len(raw.codes), -(-len(raw.codes) // MOST_LEADS))
    numbers, as_of = _numbers(raw.take(some)), as_of[some]
    if _follows(numbers, np.arange(len(numbers), dtype=float)):
        return "rises from row to row like a running number"
    dated = as_of != NO_TIME
    if _follows(numbers[dated], as_of[dated].astype(float)):
        return "rises with the date like a running number"
    return ""


def _numbers(raw: RawColumn) -> Numbers:
    texts = ("" if code < 0 else str(raw.values[code]) for code in raw.codes)
    found = (_LAST_NUMBER.search(text) for text in texts)
    return np.array([_whole(match[1]) if match else np.nan for match in found])


def _whole(digits: str) -> float:
    return float(digits) if len(digits) < 19 else np.nan


def _follows(numbers: Numbers, order: Numbers) -> bool:
    known = ~np.isnan(numbers)
    if known.sum() < FEWEST_LEADS or known.mean() < 0.9:
        return False
    a, b = rankdata(numbers[known]), rankdata(order[known])
    if np.ptp(a) == 0 or np.ptp(b) == 0:
        return False
    return bool(abs(np.corrcoef(a, b)[0, 1]) >= IN_ORDER)
