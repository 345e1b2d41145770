"""What a CRM wrote back of the scores that were served."""

import numpy as np
from numpy.typing import NDArray

from leadml.data.places import Places
from leadml.domain.finding import Finding


def served_probability(
    served: NDArray[np.float64] | None, column: str | None, places: Places
) -> tuple[NDArray[np.float64] | None, list[Finding]]:
    """Take away what is no probability: it says nothing of the model that served it.

    Parameters
    ----------
    served : float array, shape (leads,), or None
        As read, NaN where missing; None where not mapped.
    column : str or None
        Its column in the export.

    Returns
    -------
    probability : float array or None
        In [0, 1], NaN elsewhere.
    findings : list of Finding
        ``DATA051`` where there was something else.
    """
    if served is None:
        return None, []
    wrong = (served < 0) | (served > 1)
    outside = np.flatnonzero(wrong)
    if not len(outside):
        return served, []
    text = (
        "served probabilities below 0 or above 1 count as missing: write back `probability` as "
        "answered, or divide percentages by 100"
    )
    examples = places.examples(outside, lambda row: f"{served[row]:g}")
    found = Finding("DATA051", "warning", column, len(outside), text, examples)
    return np.where(wrong, np.nan, served), [found]
