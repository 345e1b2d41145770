"""One feature, as it is declared: what it reads, and how its number is called."""

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import Any, Literal

Kind = Literal[
    "number", "text", "word", "time", "age", "hour", "weekday", "count", "recency", "days"
]

RARE = "(rare)"
MOST_LEVELS = 254
"""Most levels of a text feature: scikit-learn's boosting holds 255 categories, one is `RARE`."""

ATTRIBUTES = ("number", "text", "word", "time")
LIFE = ("age", "hour", "weekday")
ACTIVITY = ("count", "recency", "days")


@dataclass(frozen=True, kw_only=True)
class Feature:
    """One feature.

    Attributes
    ----------
    name : str
        As shown in reasons.
    kind : str
        ``number`` and ``text``: the column's value. ``word``: whether the column's text mentions a
        word or a pair of words (1 or 0). ``time``: days from the column's time to the
        moment judged (a later time is unknown then: missing). ``age``: days from creation to that
        moment; ``hour`` (0-23) and ``weekday`` (0 is Monday) of creation in the configured zone.
        ``count``, ``recency`` (days since the newest) and ``days`` (distinct UTC days) of
        activities before the moment.
    column : str or None
        Source column of an attribute.
    activity : str or None
        Kind of activity; None counts every kind.
    window : float or None
        Days back that `count` looks; None is ever.
    levels : tuple of str
        Known texts of a ``text`` feature; the position is the code.
    gaps : tuple of str
        Texts of a ``number`` feature that were not numbers in training: read as missing.
    word : str or None
        What a ``word`` feature looks for, in lower case.
    flags : bool
        Whether a ``number`` feature held true or false in training: else those are no numbers.
    """

    name: str
    kind: Kind
    column: str | None = None
    activity: str | None = None
    window: float | None = None
    levels: tuple[str, ...] = ()
    gaps: tuple[str, ...] = ()
    word: str | None = None
    flags: bool = False

    @property
    def categorical(self) -> bool:
        """Whether its numbers are codes of levels."""
        return self.kind == "text"

    def to_dict(self) -> dict[str, Any]:
        """Return the JSON-ready form, without what is empty."""
        return {key: value for key, value in asdict(self).items() if value not in (None, ())}

    @classmethod
    def from_dict(cls, values: Mapping[str, Any]) -> "Feature":
        """Read `to_dict`'s form."""
        plain: dict[str, Any] = {
            k: tuple(v) if isinstance(v, list) else v for k, v in values.items()
        }
        return cls(**plain)
