"""Getting hold of a table: a file, a database table, or a frame from a notebook."""

from pathlib import Path
from typing import TYPE_CHECKING

from leadml.data import leads as lead_tables
from leadml.data.tables import Table, read_table, table_of
from leadml.errors import DataError
from leadml.settings import Settings, load_settings
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


def read_leads(
    leads: "str | Path | pd.DataFrame",
    *,
    config: Path | str | Settings | None = None,
    table: str | None = None,
) -> lead_tables.Leads:
    """Read an export in leadml's terms, to look at it before training.

    Parameters
    ----------
    leads : str, Path or pandas.DataFrame
        File, SQL URL (with `table`) or frame.
    config : path or Settings, optional
        Default ``./leadml.toml``; of its columns only the id must be there.

    Returns
    -------
    Leads
        Ids, times (UTC), outcome, amount, margin and points, and what was odd about reading them.

    Raises
    ------
    DataError
        If there is no such source, it is no table, or the id is missing.
    """
    settings = load_settings(config)
    source = read_source(leads, table=table, config_root=settings.root)
    return lead_tables.read_leads(source, settings.definition.leads, required={"id"})
