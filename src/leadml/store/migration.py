"""Leading a ledger's tables from one revision to another; the only module that imports Alembic."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from sqlalchemy import Connection, text

from leadml.errors import StoreError
from leadml.store.database import Database
from leadml.store.opening import exclusively, look_at_file, revision
from leadml.store.schema import VERSION_TABLE

BASE = "base"


@dataclass(frozen=True)
class Migrated:
    """What a migration did.

    Attributes
    ----------
    database : str
        Its address, without the password.
    before, after : str
        Revisions; ``base`` where there is no ledger.
    newest : str
        The revision this leadml needs.
    steps : tuple of str
        What each step did, in order.
    """

    database: str
    before: str
    after: str
    newest: str
    steps: tuple[str, ...]

    def to_dict(self) -> dict[str, Any]:
        """Return the migration as JSON-ready values."""
        return {
            "database": self.database,
            "before": self.before,
            "after": self.after,
            "newest": self.newest,
            "steps": list(self.steps),
        }


def migrate(url: str, *, to: str | None = None, lose: bool = False) -> Migrated:
    """Lead the tables of a ledger up or down, in one transaction.

    Parameters
    ----------
    url : str
        SQLAlchemy URL of the database.
    to : str or None
        A revision, ``base`` for none; None for the newest.
    lose : bool
        Go down even where that loses what is kept.

    Raises
    ------
    StoreError
        If the revision is not known, going down would lose something, or the database fails.
    """
    from alembic.script import ScriptDirectory

    script = ScriptDirectory(str(Path(__file__).parent / "migrations"))
    known = [each.revision for each in reversed(list(script.walk_revisions()))]
    target = known[-1] if to is None else to
    if target not in (BASE, *known):
        msg = f"revision {target!r} is not known: there are {BASE}, {', '.join(known)}"
        raise StoreError(msg)
    database = Database(url)
    look_at_file(database, create=False)
    try:
        with exclusively(database) as connection:
            before = revision(connection) or BASE
            _known(before, known, database.shown)
            steps = _way(before, target, [BASE, *known])
            if not lose:
                _refuse_loss(connection, script, steps)
            _walk(connection, script, target)
    finally:
        database.close()
    told = tuple(_told(script, step) for step in steps)
    return Migrated(database.shown, before, target, known[-1], told)


Step = tuple[str, str]
"""``up`` or ``down``, and the revision whose script is run."""


def _way(before: str, target: str, order: Sequence[str]) -> list[Step]:
    start, end = order.index(before), order.index(target)
    if end >= start:
        return [("up", each) for each in order[start + 1 : end + 1]]
    return [("down", each) for each in reversed(order[end + 1 : start + 1])]


def _known(found: str, known: Sequence[str], shown: str) -> None:
    if found not in (BASE, *known):
        msg = (
            f"the ledger {shown} has tables of revision {found}, this leadml knows {known[-1]} at "
            "most: migrate with the newer leadml"
        )
        raise StoreError(msg)


def _refuse_loss(connection: Connection, script: Any, steps: Sequence[Step]) -> None:
    for way, each in steps:
        if way == "down":
            what, query = script.get_revision(each).module.LOSES
            lost = connection.execute(text(query)).scalar_one()
            if lost:
                msg = (
                    f"going down from revision {each} loses {what} ({lost:,}); nothing was "
                    "changed: make a backup and say --yes to lose it"
                )
                raise StoreError(msg)


def _walk(connection: Connection, script: Any, target: str) -> None:
    from alembic.config import Config
    from alembic.runtime.environment import EnvironmentContext

    def steps(found: Any, context: Any) -> Any:
        if target == BASE or (found and target < max(found)):
            return script._downgrade_revs(target, found)
        return script._upgrade_revs(target, found)

    with EnvironmentContext(Config(), script, fn=steps, destination_rev=target) as environment:
        environment.configure(
            connection=connection, version_table=VERSION_TABLE, transactional_ddl=True
        )
        environment.run_migrations()


def _told(script: Any, step: Step) -> str:
    way, each = step
    return f"{way} {each}: {script.get_revision(each).doc}"
