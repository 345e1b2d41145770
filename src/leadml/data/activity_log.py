"""The activities of a set of leads as plain arrays, ready to be folded into features and points."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray


@dataclass(frozen=True)
class ActivityLog:
    """Activities of the leads in one batch.

    Attributes
    ----------
    lead : int array, shape (activities,)
        Position of the activity's lead in the batch.
    at : int64 array, shape (activities,)
        Microseconds since 1970-01-01 UTC.
    kind, detail : int arrays, shape (activities,)
        Positions in `kinds` and `details`; -1 where missing.
    kinds, details : sequences of str
        Distinct values.
    """

    lead: NDArray[np.intp]
    at: NDArray[np.int64]
    kind: NDArray[np.int32]
    detail: NDArray[np.int32]
    kinds: Sequence[str]
    details: Sequence[str]

    @classmethod
    def empty(cls) -> "ActivityLog":
        """Return a log without activities."""
        none32 = np.empty(0, np.int32)
        return cls(np.empty(0, np.intp), np.empty(0, np.int64), none32, none32, (), ())

    def __len__(self) -> int:
        """Return the number of activities."""
        return len(self.at)

    def keep(self, mask: NDArray[np.bool_]) -> "ActivityLog":
        """Return the log of only the activities where `mask` holds."""
        parts = (self.lead[mask], self.at[mask], self.kind[mask], self.detail[mask])
        return ActivityLog(*parts, self.kinds, self.details)

    def of_leads(self, rows: NDArray[np.intp], leads: int) -> "ActivityLog":
        """Return the log of the leads at `rows` (out of `leads`), renumbered by position there."""
        position = np.full(leads, -1, np.intp)
        position[rows] = np.arange(len(rows))
        lead = position[self.lead]
        kept = self.keep(lead >= 0)
        return ActivityLog(
            lead[lead >= 0], kept.at, kept.kind, kept.detail, self.kinds, self.details
        )


@dataclass(frozen=True)
class AccountLog:
    """Activities of whole accounts, and the leads of a batch that belong to them.

    Attributes
    ----------
    account : int array, shape (leads,)
        Position of each lead's account in `names`; -1 where unknown, or where it is no company.
    contact : int array, shape (leads,)
        The lead's own number among those in ``log.lead``: what it does itself is no colleague's.
    names : sequence of str
        The accounts, case folded.
    of : int array, shape (activities,)
        Position of each activity's account in `names`.
    log : ActivityLog
        The activities; ``lead`` numbers whoever did them across all accounts.
    """

    account: NDArray[np.intp]
    contact: NDArray[np.intp]
    names: Sequence[str]
    of: NDArray[np.intp]
    log: ActivityLog

    def take(self, rows: NDArray[np.intp]) -> "AccountLog":
        """Return it for the leads at `rows`, with all that people of their accounts did."""
        account = self.account[rows]
        wanted = np.zeros(len(self.names) + 1, bool)
        wanted[account] = True
        kept = wanted[self.of] & (self.of >= 0)
        parts = (account, self.contact[rows], self.names, self.of[kept], self.log.keep(kept))
        return AccountLog(*parts)
