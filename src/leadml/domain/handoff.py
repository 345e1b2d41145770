"""The hand-off policy: by which rule leads are handed off, held to the agreement's close rate."""

from dataclasses import dataclass
from typing import Literal

from leadml.domain.agreement import Agreement

MOST_EXPLORED = 0.2
"""Largest share of the leads below the cut that may be handed off at random."""

Policy = Literal["group", "each", "capacity", "profit"]


@dataclass(frozen=True, kw_only=True)
class HandoffPolicy:
    """Which leads are handed off to sales.

    Attributes
    ----------
    policy : {"group", "each", "capacity", "profit"}
        ``group``: as many as possible while the group still closes at the agreed rate. ``each``:
        every lead whose own probability reaches the agreed rate. ``capacity``: the best ones that
        sales has time for. ``profit``: every lead whose expected margin exceeds `cost`.
    floor : float or None
        Probability below which no lead is handed off, in [0, 1); None means half the agreed rate.
    capacity : float or None
        Leads a week that sales works, > 0; only policy ``capacity`` uses it, and needs it.
    capacity_per : {"team", "rep"}
        Whether the capacity is the whole team's or each representative's.
    cost : float
        Money it costs to work one lead, >= 0, in the currency of the amounts.
    per_rep : bool
        Whether a representative's cut may be stricter than the team's.
    explore : float
        Share of the leads below the cut handed off at random to learn from, in [0, 0.2].
    version : str
        Name of this policy; with the lead's id it decides which leads are explored.
    """

    policy: Policy = "group"
    floor: float | None = None
    capacity: float | None = None
    capacity_per: Literal["team", "rep"] = "team"
    cost: float = 0.0
    per_rep: bool = False
    explore: float = 0.0
    version: str = "1"

    def __post_init__(self) -> None:
        """Refuse values outside their range, and a capacity policy without a capacity."""
        for name, holds, expected in (
            ("floor", self.floor is None or 0 <= self.floor < 1, "a probability, 0 to below 1"),
            ("capacity", self.capacity is None or self.capacity > 0, "above 0 leads a week"),
            ("cost", 0 <= self.cost < float("inf"), "0 or more money a lead"),
            ("explore", 0 <= self.explore <= MOST_EXPLORED, f"a share from 0 to {MOST_EXPLORED}"),
            ("version", bool(self.version.strip()), "a name"),
        ):
            if not holds:
                msg = f"{name} must be {expected}, found {getattr(self, name)!r}"
                raise ValueError(msg)
        if self.policy == "capacity" and self.capacity is None:
            msg = (
                'policy = "capacity" hands off the best leads that sales has time for: give '
                "capacity, the number of leads a week, such as capacity = 25"
            )
            raise ValueError(msg)

    @property
    def needs_owner(self) -> str | None:
        """The setting that needs to know whose lead it is, or None."""
        if self.per_rep:
            return "per_rep = true"
        by_rep = self.policy == "capacity" and self.capacity_per == "rep"
        return 'capacity_per = "rep"' if by_rep else None

    def floor_under(self, agreement: Agreement) -> float:
        """Return the probability below which no lead is handed off.

        Examples
        --------
        >>> HandoffPolicy().floor_under(Agreement(close_rate=0.3))
        0.15
        """
        return agreement.close_rate / 2 if self.floor is None else self.floor
