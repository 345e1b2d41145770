"""What became of the hand-offs a training run looked at: how many have an outcome, and why not."""

from dataclasses import asdict, dataclass
from typing import Any

import numpy as np

from leadml.domain.agreement import Agreement
from leadml.snapshot.labels import OUTSIDE, UNUSABLE, Judged
from leadml.workflows.learning import Learning


@dataclass(frozen=True)
class Outcomes:
    """Hand-offs by what became of them.

    Attributes
    ----------
    handed_off : int
        Leads handed off (hypothetically, where no hand-off time is mapped), unusable ones aside.
    not_matured : int
        Of these, those whose horizon has not passed; the others are divided below.
    followed_up, followed_up_late, never_followed_up : int or None
        Matured hand-offs worked as agreed, later than agreed, never. None where no follow-up time
        is mapped: nobody can know.
    never_followed_up_share : float or None
        Of the matured hand-offs; None without any.
    closed_in_bulk : int or None
        Of those never followed up, those closed as lost in bulk.
    counts : {"followed_up", "handed_off"}
        Whether leads never followed up are left out of the label, or count as not won.
    censoring : {"matured", "ipcw"}
        What was learnt from: ``matured`` where weights were asked for and could not be used.
    resolved_early : int
        Leads learnt from although their horizon has not passed.
    effective_sample_size : float
        (sum of weights)² / sum of squared weights of the leads learnt from (Kish 1965).
    """

    handed_off: int
    not_matured: int
    followed_up: int | None
    followed_up_late: int | None
    never_followed_up: int | None
    never_followed_up_share: float | None
    closed_in_bulk: int | None
    counts: str
    censoring: str
    resolved_early: int
    effective_sample_size: float

    def to_dict(self) -> dict[str, Any]:
        """Return the JSON-ready form."""
        return asdict(self)

    def sentences(self) -> list[str]:
        """Say what was left out of the label and what was added, for people."""
        return [*self._never_worked(), *self._early()]

    def _early(self) -> list[str]:
        if self.censoring == "matured":
            return []
        return [
            f"Fitted on {self.resolved_early} leads that closed before their horizon has passed "
            f"as well, each resolved lead weighted by its age (effective sample size "
            f"{self.effective_sample_size:.0f}); tested on matured leads alone."
        ]

    def _never_worked(self) -> list[str]:
        if not self.never_followed_up or self.never_followed_up_share is None:
            return []
        matured = self.handed_off - self.not_matured
        bulk = f", {self.closed_in_bulk} of them closed in bulk" if self.closed_in_bulk else ""
        worked = self.counts == "followed_up"
        then = "they have no outcome and are left out" if worked else "they count as not won"
        return [
            f"Sales never followed up {self.never_followed_up} of {matured} matured hand-offs "
            f"({self.never_followed_up_share:.0%}){bulk}: {then}."
        ]


def outcomes_of(judged: Judged, learning: Learning, agreement: Agreement) -> Outcomes:
    """Count the hand-offs of an export by what became of them."""
    usable = judged.in_group & ~np.isin(judged.why_not.astype(str), (*UNUSABLE, OUTSIDE))
    matured = usable & judged.matured
    never = matured & ~judged.followed_up & ~judged.late
    known = judged.follow_up_recorded
    return Outcomes(
        handed_off=int(usable.sum()),
        not_matured=int((usable & ~judged.matured).sum()),
        followed_up=int((matured & judged.followed_up).sum()) if known else None,
        followed_up_late=int((matured & judged.late).sum()) if known else None,
        never_followed_up=int(never.sum()) if known else None,
        never_followed_up_share=float(never.sum() / max(matured.sum(), 1)) if known else None,
        closed_in_bulk=int((matured & judged.closed_in_bulk).sum()) if known else None,
        counts=agreement.counts,
        censoring=learning.censoring,
        resolved_early=learning.early,
        effective_sample_size=learning.effective_size,
    )
