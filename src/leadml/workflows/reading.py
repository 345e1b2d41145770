"""Getting hold of a table: a file, a database table, or a frame from a notebook."""

from pathlib import Path
from typing import TYPE_CHECKING

from leadml.data.tables import Table, read_table, table_of
from leadml.errors import DataError
from leadml.store.sql_tables import is_sql_url, read_sql_table

if TYPE_CHECKING:
    import pandas as pd


def read_source(
    source: "str | Path | pd.DataFrame", *, table: str | None = None, config_root: Path
) -> Table:
    """Read leads or activities from wherever they are.

    Parameters
    ----------
    source : str, Path or pandas.DataFrame
        File name, SQLAlchemy URL (with `table`), or a frame. File names are relative to the
        current folder; a relative SQLite file too.
    table : str, optional
        Table of the database.
    config_root : Path
        Folder of `leadml.toml`, named in the message where a file is there and not here.

    Raises
    ------
    DataError
        If there is no such source or it is not a table.
    """
    if not isinstance(source, (str, Path)):
        return table_of(source, "the data frame")
    if isinstance(source, str) and is_sql_url(source):
        return table_of(*read_sql_table(source, table))
    if table is not None:
        msg = f"--table names a table of a database, but {source} is a file: leave --table out"
        raise DataError(msg)
    path = Path(source)
    if not path.exists() and not path.is_absolute() and (config_root / path).exists():
        msg = f"there is no file {path} here, but there is {config_root / path}: name that"
        raise DataError(msg)
    return read_table(path)
