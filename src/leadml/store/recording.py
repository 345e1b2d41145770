"""Recording events in a transaction: each key once, ids in the order of commits."""

import hashlib
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import replace
from datetime import datetime

from sqlalchemy import Connection, select, update

from leadml.domain.event import Event, Receipt, Stored, content_key, iso
from leadml.domain.event_check import problem_of
from leadml.store.bulk import insert_all
from leadml.store.messages import Webhooks, put_messages
from leadml.store.parts import in_parts
from leadml.store.rows import keyed, stored_of
from leadml.store.schema import COUNTER, EVENTS, FORGOTTEN, SALT


def record_in(
    connection: Connection,
    events: Sequence[Event],
    *,
    reasons: Collection[str],
    now: datetime,
    anew: bool = False,
    recorded: Mapping[str, datetime] | None = None,
    webhooks: Webhooks | None = None,
) -> list[Receipt]:
    """Record events within a transaction that writes.

    Parameters
    ----------
    connection : Connection
        Of `Database.writing`.
    events : sequence of Event
        As they came.
    reasons : collection of str
        Why sales may reject a lead.
    now : datetime
        What becomes their `recorded_at`, UTC.
    anew : bool
        Whether the connection was lost in an earlier try, which may have been kept nevertheless.
    recorded : mapping of str to datetime, optional
        Key -> when another ledger recorded the event, UTC: it keeps that.
    webhooks : mapping, optional
        Endpoint -> what it is told of: a message to it goes out only if this transaction is kept.

    Returns
    -------
    receipts : list of Receipt
        One an event, in the same order.
    """
    problems = [problem_of(event, reasons=reasons, now=now) for event in events]
    sound = [keyed(e) for e, problem in zip(events, problems, strict=True) if not problem]
    last = lock(connection)
    kept = kept_under(connection, {event.idempotency_key for event in sound} | _targets(sound))
    forgotten = forgotten_among(connection, {event.lead for event in sound})
    book = _Book(kept, forgotten, last=last, now=now, anew=anew)
    good = iter(sound)
    receipts = [
        Receipt(status="refused", id=None, idempotency_key=_key_of(event), recorded_at=None,
                problem=problem)
        if problem
        else book.enter(next(good))
        for event, problem in zip(events, problems, strict=True)
    ]  # fmt: skip
    if book.new:
        if webhooks:
            put_messages(connection, book.new, webhooks, now=now)
        insert_all(connection, _dated(book.new, recorded or {}))
        advance(connection, book.last)
    return receipts


def _dated(new: Sequence[Stored], recorded: Mapping[str, datetime]) -> Sequence[Stored]:
    if not recorded:
        return new
    return [
        replace(each, recorded_at=recorded.get(each.event.idempotency_key, each.recorded_at))
        for each in new
    ]


def lock(connection: Connection) -> int:
    """Keep other writers out until the transaction ends; return the last id given.

    PostgreSQL locks the counter's row. SQLite's transaction holds the one write lock already.
    """
    query = select(COUNTER.c.value).where(COUNTER.c.name == "events").with_for_update()
    return int(connection.execute(query).scalar_one())


def advance(connection: Connection, last: int) -> None:
    """Note the last id given, so that it is never given again."""
    connection.execute(update(COUNTER).where(COUNTER.c.name == "events").values(value=last))


def kept_under(connection: Connection, keys: Collection[str]) -> dict[str, Stored]:
    """Return the events kept under some keys."""
    kept: dict[str, Stored] = {}
    for some in in_parts(keys):
        query = select(EVENTS).where(EVENTS.c.idempotency_key.in_(some))
        for row in connection.execute(query):
            stored = stored_of(row)
            kept[stored.event.idempotency_key] = stored
    return kept


def histories(connection: Connection, leads: Collection[str]) -> dict[str, list[Stored]]:
    """Return all events of some leads, by lead; leads of which nothing is kept are left out."""
    found: dict[str, list[Stored]] = {}
    if connection.execute(select(EVENTS.c.id).limit(1)).first() is None:
        return found
    for some in in_parts(leads):
        for row in connection.execute(select(EVENTS).where(EVENTS.c.lead.in_(some))):
            stored = stored_of(row)
            found.setdefault(stored.event.lead, []).append(stored)
    return found


def said_after(connection: Connection, prefix: str, moment: datetime, *, most: int) -> int:
    """Count the events after a moment whose keys begin with a prefix, up to `most`."""
    key = EVENTS.c.idempotency_key
    query = select(EVENTS.c.id).where(
        key.startswith(prefix, autoescape=True), EVENTS.c.happened_at > moment
    )
    return len(connection.execute(query.limit(most)).all())


def forgotten_among(connection: Connection, leads: Collection[str]) -> set[str]:
    """Return those of some leads that were erased on request."""
    if connection.execute(select(FORGOTTEN.c.lead_hash).limit(1)).first() is None:
        return set()
    salt = salt_of(connection)
    hashed = {forgotten_hash(lead, salt): lead for lead in leads}
    found: set[str] = set()
    for some in in_parts(hashed):
        query = select(FORGOTTEN.c.lead_hash).where(FORGOTTEN.c.lead_hash.in_(some))
        found |= {hashed[row[0]] for row in connection.execute(query)}
    return found


def salt_of(connection: Connection) -> str:
    """Return the salt of this ledger's hashes of forgotten leads."""
    return str(connection.execute(select(SALT.c.salt)).scalar_one())


def forgotten_hash(lead: str, salt: str) -> str:
    """Return what stands for a forgotten lead: it can be recognised, not read."""
    return hashlib.blake2b(lead.encode(), key=bytes.fromhex(salt), digest_size=32).hexdigest()


class _Book:
    """What is kept and what is to be added, by key."""

    def __init__(
        self,
        kept: dict[str, Stored],
        forgotten: set[str],
        *,
        last: int,
        now: datetime,
        anew: bool,
    ) -> None:
        self.kept = kept
        self.ours = {key for key, s in kept.items() if anew and s.recorded_at == now}
        self.forgotten = forgotten
        self.last = last
        self.now = now
        self.new: list[Stored] = []

    def enter(self, event: Event) -> Receipt:
        """Add a sound event, unless its key is taken; say what became of it."""
        key = event.idempotency_key
        earlier = self.kept.get(key)
        problem = self._problem(event, earlier)
        if problem:
            return Receipt(
                status="refused", id=None, idempotency_key=key, recorded_at=None, problem=problem
            )
        if earlier:
            is_ours = key in self.ours
            self.ours.discard(key)
            return _receipt("recorded" if is_ours else "duplicate", earlier)
        self.last += 1
        stored = Stored(id=self.last, recorded_at=self.now, event=event)
        self.kept[key] = stored
        self.new.append(stored)
        return _receipt("recorded", stored)

    def _problem(self, event: Event, earlier: Stored | None) -> str:
        if event.lead in self.forgotten:
            return "this lead was forgotten on request: nothing more is kept of it"
        if earlier and content_key(earlier.event) != content_key(event):
            return (
                f"idempotency_key {event.idempotency_key!r} is taken since "
                f"{iso(earlier.recorded_at)} by an event that says something else: send new facts "
                "under a key of their own, mend old ones with a corrected event"
            )
        target = self.kept.get(str(event.detail.get("corrects"))) if _corrects(event) else None
        if target and target.event.lead != event.lead:
            return f"detail.corrects names an event of another lead, not of {event.lead!r}"
        return ""


def _receipt(status: str, stored: Stored) -> Receipt:
    return Receipt(
        status="recorded" if status == "recorded" else "duplicate",
        id=stored.id,
        idempotency_key=stored.event.idempotency_key,
        recorded_at=stored.recorded_at,
    )


def _corrects(event: Event) -> bool:
    return event.event == "corrected"


def _targets(events: Iterable[Event]) -> set[str]:
    return {str(event.detail["corrects"]) for event in events if _corrects(event)}


def _key_of(event: Event) -> str:
    key: object = event.idempotency_key
    return key if isinstance(key, str) else ""
