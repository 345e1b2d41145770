"""How a probability is told: its band, and where a lead stands between marketing and sales.

Needs numpy alone: it serves. As in `leadml.model.scorecard`, ``of`` an array and ``at`` one lead
say the same.
"""

from bisect import bisect_left
from collections.abc import Mapping

import numpy as np
from numpy.typing import NDArray

Numbers = NDArray[np.float64]
Flags = NDArray[np.bool_]

BANDS = "ABCD"
READY, NURTURE, NOT_QUALIFIED = "sales_ready_now", "nurture", "not_qualified"
STAGES = (READY, NURTURE, NOT_QUALIFIED)
"""Where a lead stands between marketing and sales."""


class Bands:
    """Bands of probability; a cut point belongs to the better one.

    Parameters
    ----------
    cuts : mapping of str to float
        Band -> least probability; the last of `BANDS` has none.
    """

    def __init__(self, cuts: Mapping[str, float]) -> None:
        self._falling = [-cuts[band] for band in BANDS[:-1]]

    def of(self, p: Numbers) -> NDArray[np.str_]:
        """Return the band of each probability."""
        return np.array(list(BANDS))[np.searchsorted(self._falling, -p, side="left")]

    def at(self, p: float) -> str:
        """Return the band of one probability."""
        return BANDS[bisect_left(self._falling, -p)]


class Stages:
    """Stages of leads.

    Parameters
    ----------
    cut : float
        Probability in the end from which a lead that is not handed off is to nurture.
    """

    def __init__(self, cut: float) -> None:
        self._cut = cut

    def of(self, ready: Flags, eventually: Numbers | None) -> list[str | None]:
        """Return each lead's stage; without `eventually` only those handed off have one."""
        if eventually is None:
            return [READY if yes else None for yes in ready.tolist()]
        likely = (eventually >= self._cut).tolist()
        later = [NURTURE if yes else NOT_QUALIFIED for yes in likely]
        return [READY if now else then for now, then in zip(ready.tolist(), later, strict=True)]

    def at(self, eventually: float | None, *, ready: bool) -> str | None:
        """Return one lead's stage."""
        if ready:
            return READY
        if eventually is None:
            return None
        return NURTURE if eventually >= self._cut else NOT_QUALIFIED
