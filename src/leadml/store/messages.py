"""Messages to webhooks, made in the transaction that records the scores they tell of."""

import json
import secrets
from collections.abc import Collection, Mapping, Sequence
from datetime import datetime
from typing import Any

from sqlalchemy import Connection, and_, func, insert, or_, select

from leadml.domain.crossing import (
    Crossing,
    crossings,
    is_recent,
    is_served_score,
    latest_score,
)
from leadml.domain.event import Stored
from leadml.domain.webhook import message
from leadml.store.parts import in_parts
from leadml.store.rows import stored_of
from leadml.store.schema import EVENTS, OUTBOX

Webhooks = Mapping[str, Collection[str]]
"""Endpoint -> what it is told of."""

PENDING = "pending"

_SHADOW = '"shadow":true'  # as `packed` writes it; a text would hold it with \"


def put_messages(
    connection: Connection, new: Sequence[Stored], webhooks: Webhooks, *, now: datetime
) -> int:
    """Put what new scores change into the outbox, before they are written.

    Parameters
    ----------
    connection : Connection
        Of a transaction that writes, under `leadml.store.recording.lock`.
    new : sequence of Stored
        Events about to be recorded.
    webhooks : mapping
        Endpoint -> what it is told of.
    now : datetime
        The present, UTC.

    Returns
    -------
    number : int
        Messages put there.
    """
    of_lead: dict[str, list[Stored]] = {}
    for stored in new:
        if is_served_score(stored):
            of_lead.setdefault(stored.event.lead, []).append(stored)
    leads = [lead for lead, scores in of_lead.items() if any(is_recent(s, now) for s in scores)]
    known = _latest_scores(connection, leads)
    rows = [
        row
        for lead in leads
        for crossing in crossings(known.get(lead), of_lead[lead], now=now)
        for row in _rows(crossing, webhooks, now)
    ]
    if rows:
        connection.execute(insert(OUTBOX), rows)
    return len(rows)


def _rows(crossing: Crossing, webhooks: Webhooks, now: datetime) -> list[dict[str, Any]]:
    event = crossing.after.event
    rows = []
    for endpoint, kinds in webhooks.items():
        if crossing.kind in kinds:
            identity = new_identity()
            rows.append(
                {
                    "id": identity,
                    "endpoint": endpoint,
                    "kind": crossing.kind,
                    "lead": event.lead,
                    "event_id": crossing.after.id,
                    "body": as_body(message(crossing, identity=identity, now=now)),
                    "state": PENDING,
                    "queued_at": now,
                    "due_at": now,
                    "attempts": 0,
                }
            )
    return rows


def new_identity() -> str:
    """Return a name for a message that tells nothing and that no other message has."""
    return f"msg_{secrets.token_hex(16)}"


def as_body(content: Mapping[str, Any]) -> str:
    """Return a message as it is sent, and signed: every try sends the same text."""
    return json.dumps(content, ensure_ascii=False, allow_nan=False, separators=(",", ":"))


def _latest_scores(connection: Connection, leads: Sequence[str]) -> dict[str, Stored]:
    """Return the latest standing score of each of some leads, of those that have one."""
    found: dict[str, list[Stored]] = {}
    mended: set[str] = set()
    within = func.instr if connection.dialect.name == "sqlite" else func.strpos  # LIKE is slower
    for some in in_parts(leads):
        for row in connection.execute(_latest_or_mended(some, within)):
            stored = stored_of(row)
            found.setdefault(stored.event.lead, []).append(stored)
            if stored.event.event == "corrected":
                mended.add(stored.event.lead)
    whole: dict[str, list[Stored]] = {}
    for some in in_parts(mended):  # few: whatever was corrected may be the latest score
        for row in connection.execute(select(EVENTS).where(EVENTS.c.lead.in_(some))):
            stored = stored_of(row)
            whole.setdefault(stored.event.lead, []).append(stored)
    latest = {lead: latest_score(events) for lead, events in (found | whole).items()}
    return {lead: stored for lead, stored in latest.items() if stored is not None}


def _latest_or_mended(leads: Sequence[str], within: Any) -> Any:
    """Return the query of each lead's last score that was given, and of all corrections."""
    c = EVENTS.c
    served = and_(c.event == "scored", or_(c.detail.is_(None), within(c.detail, _SHADOW) == 0))
    rank = func.row_number().over(
        partition_by=[c.lead, c.event], order_by=[c.happened_at.desc(), c.id.desc()]
    )
    ranked = (
        select(c.id, c.event, rank.label("place"))
        .where(c.lead.in_(leads), or_(served, c.event == "corrected"))
        .subquery()
    )
    wanted = or_(ranked.c.place == 1, ranked.c.event == "corrected")
    return select(EVENTS).join(ranked, ranked.c.id == c.id).where(wanted)
