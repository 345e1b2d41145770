"""The probability that at least one of an account's leads becomes sales-ready.

Needs numpy alone: it serves.
"""

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from leadml.model.scorecard import probability

Numbers = NDArray[np.float64]
Places = NDArray[np.intp]

SIZES = (("1", 1, 1), ("2", 2, 2), ("3–5", 3, 5), ("6+", 6, None))
"""Account sizes that calibration is shown by: name, fewest and most leads."""


class Grouped(NamedTuple):
    """Leads by account; arrays of shape (accounts,).

    Attributes
    ----------
    leads : int array
        How many each has, at least one.
    none : float array
        Minus the log of the probability that none of them is won, were they independent.
    best, total : float arrays
        The highest probability among them, and their sum.
    """

    leads: NDArray[np.intp]
    none: Numbers
    best: Numbers
    total: Numbers

    @property
    def product(self) -> Numbers:
        """``1 - Π(1 - p)``: at least one, were the leads independent."""
        return np.asarray(-np.expm1(-self.none), float)

    @property
    def log_odds(self) -> Numbers:
        """Log-odds of `product`, without loss near 0 and 1."""
        small = np.minimum(self.none, 30.0)
        return np.where(self.none > 30.0, self.none, np.log(np.expm1(small)))


def grouped(log_odds: Numbers, account: Places, accounts: int) -> Grouped:
    """Gather leads by account.

    Parameters
    ----------
    log_odds : float array, shape (leads,)
        Of each lead's own sales-ready win.
    account : int array, shape (leads,)
        From 0 to `accounts` - 1, each at least once.
    accounts : int
    """
    p = probability(log_odds)
    best = np.zeros(accounts)
    np.maximum.at(best, account, p)
    return Grouped(
        np.bincount(account, minlength=accounts),
        np.bincount(account, weights=np.logaddexp(0, log_odds), minlength=accounts).astype(float),
        best,
        np.bincount(account, weights=p, minlength=accounts).astype(float),
    )


@dataclass(frozen=True)
class AccountLine:
    """Log-odds of an account: ``intercept + slope · logit(1 - Π(1 - p)) + contacts · log(leads)``.

    The identity, ``AccountLine()``, is the plain product: leads won independently of each other.
    """

    intercept: float = 0.0
    slope: float = 1.0
    contacts: float = 0.0

    def probability(self, found: Grouped) -> Numbers:
        """Return the probability of at least one sales-ready lead, shape (accounts,).

        Never below that of the account's best lead nor above the sum over its leads, for no
        dependence between leads allows that (Fréchet 1935): an account of one lead has the lead's
        own probability.
        """
        z = self.intercept + self.slope * found.log_odds + self.contacts * np.log(found.leads)
        # of one lead the sum differs from the best by rounding alone
        return np.clip(probability(z), found.best, np.maximum(found.best, found.total))

    def to_dict(self) -> dict[str, float]:
        """Return the JSON-ready form."""
        return asdict(self)

    @classmethod
    def from_manifest(cls, told: Mapping[str, Any] | None) -> "AccountLine":
        """Read the manifest's ``accounts``; the identity in versions without."""
        return cls(**told["line"]) if told and told.get("line") else cls()


def size_of(leads: NDArray[np.intp]) -> NDArray[np.object_]:
    """Return the name in `SIZES` of each account's size, shape (accounts,)."""
    names = np.full(len(leads), SIZES[-1][0], object)
    for name, fewest, most in SIZES[:-1]:
        names[(leads >= fewest) & (leads <= (most or fewest))] = name
    return names
