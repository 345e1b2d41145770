"""One feature, as it is declared: what it reads, and how its number is called."""

from collections.abc import Mapping
from dataclasses import dataclass, fields
from typing import Any, Literal, get_args

Attribute = Literal["number", "text", "word", "time"]
Life = Literal["age", "hour", "weekday"]
Activity = Literal["count", "recency", "days", "trend", "longest_gap", "first", "ratio", "contacts"]
Kind = Attribute | Life | Activity
Scope = Literal["lead", "account"]

RARE = "(rare)"
MOST_LEVELS = 254
"""Most levels of a text feature: scikit-learn's boosting holds 255 categories, one is `RARE`."""

ATTRIBUTES, LIFE, ACTIVITY = (get_args(kinds) for kinds in (Attribute, Life, Activity))


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
        Of activities strictly before the moment: ``count``; ``recency`` (days since the newest);
        ``days`` (distinct UTC days); ``trend`` (those in the window against those in the window
        before it, from -1 for only earlier ones to 1 for only recent ones); ``longest_gap`` (days
        between two in a row); ``first`` (what the oldest was); ``ratio`` (those of `activity` for
        each of `per`, at most 1); ``contacts`` (distinct colleagues).
    column : str or None
        Source column of an attribute.
    activity : str or None
        Kind of activity; None counts every kind.
    group : str or None
        Detail group of those activities (see `leadml.data.detail_group`); None counts every one.
    per : str or None
        Kind of activity that a ``ratio`` divides by.
    scope : str
        Whose activities: the ``lead``'s own, or those of the other leads of its ``account``.
    window : float or None
        Days back that ``count``, ``trend`` and ``contacts`` look; None is ever.
    levels : tuple of str
        Known texts of a ``text`` or ``first`` feature; the position is the code.
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
    group: str | None = None
    per: str | None = None
    scope: Scope = "lead"
    window: float | None = None
    levels: tuple[str, ...] = ()
    gaps: tuple[str, ...] = ()
    word: str | None = None
    flags: bool = False

    @property
    def categorical(self) -> bool:
        """Whether its numbers are codes of levels."""
        return self.kind in ("text", "first")

    @property
    def activities(self) -> tuple[str, ...]:
        """Kinds of activity it is made of; empty for a column, and where every kind counts."""
        return tuple(name for name in (self.activity, self.per) if name is not None)

    def to_dict(self) -> dict[str, Any]:
        """Return the JSON-ready form, without what is as usual."""
        values = {field.name: getattr(self, field.name) for field in fields(self)}
        usual = {field.name: field.default for field in fields(self)}
        return {name: value for name, value in values.items() if value != usual[name]}

    @classmethod
    def from_dict(cls, values: Mapping[str, Any]) -> "Feature":
        """Read `to_dict`'s form."""
        plain: dict[str, Any] = {
            k: tuple(v) if isinstance(v, list) else v for k, v in values.items()
        }
        return cls(**plain)
