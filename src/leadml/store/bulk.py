"""Writing very many rows: straight to the database's driver, past what SQLAlchemy does for each."""

from collections.abc import Sequence
from datetime import datetime
from typing import Any

from sqlalchemy import Connection, insert

from leadml.domain.event import Stored, packed
from leadml.store.rows import row_of
from leadml.store.schema import EVENTS

FEW = 200
"""Events up to which SQLAlchemy's own way is as quick."""
CACHE_KIBIBYTES = 200_000
"""Memory that SQLite may use for its indexes while many rows go in."""

_NAMES = ", ".join(column.name for column in EVENTS.c)
_MARKS = ", ".join("?" * len(EVENTS.c))
_INSERT = f"insert into {EVENTS.name} ({_NAMES}) values ({_MARKS})"  # noqa: S608 - constants  # nosec B608
_COPY = f"copy {EVENTS.name} ({_NAMES}) from stdin"


def insert_all(connection: Connection, stored: Sequence[Stored]) -> None:
    """Write events as rows, in the quickest way that the database has.

    Parameters
    ----------
    connection : Connection
        Of `Ledger.writing`.
    stored : sequence of Stored
        Events under their keys, times in UTC.
    """
    if len(stored) <= FEW:
        rows = [row_of(each.event, each.id, each.recorded_at) for each in stored]
        connection.execute(insert(EVENTS), rows)
    elif connection.dialect.name == "sqlite":
        connection.exec_driver_sql(f"pragma cache_size = -{CACHE_KIBIBYTES}")
        text = _Texts()
        connection.exec_driver_sql(_INSERT, [_values(each, text) for each in stored])
    else:
        cursor: Any = connection.connection.cursor()
        with cursor, cursor.copy(_COPY) as copy:
            for each in stored:
                copy.write_row(_values(each, _as_it_is))


def _values(stored: Stored, moment: Any) -> tuple[Any, ...]:
    event = stored.event
    return (
        stored.id,
        event.event,
        event.lead,
        event.account,
        event.owner,
        moment(event.happened_at),
        moment(stored.recorded_at),
        event.model_version,
        event.agreement_hash,
        event.idempotency_key,
        packed(event.detail),
    )


class _Texts(dict[datetime, str]):
    """Times in UTC as SQLite's table keeps them (`leadml.store.schema.Moment`), each made once."""

    def __missing__(self, moment: datetime) -> str:
        self[moment] = moment.isoformat(timespec="microseconds")[:-6] + "Z"
        return self[moment]

    __call__ = dict.__getitem__


def _as_it_is(moment: datetime) -> datetime:
    return moment
