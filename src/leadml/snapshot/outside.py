"""Leads that were worked without having been handed off by the policy."""

import numpy as np
from numpy.typing import NDArray

from leadml.data.leads import Leads

Flags = NDArray[np.bool_]
Moments = NDArray[np.int64]


def outside(leads: Leads, as_of: Moments, handed_off: Flags) -> Flags:
    """Tell which leads, if worked, were worked without having been handed off by the policy.

    Explored leads stand for all below the cut, those that somebody would have picked from there
    among them: were these counted as well they would count twice, and they are a choice. Nothing is
    outside where no lead has been explored.

    Parameters
    ----------
    leads : Leads
    as_of : int64 array, shape (leads,)
        Microseconds; when each lead is judged.
    handed_off : bool array, shape (leads,)
        By the hand-off time, if one is mapped.

    Notes
    -----
    Outside are leads below the cut (a probability under 1) that were not explored, explored ones
    whose probability is not known, and, from the first lead with a probability on, those without
    one that were never handed off. Older leads are of the time before the policy: they keep their
    weight of 1 and their bias, and lose both as time goes on.
    """
    found = leads.exploration
    if found is None or not (found.explored & (found.probability < 1)).any():
        return np.zeros(len(leads), bool)
    known = ~np.isnan(found.probability)
    since = as_of >= as_of[known].min()
    below = known & (found.probability < 1) & ~found.explored
    untold: Flags = ~known & (found.explored | (since & ~handed_off))
    return below | untold
