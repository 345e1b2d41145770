"""Which leads below the cut are handed off at random to learn from: by a hash, so that it lasts.

Needs numpy alone: it serves.
"""

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

Numbers = NDArray[np.float64]
Flags = NDArray[np.bool_]


@dataclass(frozen=True)
class Handoffs:
    """What is done with each lead; arrays of shape (leads,).

    Attributes
    ----------
    hand_off : bool array
        Sales-ready or explored.
    explored : bool array
        Below the cut and handed off at random; has to be followed up.
    probability : float array
        With which the lead is handed off: 1 above the cut, the share explored below it, 0 for leads
        below it that are never explored.
    """

    hand_off: Flags
    explored: Flags
    probability: Numbers

    def columns(self) -> dict[str, Flags | Numbers]:
        """Return the columns of an answer."""
        return {
            "hand_off": self.hand_off,
            "explored": self.explored,
            "handoff_probability": self.probability,
            "must_follow_up": self.explored,
        }


def with_explored(
    sales_ready: Flags, lead_id: Sequence[str | None] | None, *, share: float, version: str
) -> Handoffs:
    """Add a random share of the leads below the cut to those that are handed off.

    Parameters
    ----------
    sales_ready : bool array, shape (leads,)
    lead_id : sequence of str or None, shape (leads,)
        Leads without an id are never explored: nothing would stay the same about them. None where
        no lead has an id that lasts.
    share : float
        Of the leads below the cut, in [0, 1).
    version : str
        Name of the policy: another one explores others.
    """
    named = np.zeros(len(sales_ready), bool)
    explored = named.copy()
    if share > 0 and lead_id is not None:
        for row in np.flatnonzero(~sales_ready).tolist():
            name = lead_id[row]
            if name:
                named[row] = True
                explored[row] = drawn(name, version) < share
    probability = np.where(sales_ready, 1.0, np.where(named, share, 0.0))
    return Handoffs(sales_ready | explored, explored, probability)


def explored_at(
    lead_id: str | None, *, sales_ready: bool, share: float, version: str
) -> tuple[bool, float]:
    """Return `with_explored` of one lead: whether it is explored, and its probability."""
    if sales_ready:
        return False, 1.0
    if not (share > 0 and lead_id):
        return False, 0.0
    return drawn(lead_id, version) < share, share


def drawn(lead_id: str, version: str) -> float:
    """Return the uniform number in [0, 1) that belongs to a lead under a policy.

    The first 53 bits of sha256 over version, a line feed and id in UTF-8: the same on every
    machine, in every batch and order, for ever.

    Examples
    --------
    >>> round(drawn("L-1042", "1"), 6) == round(drawn("L-1042", "1"), 6) != drawn("L-1042", "2")
    True
    """
    text = f"{version}\n{lead_id}".encode("utf-8", "surrogatepass")
    return (int.from_bytes(hashlib.sha256(text).digest()[:8], "big") >> 11) / 2**53
