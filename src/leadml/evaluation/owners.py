"""Close rates of representatives, drawn to the team's the more the fewer leads they rest on."""

from collections import Counter
from typing import Any

import numpy as np
from numpy.typing import NDArray

from leadml.evaluation.people import people_of

Floats = NDArray[np.float64]
Bools = NDArray[np.bool_]

MOST = 100
"""Most representatives that are compared, those with most leads; the others are left out."""


def shrunken(
    won: Bools, owner: NDArray[np.object_], log_odds: Floats | None, *, confidence: float
) -> tuple[dict[str, dict[str, Any]], str]:
    """Return each representative's shrunken close rate, and what the rates allow for.

    The random intercept of `leadml.evaluation.people`: bounds hold for all representatives
    together, and one is told from the team only where the team's rate lies outside them.

    Parameters
    ----------
    won : bool array, shape (leads,)
    owner : object array of str or None, shape (leads,)
    log_odds : float array, shape (leads,), or None
        Of the served probabilities, by which the mix of leads is allowed for; NaN where a lead has
        none. Used only where all have one: else every lead counts as alike.
    confidence : float
        With which all bounds hold together.

    Returns
    -------
    rates : dict
        Representative -> ``{"value", "low", "high", "told"}``, JSON-ready.
    words : str
        What was compared, or why nothing was.
    """
    known = [name for name in owner.tolist() if name is not None]
    kept = {name for name, _ in Counter(known).most_common(MOST)}
    owner = np.array([name if name in kept else None for name in owner.tolist()], object)
    mixed = log_odds is not None and bool(np.isfinite(log_odds).all())
    given = log_odds if mixed and log_odds is not None else np.zeros(len(won))
    found = people_of(given, won, owner, confidence=confidence)
    if found.why_not is not None:
        return {}, f"representatives were not compared: {found.why_not}"
    rates = {
        rep.owner: {"value": rep.at_team_mix, "low": rep.low, "high": rep.high, "told": rep.told}
        for rep in found.reps
    }
    by = (
        "the mix of leads is allowed for by their served probabilities"
        if mixed
        else "not every lead has a served probability, so the mix of leads is not allowed for"
    )
    few = f"; only the {MOST} with most leads" if len(set(known)) > MOST else ""
    return rates, f"drawn to the team's rate, bounds hold for all together; {by}{few}"
