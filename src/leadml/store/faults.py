"""What went wrong in the database, in words that say what to do, never with a password."""

import sqlite3

from sqlalchemy.engine import URL
from sqlalchemy.exc import (
    DataError,
    DBAPIError,
    IntegrityError,
    OperationalError,
    SQLAlchemyError,
)

_NOTHING_KEPT = "nothing of this request was kept"

_SQLITE = {
    "SQLITE_BUSY": "is locked by another program: close what holds it, or try again",
    "SQLITE_LOCKED": "is locked by another program: close what holds it, or try again",
    "SQLITE_FULL": f"cannot grow, the disk or a limit is full: make room; {_NOTHING_KEPT}",
    "SQLITE_IOERR": "cannot be read or written, the disk reports an error or a limit is reached: "
    f"check disk and limits; {_NOTHING_KEPT}",
    "SQLITE_READONLY": "can only be read: give this user the right to write the file and its "
    "folder (SQLite writes a -wal and a -shm file beside it)",
    "SQLITE_PERM": "may not be opened: give this user the right to read and write it",
    "SQLITE_CANTOPEN": "cannot be opened: check that its folder exists and that this user may "
    "write the folder and the file",
    "SQLITE_NOTADB": "is not an SQLite database: check [store] url",
    "SQLITE_CORRUPT": "is damaged: restore the latest backup, or rescue what can be read with "
    "`sqlite3 FILE .recover`",
}

_POSTGRESQL = {
    "08": "cannot be reached: check that the server runs and the address is right",
    "28": "refuses the user or the password: check [store] url",
    "3D": "does not exist: create the database, or check [store] url",
    "40": "was busy with another writer: try again",
    "42501": "refuses it: this user lacks the rights to the ledger's tables",
    "25006": "can only be read: it is a standby, or set to read-only",
    "53100": f"cannot grow, its disk is full: make room; {_NOTHING_KEPT}",
    "53": "has no more memory or connections: free some, or raise the server's limits",
    "55P03": "is locked by another program: close what holds it, or try again",
    "57014": "took longer than the server allows: try again, or raise its statement_timeout",
    "57P": "shut the connection: the server is stopping or starting, or an administrator cut it",
}

_SIGNS = {
    "authentication failed": "28",
    'role "': "28",
    'database "': "3D",
    "the database system is": "57P03",
}
"""What a refused connection says instead of a code."""

_RETRIED = ("08", "57P", "40")
"""Classes of PostgreSQL's errors after which the same work may succeed when done anew."""

_PASSING = {
    "sqlite": ("SQLITE_BUSY", "SQLITE_LOCKED", "SQLITE_FULL", "SQLITE_IOERR"),
    "postgresql": (*_RETRIED, "53", "55P03", "57014"),
}
"""What a database reports that may be over when it is asked again."""


def explained(error: SQLAlchemyError, place: URL) -> str:
    """Return what went wrong with the database at `place`, in one sentence."""
    shown = shown_url(place)
    known = _sqlite(error) if place.get_backend_name() == "sqlite" else _postgresql(error)
    return f"the ledger {shown} {known or 'failed'} ({without_password(_cause(error), place)})"


def _cause(error: SQLAlchemyError) -> str:
    """Return the driver's words, without the values that PostgreSQL would quote in its details."""
    original = getattr(error, "orig", None)
    primary = getattr(getattr(original, "diag", None), "message_primary", None)
    return str(primary or original or error)


def is_lost_connection(error: SQLAlchemyError) -> bool:
    """Tell whether the server went away, so that the same work may succeed on a new connection."""
    if not isinstance(error, DBAPIError) or isinstance(error.orig, sqlite3.Error):
        return False
    return error.connection_invalidated or _state(error).startswith(_RETRIED)


def is_passing(error: SQLAlchemyError, place: URL) -> bool:
    """Tell whether the database may be usable later without anybody's doing."""
    kind = place.get_backend_name()
    name = getattr(getattr(error, "orig", None), "sqlite_errorname", None)
    told = str(name or "") if kind == "sqlite" else _state(error)
    return told.startswith(_PASSING[kind])


def is_about_values(error: BaseException) -> bool:
    """Tell whether the database refuses what was to be written, and always will."""
    return isinstance(error.__cause__, (DataError, IntegrityError))


def shown_url(place: URL) -> str:
    """Return a database's address without its password."""
    return place.set(query={}).render_as_string(hide_password=True)


def without_password(text: str, place: URL) -> str:
    """Return a message on one line, its secrets starred."""
    text = " ".join(text.split())
    secrets = [str(place.password)] if place.password else []
    secrets += [str(value) for key, value in place.query.items() if "pass" in key.casefold()]
    for secret in secrets:
        text = text.replace(secret, "***")
    return text


def _sqlite(error: SQLAlchemyError) -> str:
    name = str(getattr(getattr(error, "orig", None), "sqlite_errorname", ""))
    found = [
        words for code, words in _SQLITE.items() if name == code or name.startswith(code + "_")
    ]
    return found[0] if found else ""


def _postgresql(error: SQLAlchemyError) -> str:
    state = _state(error)
    known = [words for code, words in _POSTGRESQL.items() if state.startswith(code)]
    return known[0] if known else ""


def _state(error: SQLAlchemyError) -> str:
    """Return PostgreSQL's code of an error; of a refused connection, which has none, its likes."""
    original = getattr(error, "orig", None)
    state = getattr(original, "sqlstate", None)
    if state or not isinstance(error, OperationalError):
        return str(state or "")
    words = str(original)
    return next((code for sign, code in _SIGNS.items() if sign in words), "08")
