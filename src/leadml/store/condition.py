"""How a ledger's database is doing: looked at, with nothing changed."""

import shutil
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import NoReturn

from sqlalchemy import Connection, func, select, text, update

from leadml.errors import StoreError
from leadml.store.database import Database
from leadml.store.opening import ready
from leadml.store.schema import COUNTER, EVENTS

PATIENCE = 3.0


@dataclass(frozen=True)
class Condition:
    """What was found.

    Attributes
    ----------
    shown : str
        The database's address, without any password.
    exists : bool
        False where an SQLite file is still to be made; all else is then empty.
    events : int
    latest : datetime or None
        When the latest event was recorded, aware.
    unwritable : str
        Why nothing can be written; empty where it can.
    wal : int
        Bytes that SQLite has written beside its file.
    database_clock : datetime or None
        What a database on a server says the time is.
    """

    shown: str
    exists: bool = True
    events: int = 0
    latest: datetime | None = None
    unwritable: str = ""
    wal: int = 0
    database_clock: datetime | None = None


def condition_of(url: str, *, patience: float = PATIENCE) -> Condition:
    """Look at a ledger.

    Raises
    ------
    StoreError
        If it cannot be reached, or its tables are older or newer than this leadml.
    """
    database = Database(url, patience=patience)
    try:
        if database.path is not None and not database.path.exists():
            return Condition(database.shown, exists=False)
        ready(database, create=False)
        with database.reading() as connection:
            events, latest = connection.execute(
                select(func.count(EVENTS.c.id), func.max(EVENTS.c.recorded_at))
            ).one()
            clock = None if database.is_sqlite else _clock(connection)
        return Condition(
            database.shown,
            events=events,
            latest=latest,
            unwritable=_unwritable(database),
            wal=_wal(database.path),
            database_clock=clock,
        )
    finally:
        database.close()


def free_bytes(folder: Path) -> int:
    """Return how much the disk of a folder still takes from this user."""
    while not folder.exists() and folder != folder.parent:
        folder = folder.parent
    return shutil.disk_usage(folder).free


class _Undone(Exception):
    """Ends a transaction of which nothing is to be kept."""


def _unwritable(database: Database) -> str:
    """Write what is there already, and take it back."""
    try:
        with database.writing() as connection:
            _try_writing(connection)
    except _Undone:
        return ""
    except StoreError as error:
        return str(error)


def _try_writing(connection: Connection) -> NoReturn:
    connection.execute(update(COUNTER).values(value=COUNTER.c.value))
    raise _Undone


def _clock(connection: Connection) -> datetime:
    moment: datetime = connection.execute(text("select clock_timestamp()")).scalar_one()
    return moment.astimezone(UTC)


def _wal(path: Path | None) -> int:
    beside = None if path is None else path.with_name(path.name + "-wal")
    return beside.stat().st_size if beside is not None and beside.exists() else 0
