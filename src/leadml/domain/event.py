"""What the ledger keeps: one event of one lead, when it happened and what it says."""

import hashlib
import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any, Literal

KINDS = (
    "scored", "handed_off", "accepted", "rejected", "followed_up", "won", "lost", "reopened",
    "corrected",
)  # fmt: skip
"""What can happen to a lead, in the order of its life; ``corrected`` mends an earlier event."""

REJECTIONS = (
    "wrong_person", "no_budget", "no_need", "no_reply", "competitor", "duplicate", "not_a_company",
    "other",
)  # fmt: skip
"""Why sales rejects a lead, unless ``[rejections] reasons`` lists other reasons."""


SHADOW_TEXT = '"shadow":true'
"""What `packed` makes of the mark of a shadow score; a text would hold it with \\"."""


@dataclass(frozen=True, kw_only=True)
class Event:
    """One thing that happened to one lead.

    Attributes
    ----------
    event : str
        One of `KINDS`.
    lead : str
        The lead's id, 1 to 200 characters.
    happened_at : datetime
        When it happened in the world; aware.
    account, owner : str or None
        Company and sales representative, where the event says.
    model_version, agreement_hash : str or None
        Which version scored, under which agreement.
    idempotency_key : str
        The sender's name of this event: the same key is kept once. Empty means `content_key`, so
        the same event sent twice counts once.
    detail : mapping
        What else the event says; `leadml.domain.event_detail` lists the names each kind may have.
    """

    event: str
    lead: str
    happened_at: datetime
    account: str | None = None
    owner: str | None = None
    model_version: str | None = None
    agreement_hash: str | None = None
    idempotency_key: str = ""
    detail: Mapping[str, Any] = field(default_factory=dict)

    @property
    def shadow(self) -> bool:
        """Whether it is a challenger's score, made to compare: nobody was given it."""
        return self.event == "scored" and self.detail.get("shadow") is True

    def to_dict(self) -> dict[str, Any]:
        """Return the event as JSON-ready values, times as ISO 8601 in UTC."""
        return {
            "event": self.event,
            "lead": self.lead,
            "happened_at": iso(self.happened_at),
            "account": self.account,
            "owner": self.owner,
            "model_version": self.model_version,
            "agreement_hash": self.agreement_hash,
            "idempotency_key": self.idempotency_key,
            "detail": dict(self.detail),
        }


@dataclass(frozen=True, kw_only=True)
class Stored:
    """An event as the ledger keeps it.

    Attributes
    ----------
    id : int
        Rises in the order of recording; never used twice.
    recorded_at : datetime
        When the ledger took it in, UTC.
    event : Event
        What was recorded, with the key it is kept under.
    """

    id: int
    recorded_at: datetime
    event: Event

    def to_dict(self) -> dict[str, Any]:
        """Return the event's values with its id and when it was recorded."""
        return {"id": self.id, "recorded_at": iso(self.recorded_at), **self.event.to_dict()}


@dataclass(frozen=True, kw_only=True)
class Receipt:
    """What became of one event that was to be recorded.

    Attributes
    ----------
    status : {"recorded", "duplicate", "refused"}
        ``duplicate``: the very same event is kept already, under this id.
    id : int or None
        Of the event kept; None where it was refused.
    idempotency_key : str
        The key it is kept under, or was to be.
    recorded_at : datetime or None
        When the event kept was recorded, UTC.
    problem : str
        Why it was refused; else empty.
    """

    status: Literal["recorded", "duplicate", "refused"]
    id: int | None
    idempotency_key: str
    recorded_at: datetime | None
    problem: str = ""


def iso(moment: datetime) -> str:
    """Return a time as ISO 8601 in UTC.

    Examples
    --------
    >>> from datetime import timedelta, timezone
    >>> iso(datetime(2026, 3, 2, 10, 30, tzinfo=timezone(timedelta(hours=1))))
    '2026-03-02T09:30:00+00:00'
    """
    return moment.astimezone(UTC).isoformat()


def content_key(event: Event) -> str:
    """Return a name made of all that an event says, its key left out: 32 hexadecimal digits.

    Two events have the same one just when they say the same, whatever the order of their details;
    a detail that is null says nothing, and 10.0 is 10: senders differ in how they write it.
    """
    detail = {name: _same(value) for name, value in event.detail.items() if value is not None}
    content = [
        event.event, event.lead, iso(event.happened_at), event.account, event.owner,
        event.model_version, event.agreement_hash, packed(detail),
    ]  # fmt: skip
    return hashlib.blake2b(_JSON.encode(content).encode(), digest_size=16).hexdigest()


def packed(detail: Mapping[str, Any]) -> str | None:
    """Return a detail as JSON text, the same for the same content; None where it says nothing.

    Raises
    ------
    TypeError, ValueError
        If it is not plain JSON with finite numbers.
    """
    return _JSON.encode(detail) if detail else None


def _same(value: Any) -> Any:
    """Return a value with whole numbers written one way, also within a mapping."""
    if isinstance(value, float) and value.is_integer():
        return int(value)
    if isinstance(value, Mapping):
        return {name: _same(each) for name, each in value.items()}
    return value


def _mapping(value: object) -> dict[str, Any]:
    if isinstance(value, Mapping):
        return dict(value)
    msg = f"{type(value).__name__} is not JSON"
    raise TypeError(msg)


_JSON = json.JSONEncoder(
    sort_keys=True, ensure_ascii=False, allow_nan=False, separators=(",", ":"), default=_mapping
)
