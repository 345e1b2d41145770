"""One database, SQLite or PostgreSQL: its engine, its transactions, and how they fail."""

import random
import sqlite3
import time
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from pathlib import Path
from typing import Any, TypeVar

from sqlalchemy import Connection, Engine, create_engine, event
from sqlalchemy.engine import URL, make_url
from sqlalchemy.exc import ArgumentError, DBAPIError, SQLAlchemyError

from leadml.errors import AwayError, StoreError
from leadml.store.faults import explained, is_lost_connection, is_passing, shown_url

T = TypeVar("T")

PATIENCE = 5.0
"""Seconds to wait for a lock, and to keep trying after a lost connection."""

FORM = "sqlite:///FILE or postgresql://USER:PASSWORD@HOST/DATABASE"


class Database:
    """A database and its transactions.

    SQLite runs in WAL mode, so that reading and writing do not wait for each other, and with
    ``synchronous = FULL``: a commit returns once the disk has it. A transaction that writes takes
    SQLite's write lock when it begins, never half-way.

    Parameters
    ----------
    url : str
        SQLAlchemy URL; its password appears in no message.
    patience : float
        Seconds to wait for a lock, and to keep trying after a lost connection.

    Raises
    ------
    StoreError
        If the URL or its driver is not usable.
    """

    def __init__(self, url: str, *, patience: float = PATIENCE) -> None:
        self.place = _place(url)
        self.patience = patience
        self.shown = shown_url(self.place)
        self.is_sqlite = self.place.get_backend_name() == "sqlite"
        self._file: tuple[int, int] | None = None
        self.engine = self._make_engine()

    @property
    def path(self) -> Path | None:
        """The file of an SQLite database."""
        return Path(str(self.place.database)) if self.is_sqlite else None

    @contextmanager
    def reading(self) -> Iterator[Connection]:
        """Give a transaction that sees one state of the database throughout."""
        with self._told(), self.engine.connect() as connection:
            if not self.is_sqlite:
                connection.execution_options(isolation_level="REPEATABLE READ")
            with connection.begin():
                yield connection

    @contextmanager
    def writing(self) -> Iterator[Connection]:
        """Give a transaction that is kept whole when its block ends, or not at all."""
        with self._told(), self.engine.connect() as connection:
            connection.execution_options(leadml_writes=True)
            with connection.begin():
                yield connection
        self._look_again()

    def written(self, work: Callable[[Connection], T]) -> T:
        """Do work in one transaction that writes, and anew where the connection was lost.

        Parameters
        ----------
        work : callable
            Takes the connection. It may run several times and must then come to the same.
        """
        return self._patiently(self.writing, work)

    def read(self, work: Callable[[Connection], T]) -> T:
        """Do work in one transaction that reads, and anew where the connection was lost."""
        return self._patiently(self.reading, work)

    def _patiently(
        self,
        transaction: Callable[[], AbstractContextManager[Connection]],
        work: Callable[[Connection], T],
    ) -> T:
        deadline = time.monotonic() + self.patience
        pause = 0.05
        while True:
            try:
                with transaction() as connection:
                    return work(connection)
            except StoreError as error:
                cause = error.__cause__
                lost = isinstance(cause, SQLAlchemyError) and is_lost_connection(cause)
                if not lost or time.monotonic() + pause > deadline:
                    raise
            time.sleep(pause * random.uniform(0.5, 1.0))  # noqa: S311 - spreads writers apart  # nosec B311
            pause = min(2 * pause, 1.0)

    def rewrite(self) -> bool:
        """Write an SQLite database anew, so that nothing deleted is left in its file or its WAL.

        Returns
        -------
        rewritten : bool
            False for PostgreSQL, whose VACUUM is its administrator's.

        Raises
        ------
        StoreError
            If another program holds the file meanwhile.
        """
        if not self.is_sqlite:
            return False
        with self._told(), self.engine.connect() as connection:
            driver: Any = connection.connection.driver_connection  # in no transaction here
            try:
                driver.execute("vacuum")
                busy, _, _ = driver.execute("pragma wal_checkpoint(truncate)").fetchone()
            except sqlite3.OperationalError as error:
                raise StoreError(self._not_rewritten()) from error
        if busy:
            raise StoreError(self._not_rewritten())
        return True

    def _not_rewritten(self) -> str:
        return (
            f"the ledger {self.shown} was changed, but another program reads it, so what was "
            "deleted is still in its file: stop `leadml serve` or what else holds it, then run "
            "the same command again"
        )

    def close(self) -> None:
        """Close every connection."""
        self.engine.dispose()

    def _look_again(self) -> None:
        """Raise where the file was taken away while it was written: what it got is lost."""
        if self.is_sqlite and self._found_file() != self._file:
            self._file = None
            self.close()
            msg = (
                f"the ledger {self.shown} was removed or replaced while it was in use: nothing of "
                "this request was kept; stop what uses the ledger before restoring a backup"
            )
            raise StoreError(msg)

    def _found_file(self) -> tuple[int, int] | None:
        try:
            found = Path(str(self.place.database)).stat()
        except OSError:
            return None
        return found.st_dev, found.st_ino

    @contextmanager
    def _told(self) -> Iterator[None]:
        try:
            yield
        except SQLAlchemyError as error:
            raise self._kind(error)(explained(error, self.place)) from error
        except self._driver_error as error:  # of what went past SQLAlchemy
            wrapped = DBAPIError.instance("", None, error, self._driver_error, hide_parameters=True)
            raise self._kind(wrapped)(explained(wrapped, self.place)) from wrapped

    def _kind(self, error: SQLAlchemyError) -> type[StoreError]:
        return AwayError if is_passing(error, self.place) else StoreError

    @property
    def _driver_error(self) -> type[Exception]:
        kind: type[Exception] = self.engine.dialect.loaded_dbapi.Error
        return kind

    def _make_engine(self) -> Engine:
        try:
            if self.is_sqlite:
                engine = create_engine(
                    self.place, connect_args={"timeout": self.patience}, hide_parameters=True
                )
            else:
                engine = create_engine(
                    self.place,
                    connect_args=_connecting(self.place, self.patience),
                    pool_pre_ping=True,
                    hide_parameters=True,
                )
        except ImportError as error:
            msg = f"{self.shown} needs a driver ({error}): pip install 'leadml[postgresql]'"
            raise StoreError(msg) from None
        if self.is_sqlite:
            event.listen(engine, "begin", _begin_sqlite)
        event.listen(engine, "connect", self._prepare)
        return engine

    def _prepare(self, connection: Any, record: object) -> None:
        """Set a new connection up; one that fails at it is closed, not left to the collector."""
        try:
            if self.is_sqlite:
                _prepare_sqlite(connection)
                self._file = self._file or self._found_file()
            else:
                milliseconds = int(1000 * self.patience)
                connection.execute(f"set lock_timeout = {milliseconds}; set timezone = 'UTC'")
                connection.commit()
        except BaseException:
            connection.close()
            raise


def _prepare_sqlite(connection: Any) -> None:
    connection.isolation_level = None  # transactions are begun below, not by the driver
    (mode,) = connection.execute("pragma journal_mode").fetchone()
    if mode != "wal":
        connection.execute("pragma journal_mode = wal")
    connection.execute("pragma synchronous = full")
    connection.execute("pragma fullfsync = on")  # macOS: else its drives confirm what they cache
    connection.execute("pragma wal_autocheckpoint = 4000")  # pages: hot ones are copied less often
    connection.execute("pragma cache_size = -32768")  # KiB, for the indexes of a million events


def _connecting(place: URL, patience: float) -> dict[str, int]:
    """Bound how long a server that does not answer is waited for, unless the address says so."""
    if "connect_timeout" in place.query:
        return {}
    return {"connect_timeout": max(2, round(patience))}  # seconds; libpq waits for 2 at least


def _begin_sqlite(connection: Connection) -> None:
    writes = connection.get_execution_options().get("leadml_writes", False)
    connection.exec_driver_sql("begin immediate" if writes else "begin")


def identity(url: str) -> str:
    """Return what tells one database from another, without any password.

    Raises
    ------
    StoreError
        If the URL is not usable.
    """
    place = _place(url)
    plain = {name: value for name, value in place.query.items() if "pass" not in name.casefold()}
    return place.set(password=None, query=plain).render_as_string(hide_password=True)


_DRIVERS = ("sqlite", "sqlite+pysqlite", "postgresql+psycopg")


def _place(url: str) -> URL:
    try:
        place = make_url(url)
    except (ArgumentError, ValueError):
        scheme = url.split(":", 1)[0]
        msg = f"[store] url {scheme}://… is not a SQLAlchemy URL: write {FORM}"
        raise StoreError(msg) from None
    if place.drivername in {"postgresql", "postgres", "postgresql+psycopg2"}:
        place = place.set(drivername="postgresql+psycopg")
    if place.drivername not in _DRIVERS:
        found = place.drivername
        msg = f"the ledger lies in an SQLite or PostgreSQL database, found {found}: write {FORM}"
        raise StoreError(msg)
    if place.get_backend_name() == "sqlite" and place.database in {None, "", ":memory:"}:
        msg = f"a ledger in memory would be lost when the program ends: write {FORM}"
        raise StoreError(msg)
    return place
