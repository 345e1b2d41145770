"""Scores of the journal entering the table: a group in one transaction, each score once."""

import json
from collections.abc import Collection, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any, NamedTuple

from sqlalchemy import Connection, func, select

from leadml.domain.event import Event, Stored
from leadml.store.messages import Webhooks, put_messages
from leadml.store.parts import in_parts
from leadml.store.recording import advance, forgotten_hash, lock, salt_of
from leadml.store.schema import EVENTS, FORGOTTEN

KIND = "scored"
_KEYS = 250
"""Keys of one statement."""
_NAMES = ", ".join(column.name for column in EVENTS.c)
_MARKS = ", ".join("?" * len(EVENTS.c))
_KNOWN = f"select idempotency_key from {EVENTS.name} where idempotency_key"  # noqa: S608  # nosec B608
_INSERT = f"insert into {EVENTS.name} ({_NAMES}) values ({_MARKS})"  # noqa: S608  # nosec B608
_COPY = f"copy {EVENTS.name} ({_NAMES}) from stdin"


class Score(NamedTuple):
    """A score to be recorded; the caller answers for its values being what the ledger keeps.

    Attributes
    ----------
    keys : tuple of str
        Its key, and others under which the same score may be kept already.
    lead : str
        The lead's id.
    account, owner : str or None
        As the lead named them.
    happened_at : str
        When it was given, as ISO 8601 in UTC to the microsecond with a Z.
    model_version, agreement_hash : str
        Which version scored, under which agreement.
    detail : str
        JSON text.
    """

    keys: tuple[str, ...]
    lead: str
    account: str | None
    owner: str | None
    happened_at: str
    model_version: str
    agreement_hash: str
    detail: str


@dataclass(frozen=True)
class Forgotten:
    """The leads that were erased on request, as a ledger knows them.

    Attributes
    ----------
    salt : str
        Of the hashes.
    hashes : frozenset of str
        One a lead.
    """

    salt: str = ""
    hashes: frozenset[str] = field(default_factory=frozenset)

    def __contains__(self, lead: str) -> bool:
        """Tell whether a lead was erased."""
        return bool(self.hashes) and forgotten_hash(lead, self.salt) in self.hashes


def forgotten_now(connection: Connection, earlier: Forgotten) -> Forgotten:
    """Return the leads erased by now; `earlier` itself where none came to it."""
    query = select(func.count()).select_from(FORGOTTEN)
    if connection.execute(query).scalar_one() == len(earlier.hashes):
        return earlier
    rows = connection.execute(select(FORGOTTEN.c.lead_hash))
    return Forgotten(salt_of(connection), frozenset(row[0] for row in rows))


def take_in(
    connection: Connection,
    scores: Sequence[Score],
    forgotten: Forgotten,
    *,
    now: datetime,
    webhooks: Webhooks,
) -> int:
    """Record the scores that are not kept yet, within a transaction that writes.

    Parameters
    ----------
    connection : Connection
        Of `Database.writing`.
    scores : sequence of Score
        As they were given.
    forgotten : Forgotten
        Of `forgotten_now` within the same transaction: scores of these leads are left out.
    now : datetime
        What becomes their `recorded_at`, UTC.
    webhooks : mapping
        Endpoint -> what it is told of: a message to it goes out only if this transaction is kept.

    Returns
    -------
    recorded : int
        How many.
    """
    last = lock(connection)
    known = _known(connection, {key for score in scores for key in score.keys})
    fresh: list[Score] = []
    for score in scores:
        if known.isdisjoint(score.keys) and score.lead not in forgotten:
            known.add(score.keys[0])
            fresh.append(score)
    if fresh:
        if webhooks:
            put_messages(connection, _stored(fresh, last, now), webhooks, now=now)
        _insert(connection, _rows(fresh, last, now))
        advance(connection, last + len(fresh))
    return len(fresh)


def _rows(scores: Sequence[Score], last: int, now: datetime) -> list[tuple[Any, ...]]:
    recorded_at = now.astimezone(UTC).isoformat(timespec="microseconds")[:-6] + "Z"
    return [
        (number, KIND, lead, account, owner, happened_at, recorded_at, version, agreement,
         keys[0], detail)
        for number, (keys, lead, account, owner, happened_at, version, agreement, detail)
        in enumerate(scores, last + 1)
    ]  # fmt: skip


def _stored(scores: Sequence[Score], last: int, now: datetime) -> list[Stored]:
    return [
        Stored(
            id=number,
            recorded_at=now,
            event=Event(
                event=KIND,
                lead=score.lead,
                happened_at=datetime.fromisoformat(score.happened_at),
                account=score.account,
                owner=score.owner,
                model_version=score.model_version,
                agreement_hash=score.agreement_hash,
                idempotency_key=score.keys[0],
                detail=json.loads(score.detail),
            ),
        )
        for number, score in enumerate(scores, last + 1)
    ]


def _known(connection: Connection, keys: Collection[str]) -> set[str]:
    """Return those of some keys that are taken."""
    cursor = _cursor(connection)
    if connection.dialect.name != "sqlite":
        cursor.execute(f"{_KNOWN} = any(%s)", (list(keys),))
        return {row[0] for row in cursor}
    found: set[str] = set()
    for some in in_parts(keys, _KEYS):
        cursor.execute(f"{_KNOWN} in ({', '.join('?' * len(some))})", some)
        found.update(row[0] for row in cursor)
    return found


def _insert(connection: Connection, rows: Sequence[tuple[Any, ...]]) -> None:
    cursor = _cursor(connection)
    if connection.dialect.name != "sqlite":
        with cursor.copy(_COPY) as copy:
            for row in rows:
                copy.write_row(row)
        return
    cursor.executemany(_INSERT, rows)  # one row a statement costs SQLite a third less than twenty


def _cursor(connection: Connection) -> Any:
    """Return the driver's own: what SQLAlchemy does for each statement costs more than these do."""
    return connection.connection.cursor()
