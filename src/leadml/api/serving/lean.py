"""What a version reads of a lead: of leads that wait nothing else is held.

A body is bounded, but what it parses into takes twenty times the memory, and most of it may be
fields that no version knows.
"""

from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

from leadml.workflows.score import Scorer

Touches = Sequence[Mapping[str, object]] | None

MOST_TEXT = 20_000
"""Characters of a lead and its activities together; one with more is not held."""


class Told(NamedTuple):
    """A lead as it was sent, as far as a version reads it."""

    lead: Mapping[str, object]
    activities: Touches
    account_activities: Touches


def lean(
    scorer: Scorer, lead: Mapping[str, object], activities: Touches, account_activities: Touches
) -> Told | None:
    """Return what a version reads of a lead that was scored; None where that is too long to hold.

    Parameters
    ----------
    scorer : Scorer
        The version.
    lead, activities, account_activities
        What was sent, every field that a version reads being a text, a number, a flag or null.
    """
    names = scorer.definition.activities
    columns = {names.at, names.kind, names.detail, names.lead}
    told = Told(
        _only(scorer.known_columns, lead),
        None if activities is None else [_only(columns, touch) for touch in activities],
        None
        if account_activities is None
        else [_only(columns, touch) for touch in account_activities],
    )
    held = [told.lead, *(told.activities or ()), *(told.account_activities or ())]
    return told if sum(map(_length, held)) <= MOST_TEXT else None


def _only(names: Any, fields: Mapping[str, object]) -> dict[str, object]:
    return {name: value for name, value in fields.items() if name in names}


def _length(fields: Mapping[str, object]) -> int:
    return sum(len(value) for value in fields.values() if isinstance(value, str))
