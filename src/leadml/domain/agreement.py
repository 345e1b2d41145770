"""The agreement: the signed definition of *sales-ready* that everything else is held against."""

import hashlib
import json
from dataclasses import asdict, dataclass, fields
from datetime import date
from typing import Literal

UNSIGNED = ("censoring",)
"""Settings of the section that say how to learn, not what was agreed."""
SIGNED_IF_SET = ("unit", "grace_days")
"""Part of what is signed only where set, so that earlier agreements keep their hash."""


@dataclass(frozen=True, kw_only=True)
class Agreement:
    """When a lead counts as sales-ready: followed up, won within the horizon, at a solid margin.

    Attributes
    ----------
    version : str
        Name of this wording of the agreement.
    effective_from : date or None
        The report's verdict starts here (00:00 in the configured time zone).
    signed_by : tuple of str
        Who signed.
    close_rate : float
        Agreed share of wins among followed-up hand-offs, in (0, 1).
    confidence : float
        Confidence of every one-sided bound, in [0.5, 1).
    horizon_days : float
        Days after the snapshot within which a win counts, > 0.
    follow_up_days : float
        Days after the hand-off within which sales is to follow up, > 0.
    min_follow_up : float
        Share of hand-offs sales must have worked for the close rate to be judged, in [0, 1].
    min_margin : float
        Smallest margin, as a fraction of the amount, of a solid win; 0 means margin not checked.
    counts : {"followed_up", "handed_off"}
        What the close rate divides by.
    snapshot_days : float
        Age in days at which a lead is judged where no hand-off time is known, >= 0.
    censoring : {"matured", "ipcw"}
        How a model learns from leads whose horizon has not passed: not at all, or from those that
        closed early, weighted. A matter of method: no part of what is signed, nor of the hash.
    unit : {"lead", "account"}
        What the report's verdict counts: every hand-off, or every account once.
    grace_days : float
        Days beyond the horizon that sales has to record what became of a hand-off, >= 0: only then
        does it enter the report's verdict. A win still has to come within the horizon.
    """

    version: str = "1"
    effective_from: date | None = None
    signed_by: tuple[str, ...] = ()
    close_rate: float = 0.30
    confidence: float = 0.95
    horizon_days: float = 90.0
    follow_up_days: float = 14.0
    min_follow_up: float = 0.8
    min_margin: float = 0.0
    counts: Literal["followed_up", "handed_off"] = "followed_up"
    snapshot_days: float = 0.0
    censoring: Literal["matured", "ipcw"] = "matured"
    unit: Literal["lead", "account"] = "lead"
    grace_days: float = 0.0

    def __post_init__(self) -> None:
        """Refuse values outside their range."""
        for name, holds, expected in (
            ("close_rate", 0 < self.close_rate < 1, "a share above 0 and below 1"),
            ("confidence", 0.5 <= self.confidence < 1, "at least 0.5 and below 1"),
            ("horizon_days", 0 < self.horizon_days <= 36_500, "above 0 days"),
            ("follow_up_days", 0 < self.follow_up_days <= 36_500, "above 0 days"),
            ("min_follow_up", 0 <= self.min_follow_up <= 1, "a share from 0 to 1"),
            ("min_margin", -1 <= self.min_margin <= 1, "a fraction of the amount from -1 to 1"),
            ("snapshot_days", 0 <= self.snapshot_days <= 36_500, "0 days or more"),
            ("grace_days", 0 <= self.grace_days <= 36_500, "0 days or more"),
        ):
            if not holds:
                msg = f"{name} must be {expected}, found {getattr(self, name)!r}"
                raise ValueError(msg)

    def to_dict(self) -> dict[str, object]:
        """Return the agreement as JSON-ready values."""
        values = asdict(self)
        values["effective_from"] = self.effective_from.isoformat() if self.effective_from else None
        values["signed_by"] = list(self.signed_by)
        return values

    def hash(self) -> str:
        """Return the sha256 of the agreement's canonical JSON: two equal hashes, one definition."""
        unset = [key for key in SIGNED_IF_SET if getattr(self, key) == _DEFAULTS[key]]
        left_out = (*UNSIGNED, *unset)
        signed = {key: value for key, value in self.to_dict().items() if key not in left_out}
        text = json.dumps(signed, sort_keys=True, separators=(",", ":"))
        return hashlib.sha256(text.encode()).hexdigest()


_DEFAULTS = {field.name: field.default for field in fields(Agreement)}
