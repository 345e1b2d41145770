"""The ledger of a configuration: opened, counted, migrated."""

from pathlib import Path
from typing import Any

from leadml.settings import Settings, load_settings
from leadml.store.ledger import Ledger
from leadml.store.migration import Migrated
from leadml.store.migration import migrate as migrate_tables


def open_ledger(config: Path | str | Settings | None = None, *, create: bool = True) -> Ledger:
    """Open the ledger that ``[store] url`` names, with the reasons of ``[rejections]``.

    Scores recorded through it are told to the endpoints of ``[webhooks]``.

    Parameters
    ----------
    config : path or Settings, optional
        Configuration file.
    create : bool
        Make the database where there is none; else its lack is an error.

    Raises
    ------
    StoreError
        If the database cannot be used, or its tables are of another revision.
    """
    settings = load_settings(config)
    return Ledger.open(
        settings.store_url,
        reasons=settings.rejections,
        create=create,
        webhooks=settings.webhook_kinds,
    )


def status(config: Path | str | Settings | None = None) -> dict[str, Any]:
    """Return how much the ledger holds, and where it lies (without a password)."""
    with open_ledger(config, create=False) as ledger:
        return {"database": ledger.database.shown, **ledger.counts()}


def migrate(
    config: Path | str | Settings | None = None, *, to: str | None = None, lose: bool = False
) -> Migrated:
    """Lead the ledger's tables to a revision, the newest where none is named.

    Raises
    ------
    StoreError
        If the revision is not known, or going down would lose something and `lose` is false.
    """
    return migrate_tables(load_settings(config).store_url, to=to, lose=lose)
