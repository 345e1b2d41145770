"""The outbox: messages to webhooks that wait, were delivered, or were given up.

A message is claimed by whoever sends it: it is due again only when its sender must have ended. So
no two send the same one at once, and one whose sender was killed is sent again under the same name.
"""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import Connection, and_, delete, func, select, update

from leadml.domain.event import iso
from leadml.store.ledger import Ledger
from leadml.store.messages import PENDING
from leadml.store.parts import in_parts
from leadml.store.schema import OUTBOX

DELIVERED = "delivered"
DEAD = "dead"

KEPT_DELIVERED = timedelta(days=7)
"""How long it stays known that a message was delivered."""
KEPT_DEAD = timedelta(days=90)
"""How long a dead letter may be looked at and sent again."""
MOST_ERROR = 300

_c = OUTBOX.c


@dataclass(frozen=True, kw_only=True)
class Outgoing:
    """A message that the caller is to send.

    Attributes
    ----------
    id : str
        Its name, the same for every try.
    endpoint, kind : str
        To whom, and of what.
    body : str
        JSON text.
    attempts : int
        Tries, this one included.
    """

    id: str
    endpoint: str
    kind: str
    body: str
    attempts: int


@dataclass(frozen=True, kw_only=True)
class Letter:
    """A message that was given up.

    Attributes
    ----------
    id, endpoint, kind : str
        Its name, to whom, of what.
    lead : str
        Of which lead.
    queued_at, finished_at : datetime
        When it was put here last, and when it was given up; UTC.
    attempts : int
        How often it was tried.
    error : str
        What went wrong last.
    """

    id: str
    endpoint: str
    kind: str
    lead: str
    queued_at: datetime
    finished_at: datetime
    attempts: int
    error: str

    def to_dict(self) -> dict[str, Any]:
        """Return the letter as JSON-ready values, times as ISO 8601 in UTC."""
        times = {"queued_at": iso(self.queued_at), "finished_at": iso(self.finished_at)}
        return vars(self) | times


@dataclass(frozen=True, kw_only=True)
class Post:
    """How messages to one endpoint stand.

    Attributes
    ----------
    pending, dead : int
        Messages that wait, and that were given up.
    delivered_last_day : int
        Messages delivered within the last 24 hours.
    oldest_pending : datetime or None
        When the message that waits longest was put here, UTC.
    last_error : str or None
        What went wrong last with a message that is not delivered yet.
    last_error_at : datetime or None
        When that was, UTC.
    """

    pending: int = 0
    dead: int = 0
    delivered_last_day: int = 0
    oldest_pending: datetime | None = None
    last_error: str | None = None
    last_error_at: datetime | None = None

    def to_dict(self) -> dict[str, Any]:
        """Return it as JSON-ready values, times as ISO 8601 in UTC."""
        told = {name: getattr(self, name) for name in ("oldest_pending", "last_error_at")}
        return vars(self) | {name: moment and iso(moment) for name, moment in told.items()}


class Outbox:
    """The messages of one ledger.

    Parameters
    ----------
    ledger : Ledger
        In whose database they are; its clock counts.
    """

    def __init__(self, ledger: Ledger) -> None:
        self._database = ledger.database
        self.now = ledger.now

    def is_due(self, endpoint: str) -> bool:
        """Tell whether a message to an endpoint is to be sent now."""
        query = select(_c.id).where(*self._due(endpoint)).limit(1)
        return self._database.read(lambda connection: connection.execute(query).first() is not None)

    def claim(self, endpoint: str, *, hold: timedelta) -> Outgoing | None:
        """Return the oldest message that is due, for this caller alone; None without one.

        Parameters
        ----------
        hold : timedelta
            It is due again after this, unless the caller says what became of it.
        """
        oldest = (
            select(_c.id, _c.kind, _c.body, _c.attempts)
            .where(*self._due(endpoint))
            .order_by(_c.event_id, _c.id)
            .limit(1)
            .with_for_update(skip_locked=True)  # SQLite has one writer at a time anyhow
        )
        now = self.now()

        def work(connection: Connection) -> Outgoing | None:
            row = connection.execute(oldest).first()
            if row is None:
                return None
            tried = row.attempts + 1
            claimed = {"attempts": tried, "due_at": now + hold, "tried_at": now}
            connection.execute(update(OUTBOX).where(_c.id == row.id).values(**claimed))
            return Outgoing(
                id=row.id, endpoint=endpoint, kind=row.kind, body=row.body, attempts=tried
            )

        return self._database.written(work)

    def delivered(self, sent: Outgoing) -> None:
        """Note that a message arrived; what it said is kept no longer."""
        done = {"state": DELIVERED, "finished_at": self.now(), "body": None, "error": None}
        self._change([_c.id == sent.id], done)

    def failed(self, sent: Outgoing, error: str, *, again_at: datetime) -> None:
        """Note that a message did not arrive, and when it is tried again."""
        self._change(self._held(sent), {"error": error[:MOST_ERROR], "due_at": again_at})

    def give_up(self, sent: Outgoing, error: str) -> None:
        """Make a message a dead letter."""
        self._change(self._held(sent), self._dead(error))

    def give_up_all(self, endpoint: str, error: str, *, before: datetime | None = None) -> int:
        """Make all messages that wait for an endpoint dead letters, or those put here `before`."""
        which = [_c.endpoint == endpoint, _c.state == PENDING]
        if before is not None:
            which.append(_c.queued_at < before)
        return self._change(which, self._dead(error))

    def retry(self, ids: Collection[str] | None = None) -> int:
        """Send dead letters again, all where no ids are given; return how many."""
        now = self.now()
        anew = {
            "state": PENDING, "attempts": 0, "queued_at": now, "due_at": now, "finished_at": None,
        }  # fmt: skip
        if ids is None:
            return self._change([_c.state == DEAD], anew)
        parts = in_parts(sorted(set(ids)))
        return sum(self._change([_c.state == DEAD, _c.id.in_(some)], anew) for some in parts)

    def dead(self, *, limit: int) -> list[Letter]:
        """Return dead letters, those given up last first."""
        columns = [_c[name] for name in Letter.__dataclass_fields__]
        query = select(*columns).where(_c.state == DEAD)
        query = query.order_by(_c.finished_at.desc(), _c.event_id.desc(), _c.id).limit(limit)
        return self._database.read(
            lambda connection: [Letter(**row._mapping) for row in connection.execute(query)]
        )

    def dead_among(self, ids: Collection[str]) -> set[str]:
        """Return those of some ids that are dead letters'."""
        parts = list(in_parts(set(ids)))

        def work(connection: Connection) -> set[str]:
            queries = (select(_c.id).where(_c.state == DEAD, _c.id.in_(some)) for some in parts)
            return {row[0] for query in queries for row in connection.execute(query)}

        return self._database.read(work)

    def counts(self) -> dict[str, int]:
        """Return how many messages are kept in each state."""
        query = select(_c.state, func.count()).group_by(_c.state)
        found = self._database.read(lambda c: {row[0]: int(row[1]) for row in c.execute(query)})
        return {state: found.get(state, 0) for state in (PENDING, DELIVERED, DEAD)}

    def posts(self) -> dict[str, Post]:
        """Return how messages stand, by endpoint, in the order of the endpoints' names."""
        return self._database.read(self._posts)

    def tidy(self, endpoints: Collection[str]) -> None:
        """Take out what is long done; give up what waits for endpoints that are no more."""
        now = self.now()

        def work(connection: Connection) -> None:
            for state, kept in ((DELIVERED, KEPT_DELIVERED), (DEAD, KEPT_DEAD)):
                old = and_(_c.state == state, _c.finished_at < now - kept)
                connection.execute(delete(OUTBOX).where(old))
            orphans = and_(_c.state == PENDING, _c.endpoint.not_in(list(endpoints)))
            gone = self._dead("its endpoint is not in leadml.toml any more")
            connection.execute(update(OUTBOX).where(orphans).values(**gone))

        self._database.written(work)

    def _due(self, endpoint: str) -> list[Any]:
        return [_c.endpoint == endpoint, _c.state == PENDING, _c.due_at <= self.now()]

    def _held(self, sent: Outgoing) -> list[Any]:
        """Return the condition that the caller still holds a message."""
        return [_c.id == sent.id, _c.state == PENDING, _c.attempts == sent.attempts]

    def _dead(self, error: str) -> dict[str, Any]:
        return {"state": DEAD, "finished_at": self.now(), "error": error[:MOST_ERROR]}

    def _change(self, which: Sequence[Any], values: Mapping[str, Any]) -> int:
        statement = update(OUTBOX).where(*which).values(**values)
        return self._database.written(lambda c: int(c.execute(statement).rowcount))

    def _posts(self, connection: Connection) -> dict[str, Post]:
        found: dict[str, dict[str, Any]] = {}
        recent = func.count().filter(_c.finished_at >= self.now() - timedelta(days=1))
        counted = select(
            _c.endpoint, _c.state, func.count(), func.min(_c.queued_at), recent
        ).group_by(_c.endpoint, _c.state)
        for endpoint, state, number, oldest, last_day in connection.execute(counted):
            told = found.setdefault(endpoint, {})
            if state == DELIVERED:
                told["delivered_last_day"] = last_day
            elif state == PENDING:
                told |= {"pending": number, "oldest_pending": oldest}
            else:
                told["dead"] = number
        for endpoint, told in found.items():
            told |= _last_error(connection, endpoint)
        return {endpoint: Post(**found[endpoint]) for endpoint in sorted(found)}


def _last_error(connection: Connection, endpoint: str) -> dict[str, Any]:
    query = (
        select(_c.error, _c.tried_at)
        .where(_c.endpoint == endpoint, _c.error.is_not(None), _c.tried_at.is_not(None))
        .order_by(_c.tried_at.desc())
        .limit(1)
    )
    row = connection.execute(query).first()
    return {"last_error": row[0], "last_error_at": row[1]} if row else {}
