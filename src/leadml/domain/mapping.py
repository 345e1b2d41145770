"""How a company's export maps to leadml's terms."""

from dataclasses import dataclass
from typing import Literal

Scalar = str | int | float | bool
TIMES = (
    "created_at", "qualified_at", "handed_off_at", "accepted_at", "rejected_at", "followed_up_at",
    "closed_at", "outcome_recorded_at",
)  # fmt: skip
"""Keys of ``[leads]`` that name columns of times, in the order of a lead's way."""
NEVER_FEATURES = (
    "id", "outcome", "owner", "amount", "margin", "margin_amount", "points", "explored",
    "handoff_probability", "rejection_reason", "probability", "band",
)  # fmt: skip
"""Keys of ``[leads]`` besides times whose columns no model may see."""
DECIDING_TIMES = frozenset({"created_at", "handed_off_at"})
"""Times that decide when a lead is judged: one that cannot be read keeps it from being scored."""


@dataclass(frozen=True, kw_only=True)
class LeadMapping:
    """Which column of the lead export holds what; a name left None is not mapped.

    Attributes
    ----------
    won, lost : tuple of scalar
        Values of the outcome column that mean won and lost; ``lost=None`` means *the other value*.
    timezone : str
        IANA zone in which naive times are read.
    date_format : str or None
        ``strptime`` format; None means ISO 8601.
    decimal : {".", ","}
        The sign between whole and fraction in numbers written as text; the other one groups
        thousands.
    ignore, keep : tuple of str
        Columns never used as a feature, and columns used although an audit suspects them.
    missing : tuple of str
        Texts that mean missing, compared without regard to case.
    explored, handoff_probability : str or None
        Columns that the CRM writes back of a lead's answer: whether it was handed off at random to
        learn from, and with which probability it was handed off. Both or neither.
    qualified_at, accepted_at, rejected_at, rejection_reason : str or None
        When marketing called the lead qualified, when sales accepted or rejected the hand-off, and
        why it was rejected.
    segment, account_size : str or None
        The market segment and the size of the lead's account: features like any other column.
    probability, band : str or None
        The probability served and its band, which the CRM wrote back of a lead's answer.
    outcome_recorded_at : str or None
        When the CRM learnt of the outcome, which may be later than it happened.
    """

    id: str | None = None
    outcome: str | None = None
    won: tuple[Scalar, ...] = ()
    lost: tuple[Scalar, ...] | None = None
    created_at: str | None = None
    date_format: str | None = None
    timezone: str = "UTC"
    handed_off_at: str | None = None
    followed_up_at: str | None = None
    closed_at: str | None = None
    account: str | None = None
    owner: str | None = None
    source: str | None = None
    industry: str | None = None
    amount: str | None = None
    margin: str | None = None
    margin_amount: str | None = None
    points: str | None = None
    explored: str | None = None
    handoff_probability: str | None = None
    qualified_at: str | None = None
    accepted_at: str | None = None
    rejected_at: str | None = None
    rejection_reason: str | None = None
    segment: str | None = None
    account_size: str | None = None
    probability: str | None = None
    band: str | None = None
    outcome_recorded_at: str | None = None
    decimal: Literal[".", ","] = "."
    ignore: tuple[str, ...] = ()
    keep: tuple[str, ...] = ()
    missing: tuple[str, ...] = ("Select", "n/a")

    @property
    def times(self) -> dict[str, str]:
        """Mapped time columns: role -> column name."""
        return {role: name for role in TIMES if (name := getattr(self, role))}

    @property
    def never_features(self) -> frozenset[str]:
        """Columns that no model may see: ids, outcomes, times, money, owner, points, `ignore`.

        What became of the hand-off (explored, handoff_probability, rejection_reason) and what was
        served (probability, band) neither.
        """
        named = (getattr(self, role) for role in NEVER_FEATURES)
        return frozenset(name for name in (*named, *self.times.values(), *self.ignore) if name)

    @property
    def named_columns(self) -> dict[str, str]:
        """Every mapped column: key in `[leads]` -> column name."""
        keys: tuple[str, ...] = ("id", "outcome", "account", "owner", "source", "industry")
        keys += ("segment", "account_size", "amount", "margin", "margin_amount", "points")
        keys += ("explored", "handoff_probability", "rejection_reason", "probability", "band")
        keys += tuple(self.times)
        return {key: name for key in keys if (name := getattr(self, key))}


@dataclass(frozen=True, kw_only=True)
class ActivityMapping:
    """Which column of the activity file holds what."""

    lead: str = "lead_id"
    at: str = "timestamp"
    kind: str = "event"
    detail: str | None = "url"


@dataclass(frozen=True, kw_only=True)
class HistoryMapping:
    """Which column of the attribute history holds what; it need not hold both values."""

    lead: str = "lead_id"
    field: str = "field"
    old: str | None = "old_value"
    new: str | None = "new_value"
    at: str = "changed_at"
