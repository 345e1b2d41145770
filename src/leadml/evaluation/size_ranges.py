"""Ranges of company sizes, by the number of people who work there."""

import re
from collections.abc import Iterable

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]

EDGES = (10, 50, 250, 1_000, 5_000)
"""Micro, small and medium enterprises as the European Union draws the lines (Recommendation
2003/361/EC), then larger ones."""
MOSTLY = 0.9
"""Share of the known sizes that must be numbers for them to be put into ranges."""


def range_names() -> list[str]:
    """Return the names of the ranges, smallest first.

    Examples
    --------
    >>> range_names()
    ['1 to 9', '10 to 49', '50 to 249', '250 to 999', '1,000 to 4,999', '5,000 or more']
    """
    low = (1, *EDGES)
    closed = [f"{a:,} to {b - 1:,}" for a, b in zip(low, EDGES, strict=False)]
    return [*closed, f"{EDGES[-1]:,} or more"]


def size_ranges(employees: Floats) -> NDArray[np.object_]:
    """Return the range of each account; None where the number is missing or below 1.

    Parameters
    ----------
    employees : float array, shape (leads,)
        NaN where not known.

    Examples
    --------
    >>> size_ranges(np.array([7.0, 50.0, np.nan])).tolist()
    ['1 to 9', '50 to 249', None]
    """
    names = np.array([*range_names(), None], object)
    known = employees >= 1  # False for NaN
    place = np.searchsorted(EDGES, np.where(known, employees, 0), side="right")
    return np.asarray(names[np.where(known, place, len(names) - 1)], object)


def by_first_number(names: Iterable[str]) -> list[str] | None:
    """Return ranges that a CRM wrote as texts, smallest first; None where one begins with none.

    Examples
    --------
    >>> by_first_number(["1,000+", "50-249", "1-49"]), by_first_number(["small", "50-249"])
    (['1-49', '50-249', '1,000+'], None)
    """
    found = {name: _FIRST.match(name) for name in names}
    if not all(found.values()):
        return None
    return sorted(found, key=lambda name: (int(_digits(found[name])), name))


_FIRST = re.compile(r"\D{0,3}(\d[\d.,' ]*)")


def _digits(match: re.Match[str] | None) -> str:
    return re.sub(r"\D", "", match[1]) if match else "0"
