"""A number with its interval, or the reason why there is none."""

from dataclasses import dataclass


@dataclass(frozen=True)
class Interval:
    """A number and where it may lie.

    Attributes
    ----------
    value, low, high : float or None
        All None where the number does not apply; closed bounds.
    reason : str or None
        Why it does not apply.
    """

    value: float | None
    low: float | None
    high: float | None
    reason: str | None = None

    @classmethod
    def absent(cls, reason: str) -> "Interval":
        """Return the interval of a number that does not apply."""
        return cls(None, None, None, reason)

    @classmethod
    def around(cls, value: float, low: float, high: float) -> "Interval":
        """Return an interval, widened to its own value where that lies outside."""
        return cls(float(value), float(min(low, value)), float(max(high, value)))

    def clipped(self, lowest: float) -> "Interval":
        """Return the interval with its lower bound at least `lowest`, if it applies."""
        if self.low is None:
            return self
        return Interval(self.value, max(self.low, lowest), self.high)

    def to_dict(self) -> dict[str, object]:
        """Return JSON-ready values; `reason` only where there is one."""
        values: dict[str, object] = {"value": self.value, "low": self.low, "high": self.high}
        return values if self.reason is None else values | {"reason": self.reason}


def p_words(chance: float, *, digits: int = 3) -> str:
    """Write a p-value; none is ever 0.

    Examples
    --------
    >>> p_words(0.0421), p_words(0.5, digits=2), p_words(1e-9)
    ('p = 0.042', 'p = 0.50', 'p < 0.001')
    """
    least: float = 10.0**-digits
    return f"p < {least:.{digits}f}" if chance < least else f"p = {chance:.{digits}f}"
