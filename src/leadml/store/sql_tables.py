"""Reading a table of leads or activities from a SQL database."""

from pathlib import Path

import pandas as pd
from sqlalchemy import Engine, MetaData, Table, create_engine, inspect, select
from sqlalchemy.engine import URL, make_url
from sqlalchemy.exc import ArgumentError, NoSuchModuleError, SQLAlchemyError

from leadml.data.places import listed, near
from leadml.errors import DataError
from leadml.store.faults import shown_url, without_password


def is_sql_url(source: str) -> bool:
    """Tell whether a source is a database URL rather than a file name."""
    return "://" in source


def read_sql_table(url: str, table: str | None) -> tuple[pd.DataFrame, str]:
    """Read one table or view whole.

    Parameters
    ----------
    url : str
        SQLAlchemy URL; its password appears in no message.
    table : str or None
        Name, or ``schema.name``.

    Returns
    -------
    frame : pandas.DataFrame
        Every row, with the database's types.
    source : str
        What to call it in messages, without the password.

    Raises
    ------
    DataError
        If the URL, its driver, the connection or the table is not usable.
    """
    place = _url(url)
    shown = shown_url(place)
    _refuse_new_sqlite(place, shown)
    try:
        engine = create_engine(place)
    except (NoSuchModuleError, ImportError) as error:
        hint = "; pip install 'leadml[postgresql]'" if "psycopg" in place.drivername else ""
        msg = f"{shown}: no driver for {place.drivername} is installed ({error}){hint}"
        raise DataError(msg) from None
    try:
        return _read(engine, table, shown), f"{shown} table {table}"
    except SQLAlchemyError as error:
        reason = without_password(str(getattr(error, "orig", None) or error), place)
        msg = f"{shown} cannot be read: {reason}; check the address, the user and the rights"
        raise DataError(msg) from None
    finally:
        engine.dispose()


def _url(url: str) -> URL:
    try:
        place = make_url(url)
        plain = place.drivername in {"postgresql", "postgres"}
        return place.set(drivername="postgresql+psycopg") if plain else place
    except (ArgumentError, ValueError):
        scheme = url.split(":", 1)[0]
        msg = f"the database address {scheme}://… is not a SQLAlchemy URL: write {_FORM}"
        raise DataError(msg) from None


_FORM = "sqlite:///FILE or postgresql://USER:PASSWORD@HOST/DATABASE"


def _refuse_new_sqlite(place: URL, shown: str) -> None:
    """Raise where SQLite would make an empty database of a misspelt name."""
    if place.get_backend_name() == "sqlite" and place.database not in {None, "", ":memory:"}:
        path = Path(str(place.database))
        if not path.is_file():
            msg = f"{shown}: there is no file {path}; check the name"
            raise DataError(msg)


def _read(engine: Engine, name: str | None, shown: str) -> pd.DataFrame:
    schema, _, plain = (name or "").rpartition(".")
    look = inspect(engine)
    known = look.get_table_names(schema or None) + look.get_view_names(schema or None)
    if not name:
        msg = f"{shown}: which table? name it with --table; there are {listed(known) or 'none'}"
        raise DataError(msg)
    if plain not in known:
        hint = near(plain, known) or f"; there are {listed(known) or 'none'}"
        msg = f"{shown} has no table {name!r}{hint}"
        raise DataError(msg)
    table = Table(plain, MetaData(), autoload_with=engine, schema=schema or None)
    with engine.connect() as connection:
        return pd.read_sql(select(table), connection, dtype_backend="numpy_nullable")
