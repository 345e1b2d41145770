"""Tables go up and down on a filled database without loss, and refuse where something would go."""

import sqlite3
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import inspect, text

from leadml.domain.event import Event
from leadml.errors import StoreError
from leadml.store.database import Database
from leadml.store.ledger import Ledger
from leadml.store.migration import migrate
from leadml.store.schema import FORGOTTEN, METADATA, OUTBOX, REVISION

THEN = datetime(2026, 3, 1, tzinfo=UTC)
EVENTS = [
    Event(event="scored", lead="a", happened_at=THEN, detail={"probability": 0.25}),
    Event(event="handed_off", lead="a", happened_at=THEN + timedelta(hours=1), account="Acme"),
    Event(event="won", lead="b", happened_at=THEN, idempotency_key="k", detail={"amount": 5.5}),
]


def kept(url: str) -> list[Any]:
    with Ledger.open(url) as ledger:
        return [ledger.history("a"), ledger.history("b"), ledger.mark()]


def test_up_and_down_on_a_filled_database_loses_nothing(ledger_url: str) -> None:
    with Ledger.open(ledger_url) as ledger:
        ledger.record(EVENTS)
    before = kept(ledger_url)
    down = migrate(ledger_url, to="0001")
    assert (down.before, down.after, down.newest) == ("0003", "0001", "0003")
    assert [step.split(":")[0] for step in down.steps] == ["down 0003", "down 0002"]
    with pytest.raises(StoreError, match="leadml ledger migrate"):
        Ledger.open(ledger_url)
    up = migrate(ledger_url).steps
    assert [step.split(" ")[:3] for step in up] == [
        ["up", "0002:", "Erasure:"],
        ["up", "0003:", "Outbox:"],
    ]
    assert kept(ledger_url) == before
    assert migrate(ledger_url).steps == ()
    with Ledger.open(ledger_url) as ledger:
        assert [r.status for r in ledger.record(EVENTS)] == ["duplicate"] * 3


def described(url: str) -> dict[str, Any]:
    """Describe all that is in a database, as the database itself tells it."""
    database = Database(url)
    with database.reading() as connection:
        look = inspect(connection)
        names = sorted(look.get_table_names())
        tables = {
            name: (
                [str(sorted(c.items(), key=str)) for c in look.get_columns(name)],
                look.get_pk_constraint(name)["constrained_columns"],
                sorted(look.get_indexes(name), key=str),
            )
            for name in names
        }
        if database.is_sqlite:
            query = "select name, sql from sqlite_master where type = 'trigger' order by name"
        else:
            query = (
                "select tgname, pg_get_triggerdef(oid) from pg_trigger where not tgisinternal "
                "union select proname, prosrc from pg_proc where proname like 'ledger%' order by 1"
            )
        rules = [
            tuple(" ".join(str(v).split()) for v in r) for r in connection.execute(text(query))
        ]
    database.close()
    return {"tables": tables, "rules": rules}


def test_a_migrated_database_is_like_a_new_one(ledger_url: str) -> None:
    Ledger.open(ledger_url).close()
    new = described(ledger_url)
    assert set(METADATA.tables) < set(new["tables"])
    assert len(new["rules"]) == 3
    migrate(ledger_url, to="base")
    assert [name for name in described(ledger_url)["tables"] if name != "ledger_revision"] == []
    assert described(ledger_url)["rules"] == []
    assert [step[:7] for step in migrate(ledger_url).steps] == ["up 0001", "up 0002", "up 0003"]
    assert described(ledger_url) == new


def test_going_down_where_something_would_be_lost_is_refused(ledger_url: str) -> None:
    with Ledger.open(ledger_url) as ledger:
        ledger.record(EVENTS)
        with ledger.writing() as connection:
            connection.execute(FORGOTTEN.insert().values(lead_hash="ab", forgotten_at=THEN))
    with Ledger.open(ledger_url) as ledger, ledger.writing() as connection:
        for number, state in enumerate(("delivered", "pending", "dead")):
            waiting = {"id": str(number), "state": state, "queued_at": THEN, "due_at": THEN}
            told = {"endpoint": "crm", "kind": "band_changed", "lead": "a", "event_id": 1}
            connection.execute(OUTBOX.insert().values(**waiting, **told, attempts=0))
    before = kept(ledger_url)
    with pytest.raises(
        StoreError, match=r"0003 loses messages to webhooks .* delivered \(2\); nothing"
    ):
        migrate(ledger_url, to="0002")
    assert migrate(ledger_url, to="0002", lose=True).after == "0002"
    migrate(ledger_url)
    with pytest.raises(
        StoreError, match=r"0002 loses the list of forgotten leads.* \(1\); nothing"
    ):
        migrate(ledger_url, to="0001")
    assert kept(ledger_url) == before
    migrate(ledger_url, to="0001", lose=True)
    with pytest.raises(StoreError, match=r"0001 loses every event of the ledger \(3\); .*--yes"):
        migrate(ledger_url, to="base")
    assert migrate(ledger_url, to="base", lose=True).after == "base"
    with Ledger.open(ledger_url) as ledger:  # a database without tables is a new one
        assert ledger.counts()["events"] == 0


def test_the_tables_of_the_first_revision_refuse_changes_too(ledger_url: str) -> None:
    with Ledger.open(ledger_url) as ledger:
        ledger.record(EVENTS)
    migrate(ledger_url, to="0001")
    database = Database(ledger_url)
    for statement in ("delete from ledger_events", "update ledger_events set lead = 'x'"):
        with (
            pytest.raises(StoreError, match="append-only: record a correction"),
            database.writing() as connection,
        ):
            connection.execute(text(statement))
    database.close()


def test_a_migration_that_fails_changes_nothing(ledger_url: str) -> None:
    with Ledger.open(ledger_url) as ledger:
        ledger.record(EVENTS)
    migrate(ledger_url, to="0001")
    database = Database(ledger_url)
    with database.writing() as connection:  # the name of a table that revision 0002 makes, late
        connection.execute(text("create table ledger_erasure (mine integer)"))
    before = described(ledger_url)
    with pytest.raises(StoreError, match="already exists"):
        migrate(ledger_url)
    assert described(ledger_url) == before
    with database.writing() as connection:
        connection.execute(text("drop table ledger_erasure"))
    database.close()
    migrate(ledger_url)
    assert len(kept(ledger_url)[0]) == 2


@pytest.mark.parametrize("revision", ["7", "head", "", "0001; drop table ledger_events"])
def test_a_revision_that_is_not_known(tmp_path: Path, revision: str) -> None:
    url = f"sqlite:///{tmp_path / 'ledger.db'}"
    with pytest.raises(StoreError, match=r"is not known: there are base, 0001, 0002, 0003"):
        migrate(url, to=revision)


def test_a_newer_database_is_left_alone(ledger_url: str) -> None:
    Ledger.open(ledger_url).close()
    database = Database(ledger_url)
    with database.writing() as connection:
        connection.execute(text("update ledger_revision set version_num = '0999'"))
    database.close()
    with pytest.raises(StoreError, match="0999, this leadml knows 0003 at most: migrate with the"):
        migrate(ledger_url)


def test_a_misspelt_file_is_not_made(tmp_path: Path) -> None:
    with pytest.raises(StoreError, match="there is no ledger"):
        migrate(f"sqlite:///{tmp_path / 'typo.db'}")
    assert list(tmp_path.iterdir()) == []


def test_other_tables_of_the_database_are_left_alone(tmp_path: Path) -> None:
    path = tmp_path / "shared.db"
    connection = sqlite3.connect(path)
    connection.executescript("create table alembic_version (x text); create table events (y text);")
    connection.close()
    url = f"sqlite:///{path}"
    Ledger.open(url).close()
    migrate(url, to="base")
    assert {"alembic_version", "events"} <= set(described(url)["tables"])


def test_the_newest_migration_is_the_revision_of_the_code(tmp_path: Path) -> None:
    url = f"sqlite:///{tmp_path / 'ledger.db'}"
    Ledger.open(url).close()
    assert migrate(url).newest == REVISION
