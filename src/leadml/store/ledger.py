"""The ledger: events of leads, recorded once and kept for ever."""

from collections.abc import Callable, Collection, Iterator, Sequence
from contextlib import contextmanager
from datetime import UTC, datetime
from itertools import count, groupby
from typing import Any

from sqlalchemy import Connection, and_, case, func, select

from leadml.domain.event import KINDS, REJECTIONS, SHADOW_TEXT, Event, Receipt, Stored, iso
from leadml.domain.event_check import is_name
from leadml.domain.lead_state import LeadState, state_of
from leadml.errors import StoreError
from leadml.store.database import PATIENCE, Database
from leadml.store.faults import is_about_values
from leadml.store.intake import Forgotten, Score, forgotten_now, take_in
from leadml.store.messages import Webhooks
from leadml.store.opening import ready
from leadml.store.recording import kept_under, record_in
from leadml.store.rows import stored_of
from leadml.store.schema import COUNTER, EVENTS, REVISION

_FETCHED = 5_000


def _now() -> datetime:
    return datetime.now(UTC)


class Ledger:
    """The append-only record of scores, hand-offs, follow-ups, rejections and outcomes.

    Several threads and processes may use one ledger at once. Use `open` to make one.
    """

    def __init__(
        self,
        database: Database,
        *,
        reasons: Sequence[str],
        clock: Callable[[], datetime],
        webhooks: Webhooks | None = None,
    ) -> None:
        self.database = database
        self.reasons = tuple(reasons)
        self.webhooks = webhooks or {}
        self._clock = clock

    @classmethod
    def open(
        cls,
        url: str,
        *,
        reasons: Sequence[str] = REJECTIONS,
        create: bool = True,
        clock: Callable[[], datetime] = _now,
        patience: float = PATIENCE,
        webhooks: Webhooks | None = None,
    ) -> "Ledger":
        """Open the ledger in a database; a new database gets its tables.

        Parameters
        ----------
        url : str
            SQLAlchemy URL of an SQLite or PostgreSQL database.
        reasons : sequence of str
            Why sales may reject a lead; ``other`` always needs a text.
        create : bool
            Make file and tables where there are none; else their lack is an error.
        clock : callable
            Returns the present time, aware: what lies beyond it has not happened yet.
        patience : float
            Seconds to wait for a lock, and to keep trying after a lost connection.
        webhooks : mapping, optional
            Endpoint -> what it is told of (`leadml.domain.crossing.KINDS`) when a score is
            recorded.

        Raises
        ------
        StoreError
            If the database cannot be used, or its tables are older or newer than this leadml.
        """
        database = Database(url, patience=patience)
        try:
            ready(database, create=create)
        except BaseException:
            database.close()
            raise
        return cls(database, reasons=reasons, clock=clock, webhooks=webhooks)

    def now(self) -> datetime:
        """Return the ledger's present, UTC."""
        return self._clock().astimezone(UTC)

    def record(self, events: Sequence[Event]) -> list[Receipt]:
        """Record events in one transaction.

        What cannot be recorded is refused item by item, the others are kept. When this returns,
        the disk has them; when it raises, none is kept.

        Parameters
        ----------
        events : sequence of Event
            In any order of time. The key of each decides: an event kept already under its key is a
            ``duplicate`` where it says the same, and refused where it says something else.

        Returns
        -------
        receipts : list of Receipt
            One an event, in the same order.

        Raises
        ------
        StoreError
            If the database cannot be written; the same call may safely be made again.
        """
        now = self.now()
        tries = count()
        return self.database.written(
            lambda connection: record_in(
                connection,
                events,
                reasons=self.reasons,
                now=now,
                anew=next(tries) > 0,
                webhooks=self.webhooks,
            )
        )

    def take(self, scores: Sequence[Score], earlier: Forgotten) -> tuple[int, Forgotten]:
        """Record scores of the journal in one transaction: those not kept yet, of leads not erased.

        Parameters
        ----------
        scores : sequence of Score
            As the service gave them; a score that is kept already is passed over.
        earlier : Forgotten
            What an earlier call returned, or an empty one.

        Returns
        -------
        recorded : int
            How many were recorded.
        forgotten : Forgotten
            The leads that are erased by now, whose scores were passed over.

        Raises
        ------
        StoreError
            If the database cannot be written; the same call may safely be made again.
        ValueError
            If one of the scores is beyond what it can hold: none is kept.
        """
        now = self.now()

        def work(connection: Connection) -> tuple[int, Forgotten]:
            forgotten = forgotten_now(connection, earlier)
            number = take_in(connection, scores, forgotten, now=now, webhooks=self.webhooks)
            return number, forgotten

        try:
            return self.database.written(work)
        except StoreError as error:
            if is_about_values(error):
                raise ValueError(str(error)) from error
            raise

    def forgotten(self, earlier: Forgotten) -> Forgotten:
        """Return the leads that are erased by now; `earlier` itself where none came to it."""
        return self.database.read(lambda connection: forgotten_now(connection, earlier))

    def history(self, lead: str) -> list[Stored]:
        """Return all events of one lead as they were recorded, oldest first; [] if unknown.

        Events of the same moment stand in the order in which they were recorded.
        """
        if not is_name(lead):  # no event can have it, and a driver might choke on it
            return []
        query = select(EVENTS).where(EVENTS.c.lead == lead)
        found = self.database.read(lambda c: [stored_of(row) for row in c.execute(query)])
        return sorted(found, key=lambda stored: (stored.event.happened_at, stored.id))

    def find(self, keys: Collection[str]) -> dict[str, Stored]:
        """Return the events kept under some keys."""
        possible = [key for key in keys if is_name(key)]
        return self.database.read(lambda connection: kept_under(connection, possible))

    def states(
        self, *, since: datetime | None = None, until: datetime | None = None
    ) -> Iterator[LeadState]:
        """Yield the state of every lead in the order of their ids, in bounded memory.

        Parameters
        ----------
        since, until : datetime, optional
            Keep leads first handed off in [since, until); those never handed off by their first
            event. Aware.

        Yields
        ------
        state : LeadState
            Of all the lead's events. A lead of which no event stands is left out.
        """
        for events in self.leads():
            state = state_of(events)
            begun = state.handed_off_at or min(stored.event.happened_at for stored in events)
            after = since is None or begun >= since
            if state.events and after and (until is None or begun < until):
                yield state

    def leads(self, *, in_the_shadow: bool = False) -> Iterator[list[Stored]]:
        """Yield the events of every lead, lead by lead in the order of their ids.

        `in_the_shadow` takes only leads that a challenger has scored, too.
        """
        query = select(EVENTS).order_by(EVENTS.c.lead)
        if in_the_shadow:
            query = query.where(EVENTS.c.lead.in_(select(EVENTS.c.lead).where(_SHADOW)))
        with self.database.reading() as connection:
            rows = connection.execution_options(yield_per=_FETCHED).execute(query)
            for _, of_lead in groupby(rows, key=lambda row: row[2]):
                yield [stored_of(row) for row in of_lead]

    def counts(self) -> dict[str, Any]:
        """Return how much the ledger holds: events by kind, leads, first and last, revision.

        Scores made in the shadow are counted apart from those that were given.
        """
        return self.database.read(_counts)

    def mark(self) -> int:
        """Return a number that rises whenever the ledger changes: a key for what was read of it."""
        query = select(COUNTER.c.value).where(COUNTER.c.name == "events")
        return self.database.read(lambda connection: int(connection.execute(query).scalar_one()))

    def latest(self) -> datetime | None:
        """Return up to when it is known what became of leads, UTC; None without events.

        That is when the latest event happened that is neither a score nor a correction: both go on
        while the CRM's exports may lag, and a lead whose outcome nobody told yet would count as not
        won.
        """
        moment = func.max(EVENTS.c.happened_at)
        told = select(moment).where(EVENTS.c.event.not_in(("scored", "corrected")))

        def work(connection: Connection) -> datetime | None:
            found: datetime | None = connection.execute(told).scalar()
            return found or connection.execute(select(moment)).scalar()

        return self.database.read(work)

    @contextmanager
    def writing(self) -> Iterator[Connection]:
        """Give one transaction of the store's own: for bulk import and erasure."""
        with self.database.writing() as connection:
            yield connection

    def close(self) -> None:
        """Close every connection."""
        self.database.close()

    def __enter__(self) -> "Ledger":
        """Return the ledger."""
        return self

    def __exit__(self, *error: object) -> None:
        """Close every connection."""
        self.close()


_SHADOW = and_(EVENTS.c.event == "scored", EVENTS.c.detail.like(f"%{SHADOW_TEXT}%"))
"""Scores that a challenger made in the shadow."""


def _counts(connection: Connection) -> dict[str, Any]:
    c = EVENTS.c
    apart = func.sum(case((_SHADOW, 1), else_=0))
    by_kind = select(c.event, func.count(), apart).group_by(c.event)
    rows = [(kind, int(count), int(apart)) for kind, count, apart in connection.execute(by_kind)]
    found = {kind: count - apart for kind, count, apart in rows}
    spans = select(
        func.count(c.lead.distinct()), func.min(c.happened_at), func.max(c.happened_at),
        func.max(c.recorded_at),
    )  # fmt: skip
    leads, first, last, recorded = connection.execute(spans).one()
    return {
        "events": sum(count for _, count, _ in rows),
        "by_kind": {kind: found.get(kind, 0) for kind in KINDS},
        "shadow_scores": sum(apart for _, _, apart in rows),
        "leads": leads,
        "first_happened_at": iso(first) if first else None,
        "last_happened_at": iso(last) if last else None,
        "last_recorded_at": iso(recorded) if recorded else None,
        "revision": REVISION,
    }
