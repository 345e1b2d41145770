"""Events as rows of the table, and back."""

import json
from collections.abc import Sequence
from dataclasses import replace
from datetime import UTC, datetime
from typing import Any

from leadml.domain.event import Event, Stored, content_key, packed


def keyed(event: Event) -> Event:
    """Return the event under its key, its time in UTC, without details that are null."""
    ready = event.idempotency_key and event.happened_at.tzinfo is UTC
    if ready and None not in event.detail.values():
        return event  # as many do: making it anew would take longer than all else done with it
    return replace(
        event,
        happened_at=event.happened_at.astimezone(UTC),
        detail={name: value for name, value in event.detail.items() if value is not None},
        idempotency_key=event.idempotency_key or content_key(event),
    )


def row_of(event: Event, identity: int, recorded_at: datetime) -> dict[str, Any]:
    """Return what the table holds of an event that has its key."""
    return {
        "id": identity,
        "event": event.event,
        "lead": event.lead,
        "account": event.account,
        "owner": event.owner,
        "happened_at": event.happened_at,
        "recorded_at": recorded_at,
        "model_version": event.model_version,
        "agreement_hash": event.agreement_hash,
        "idempotency_key": event.idempotency_key,
        "detail": packed(event.detail),
    }


def stored_of(row: Sequence[Any]) -> Stored:
    """Return the event that a row of the table holds."""
    number, kind, lead, account, owner, happened, recorded, version, agreement, key, detail = row
    event = Event(
        event=kind,
        lead=lead,
        happened_at=happened,
        account=account,
        owner=owner,
        model_version=version,
        agreement_hash=agreement,
        idempotency_key=key,
        detail=_decode(detail)[0] if detail else {},
    )
    return Stored(id=number, recorded_at=recorded, event=event)


_decode = json.JSONDecoder().raw_decode  # what `packed` wrote: no blanks to look for
