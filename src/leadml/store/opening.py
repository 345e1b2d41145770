"""Opening a ledger's database: new ones get their tables, others must be of this revision."""

import secrets
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from sqlalchemy import Connection, inspect, text

from leadml.errors import StoreError
from leadml.store.database import Database
from leadml.store.schema import REVISION, VERSION_TABLE, create_schema

_ADVISORY = 4_726_118_023_051
"""What two programs that make the same PostgreSQL tables at once wait for."""


def ready(database: Database, *, create: bool) -> None:
    """Make a database ready for use, or say why it is not.

    Raises
    ------
    StoreError
        If there is no ledger and none is to be made, or its tables are of another revision.
    """
    look_at_file(database, create=create)
    with database.reading() as connection:
        found = revision(connection)
    if found is None:
        found = _made(database, create=create)
    if found != REVISION:
        raise StoreError(_out_of_step(database, found))


def revision(connection: Connection) -> str | None:
    """Return the revision of a database's tables; None where it holds no ledger."""
    if not inspect(connection).has_table(VERSION_TABLE):
        return None
    query = f"select version_num from {VERSION_TABLE}"  # noqa: S608 - a constant  # nosec B608
    return str(connection.execute(text(query)).scalar() or "") or None


def look_at_file(database: Database, *, create: bool) -> None:
    """Raise where an SQLite file is not there and is not to be made; make it if it is."""
    path = database.path
    if path is None or path.is_file():
        return
    if path.is_dir():
        msg = f"the ledger {database.shown} is a folder: name a file in [store] url"
        raise StoreError(msg)
    if not create:
        raise StoreError(_none_yet(database))
    _make_file(path, database)


def _make_file(path: Path, database: Database) -> None:
    """Make an empty file, and its folder; it holds personal data, so none but its user reads it.

    SQLite gives the files beside it the same rights.
    """
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        msg = f"the ledger {database.shown} cannot be made: {error.strerror}: {error.filename}"
        raise StoreError(msg) from None
    with suppress(OSError):  # opening it says what is wrong
        path.touch(0o600)


def _made(database: Database, *, create: bool) -> str:
    """Make the tables unless another program has meanwhile; return the revision there is then."""
    if not create:
        raise StoreError(_none_yet(database))
    with exclusively(database) as connection:
        found = revision(connection)
        if found is None:
            create_schema(connection, secrets.token_hex(32))
        return found or REVISION


@contextmanager
def exclusively(database: Database) -> Iterator[Connection]:
    """Give a transaction that changes tables, one at a time."""
    with database.writing() as connection:
        if not database.is_sqlite:
            connection.execute(text("select pg_advisory_xact_lock(:key)"), {"key": _ADVISORY})
        yield connection


def _none_yet(database: Database) -> str:
    return (
        f"there is no ledger in {database.shown} yet: record events with `leadml serve` or "
        "`leadml ledger import EXPORT`, or check [store] url"
    )


def _out_of_step(database: Database, found: str) -> str:
    if found < REVISION:
        return (
            f"the ledger {database.shown} has tables of revision {found}, this leadml needs "
            f"{REVISION}: back it up, then run `leadml ledger migrate`"
        )
    return (
        f"the ledger {database.shown} has tables of revision {found}, this leadml knows "
        f"{REVISION} at most: install the newer leadml, or there run "
        f"`leadml ledger migrate --to {REVISION}`"
    )
