"""Events change by no way but the one that says it erases."""

from collections.abc import Iterator
from datetime import UTC, datetime

import pytest
from sqlalchemy import Connection, delete, insert, text, update

from leadml.domain.event import Event
from leadml.errors import StoreError
from leadml.store.ledger import Ledger
from leadml.store.permit import erasing
from leadml.store.schema import ERASURE, EVENTS

THEN = datetime(2026, 3, 1, tzinfo=UTC)


@pytest.fixture
def ledger(ledger_url: str) -> Iterator[Ledger]:
    with Ledger.open(ledger_url) as opened:
        opened.record([Event(event="won", lead=lead, happened_at=THEN) for lead in ("a", "b")])
        yield opened


@pytest.mark.parametrize(
    ("statement", "message"),
    [
        (update(EVENTS).values(event="lost"), "append-only: record a correction"),
        (delete(EVENTS), "append-only: forget or prune"),
        (delete(EVENTS).where(EVENTS.c.id == 1), "append-only: forget or prune"),
    ],
)
def test_the_database_itself_refuses_changes(
    ledger: Ledger, statement: delete, message: str
) -> None:
    with pytest.raises(StoreError, match=message), ledger.writing() as connection:
        connection.execute(statement)
    assert [len(ledger.history(lead)) for lead in ("a", "b")] == [1, 1]


def test_the_database_refuses_to_replace_or_empty(ledger: Ledger) -> None:
    is_sqlite = ledger.database.is_sqlite
    columns = "id, event, lead, happened_at, recorded_at, idempotency_key"
    replace = (
        f"insert or replace into ledger_events ({columns}) select 1, 'lost', lead, happened_at, "
        "recorded_at, 'new' from ledger_events where id = 1"
    )
    statement = replace if is_sqlite else "truncate ledger_events"
    with pytest.raises(StoreError, match="append-only"), ledger.writing() as connection:
        connection.execute(text(statement))
    assert ledger.history("a")[0].event.event == "won"


def test_an_erasing_transaction_may_delete_and_only_it(ledger: Ledger) -> None:
    before = ledger.mark()
    with erasing(ledger, "forget") as connection:
        connection.execute(delete(EVENTS).where(EVENTS.c.lead == "a"))
    assert ledger.history("a") == []
    assert ledger.mark() > before
    with pytest.raises(StoreError, match="append-only"), ledger.writing() as connection:
        connection.execute(delete(EVENTS))
    with ledger.database.reading() as connection:
        assert connection.execute(ERASURE.select()).all() == []


def delete_then_fail(connection: Connection) -> None:
    connection.execute(delete(EVENTS))
    connection.execute(text("select * from no_such_table"))


def test_an_erasure_that_fails_erases_nothing(ledger: Ledger) -> None:
    before = ledger.mark()
    with pytest.raises(StoreError, match="no_such_table"), erasing(ledger, "forget") as connection:
        delete_then_fail(connection)
    assert (ledger.counts()["events"], ledger.mark()) == (2, before)


def test_ids_are_never_given_twice(ledger: Ledger) -> None:
    with erasing(ledger, "forget") as connection:
        connection.execute(delete(EVENTS).where(EVENTS.c.lead == "b"))
    (receipt,) = ledger.record([Event(event="lost", lead="c", happened_at=THEN)])
    assert receipt.id == 4  # 1 and 2 were events, 3 the erasure
    row = {"event": "won", "lead": "x", "happened_at": THEN, "recorded_at": THEN, "id": 4}
    with pytest.raises(StoreError, match=r"taken|duplicate key"), ledger.writing() as connection:
        connection.execute(insert(EVENTS).values(idempotency_key="x", **row))
