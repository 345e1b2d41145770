"""Findings: what a check saw in data or model, with its code, severity and examples."""

from dataclasses import asdict, dataclass
from typing import Literal

Severity = Literal["error", "warning", "info"]


@dataclass(frozen=True)
class Finding:
    """One thing a check found.

    Attributes
    ----------
    code : str
        Stable code such as ``DATA003``.
    severity : {"error", "warning", "info"}
        Errors stop the run, warnings and infos do not.
    column : str or None
        The column concerned; None where the whole table is.
    count : int
        How many rows or values are concerned.
    message : str
        What was expected, what was found, what to do: one sentence or two.
    examples : tuple of str
        A few example rows or values.
    """

    code: str
    severity: Severity
    column: str | None
    count: int
    message: str
    examples: tuple[str, ...] = ()

    def to_dict(self) -> dict[str, object]:
        """Return the finding as JSON-ready values."""
        return asdict(self) | {"examples": list(self.examples)}


@dataclass(frozen=True)
class ExcludedColumn:
    """A column left out of the features, and why."""

    column: str
    code: str
    reason: str


@dataclass(frozen=True)
class ExcludedRows:
    """A number of rows left out, and why."""

    code: str
    count: int
    reason: str
