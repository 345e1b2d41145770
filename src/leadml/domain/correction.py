"""Corrections applied: what a lead's events say once later ones have mended them.

An event is never written over. A ``corrected`` event names the key of the one it mends and either
takes it back (``void``) or gives new values. It may itself be mended: a correction of a correction
changes what the first one says, and voiding it lets the original stand as it was. Several
corrections of one event apply in the order in which they happened. None of this depends on the
order in which the events arrived.
"""

from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import replace
from datetime import UTC, datetime
from typing import Any

from leadml.domain.event import Stored
from leadml.domain.event_detail import NAMES

REPLACED = ("happened_at", "event", "owner", "account", "detail")
"""What a correction may replace."""


def corrected(events: Sequence[Stored]) -> list[Stored]:
    """Return what stands of one lead's events: corrections applied and left out.

    Parameters
    ----------
    events : sequence of Stored
        All events of one lead, in any order.

    Returns
    -------
    standing : list of Stored
        In the given order. An event whose kind was corrected was recorded when that was said.
    """
    corrections = [stored for stored in events if stored.event.event == "corrected"]
    if not corrections:
        return list(events)
    plain = [stored for stored in events if stored.event.event != "corrected"]
    patches = _patches(plain, corrections)
    mended = [_mended(stored, patches.get(stored.event.idempotency_key, ())) for stored in plain]
    return [stored for stored in mended if stored is not None]


Patch = tuple[Mapping[str, Any], datetime]
"""What one correction replaces, and when it was recorded."""


def _patches(plain: Sequence[Stored], corrections: Sequence[Stored]) -> dict[str, list[Patch]]:
    """Return the corrections of each event, each already mended by its own corrections.

    Starting from the plain events, corrections are met level by level; those that only correct one
    another in a circle are never met, and mend nothing.
    """
    by_target: dict[str, list[Stored]] = defaultdict(list)
    for stored in sorted(corrections, key=lambda s: (s.event.happened_at, s.event.idempotency_key)):
        by_target[str(stored.event.detail.get("corrects"))].append(stored)
    met: list[Stored] = []
    level = list(plain)
    while level:
        level = [c for stored in level for c in by_target[stored.event.idempotency_key]]
        met += level
    patches: dict[str, list[Patch]] = {}
    for stored in reversed(met):  # those that correct corrections come first
        content = _content(stored, patches.get(stored.event.idempotency_key, ()))
        if content is not None:
            target = str(stored.event.detail.get("corrects"))
            patches.setdefault(target, []).insert(0, (content, stored.recorded_at))
    return patches


def _content(stored: Stored, patches: Sequence[Patch]) -> dict[str, Any] | None:
    """Return what a correction says after its own corrections; None where it was taken back."""
    content = dict(stored.event.detail)
    for patch, _ in patches:
        if patch.get("void"):
            return None
        given = {name: patch[name] for name in REPLACED if patch.get(name) is not None}
        if "detail" in given:
            given["detail"] = {**(content.get("detail") or {}), **given["detail"]}
        content |= given
    return content


def _mended(stored: Stored, patches: Sequence[Patch]) -> Stored | None:
    for patch, recorded_at in patches:
        if patch.get("void"):
            return None
        stored = _patched(stored, patch, recorded_at)
    return stored


def _patched(stored: Stored, patch: Mapping[str, Any], recorded_at: datetime) -> Stored:
    event = stored.event
    kind = patch.get("event") or event.event
    moment = patch.get("happened_at")
    detail = {**event.detail, **(patch.get("detail") or {})}
    mended = replace(
        event,
        event=kind,
        happened_at=as_utc(moment) if moment else event.happened_at,
        owner=patch.get("owner") or event.owner,
        account=patch.get("account") or event.account,
        detail={k: v for k, v in detail.items() if k in NAMES[kind] and v is not None},
    )
    told = stored.recorded_at if kind == event.event else max(stored.recorded_at, recorded_at)
    return replace(stored, event=mended, recorded_at=told)


def as_utc(text: str) -> datetime:
    """Read an ISO 8601 time with its offset, as UTC."""
    return datetime.fromisoformat(text).astimezone(UTC)
