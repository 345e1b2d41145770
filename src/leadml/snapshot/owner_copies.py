"""Columns that say no more than who has the lead: the owner under another name."""

import re
from collections.abc import Iterable

import numpy as np
from numpy.typing import NDArray

from leadml.data.leads import Leads

FEWEST_OWNERS = 3
"""Owners from which agreement of two columns is no coincidence."""
TOGETHER = 0.95
"""Least share of leads with both values, among those with either."""
_PERSON = re.compile(
    r"owner|(^|[^a-z])reps?($|[^a-z])|representative|assign|seller|agent|sales.?(person|man|rep)|"
    r"user|responsible|(account|sales).?(executive|manager)",
    re.IGNORECASE,
)


def same_as_owner(leads: Leads, rows: NDArray[np.intp], columns: Iterable[str]) -> list[str]:
    """Return the columns with one value for each owner and one owner for each value.

    Parameters
    ----------
    leads : Leads
    rows : int array
        The leads to look at.
    columns : iterable of str

    Notes
    -----
    A team, which several owners share, is none of them. A region with one owner each is: then
    neither the data nor anybody can tell what is the region's and what is the owner's.
    """
    mapped = leads.mapping.owner
    if mapped is None:
        return []
    owner = leads.raw(mapped).codes[rows]
    number = len(np.unique(owner[owner >= 0]))
    if number < FEWEST_OWNERS:
        return []
    return [c for c in columns if c != mapped and _same(owner, leads.raw(c).codes[rows], number)]


def _same(owner: NDArray[np.intp], other: NDArray[np.intp], owners: int) -> bool:
    both = (owner >= 0) & (other >= 0)
    if both.sum() < TOGETHER * ((owner >= 0) | (other >= 0)).sum():
        return False
    if len(np.unique(other[both])) != owners:
        return False
    pairs = np.unique(np.stack([owner[both], other[both]]), axis=1)
    return int(pairs.shape[1]) == owners


def names_a_person(column: str) -> bool:
    """Tell whether a header says that its column names who has the lead.

    Examples
    --------
    >>> names_a_person("Owner ID"), names_a_person("rep_email"), names_a_person("report type")
    (True, True, False)
    """
    return _PERSON.search(column) is not None
