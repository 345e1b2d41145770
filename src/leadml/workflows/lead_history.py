"""What the ledger knows of one lead: where it stands, and how it came there."""

from collections.abc import Sequence
from datetime import datetime
from typing import Any

from leadml.domain.correction import corrected
from leadml.domain.event import KINDS, Stored
from leadml.domain.lead_state import state_of
from leadml.store.ledger import Ledger

MOST_LISTED = 200
"""Entries of each list, unless more are asked for."""

_SHADOW = "shadow_scores"
_LISTS = {
    "scores": ("scored",),
    _SHADOW: (_SHADOW,),
    "hand_offs": ("handed_off",),
    "outcomes": ("won", "lost", "reopened"),
}
_VERSIONS = ("model_version", "agreement_hash")


def lead_history(ledger: Ledger, lead: str, *, limit: int = MOST_LISTED) -> dict[str, Any] | None:
    """Return one lead's history, newest first.

    Parameters
    ----------
    ledger : Ledger
        Open.
    lead : str
        Its id.
    limit : int
        Most entries of each list, at least 1; ``counts`` tells how many there are.

    Returns
    -------
    history : dict or None
        ``{"lead", "state", "counts", "scores", "shadow_scores", "hand_offs", "outcomes",
        "events"}``, JSON-ready. ``scores`` were given; those a challenger made in the shadow are
        apart. All lists but the last have corrections applied; of what they hold, version and
        agreement are those told, or else of the last score at or before it. ``events`` are as
        recorded, scores without their detail. None where the ledger has no event of the lead.
    """
    # PostgreSQL knows no text with the character NUL, nor does the ledger.
    events = [] if "\x00" in lead else ledger.history(lead)
    if not events:
        return None
    standing = _entries(corrected(events))
    lists = {
        name: [entry for kind, entry in standing if kind in kinds] for name, kinds in _LISTS.items()
    }
    lists["events"] = [_as_recorded(stored) for stored in events]
    return {
        "lead": lead,
        "state": state_of(events).to_dict(),
        "counts": {name: len(entries) for name, entries in lists.items()},
        **{name: entries[-limit:][::-1] for name, entries in lists.items()},
    }


def _entries(standing: Sequence[Stored]) -> list[tuple[str, dict[str, Any]]]:
    """Return kind and fields of each event in order of time, versions filled in."""
    entries = []
    last: dict[str, Any] = {}
    for stored in sorted(standing, key=_order):
        entry = _flat(stored)
        if stored.event.shadow:
            entries.append((_SHADOW, entry))
            continue
        if stored.event.event == "scored":
            last = {name: entry[name] for name in _VERSIONS}
        else:
            entry |= {name: value for name, value in last.items() if entry[name] is None}
        entries.append((stored.event.event, entry))
    return entries


def _order(stored: Stored) -> tuple[datetime, int, int]:
    """Put a score before the hand-off of the same moment."""
    return stored.event.happened_at, KINDS.index(stored.event.event), stored.id


def _flat(stored: Stored) -> dict[str, Any]:
    """Return an event's fields and those of its detail side by side."""
    fields = stored.to_dict()
    detail = fields.pop("detail")
    del fields["lead"]
    return {**fields, **detail}


def _as_recorded(stored: Stored) -> dict[str, Any]:
    fields = stored.to_dict()
    if stored.event.event == "scored":
        fields["detail"] = {"shadow": True} if stored.event.shadow else {}
    return fields
