"""Monthly targets: what both departments set out to bring in."""

from dataclasses import dataclass


@dataclass(frozen=True, kw_only=True)
class Targets:
    """What a month is to bring; a target left None is not set.

    Attributes
    ----------
    handoffs : float or None
        Leads handed off, > 0.
    wins : float or None
        Leads won at a solid margin, > 0.
    margin : float or None
        Money, in the currency of the amounts, > 0.
    """

    handoffs: float | None = None
    wins: float | None = None
    margin: float | None = None

    def __post_init__(self) -> None:
        """Refuse targets that are no targets."""
        for name, value in self.set().items():
            if not 0 < value < float("inf"):
                msg = f"{name} must be above 0 a month, found {value:g}; leave it out to set none"
                raise ValueError(msg)

    def set(self) -> dict[str, float]:
        """Return the targets that are set, by name.

        Examples
        --------
        >>> Targets(wins=12).set()
        {'wins': 12}
        """
        named = {"handoffs": self.handoffs, "wins": self.wins, "margin": self.margin}
        return {name: value for name, value in named.items() if value is not None}
