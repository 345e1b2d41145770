"""A server that goes away, comes back, or refuses: the work is done anew, or the reason is said."""

import socket
import subprocess
import threading
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from sqlalchemy import Connection, text

from leadml.domain.event import Event, Receipt, Stored
from leadml.errors import StoreError
from leadml.store.bulk import insert_all
from leadml.store.database import Database
from leadml.store.ledger import Ledger
from leadml.store.recording import advance, lock, record_in
from leadml.store.rows import keyed

THEN = datetime(2026, 3, 1, tzinfo=UTC)
NOW = datetime(2026, 3, 10, tzinfo=UTC)
IMPATIENT = 0.2


def some(count: int, start: int = 0, **detail: Any) -> list[Event]:
    return [
        Event(
            event="won", lead=f"L{n}", happened_at=THEN + timedelta(minutes=n),
            idempotency_key=f"k{n}", detail=detail,
        )
        for n in range(start, start + count)
    ]  # fmt: skip


def kept(url: str) -> int:
    with Ledger.open(url) as ledger:
        return int(ledger.counts()["events"])


def cut_connections(url: str) -> None:
    """End every other session, as an administrator or a dying server does."""
    database = Database(url)
    with database.writing() as connection:
        connection.execute(
            text(
                "select pg_terminate_backend(pid) from pg_stat_activity "
                "where pid <> pg_backend_pid() and backend_type = 'client backend'"
            )
        )
    database.close()


def test_a_connection_lost_between_writes_is_made_anew(postgresql_url: str) -> None:
    with Ledger.open(postgresql_url) as ledger:
        ledger.record(some(2))
        cut_connections(postgresql_url)
        assert [r.status for r in ledger.record(some(3))] == ["duplicate", "duplicate", "recorded"]
        cut_connections(postgresql_url)
        assert len(ledger.history("L1")) == 1


def test_a_connection_lost_within_a_write_is_made_anew(postgresql_url: str) -> None:
    """The session dies after its inserts: none is kept; the second try records each once."""
    tries: list[int] = []
    with Ledger.open(postgresql_url) as ledger:

        def work(connection: Connection) -> list[Receipt]:
            receipts = record_in(connection, some(3), reasons=(), now=NOW)
            tries.append(kept(postgresql_url))
            if len(tries) == 1:
                cut_connections(postgresql_url)
            return receipts

        receipts = ledger.database.written(work)
        assert [(r.status, r.id) for r in receipts] == [("recorded", n) for n in (1, 2, 3)]
        assert ledger.counts()["events"] == 3
    assert tries == [0, 0]


def stored(start: int, count: int) -> list[Stored]:
    events = [keyed(each) for each in some(count, start)]
    return [Stored(id=n, recorded_at=NOW, event=e) for n, e in enumerate(events, start + 1)]


def test_a_connection_lost_while_many_rows_go_in_is_made_anew(postgresql_url: str) -> None:
    """Many rows go past SQLAlchemy, straight to the driver, whose errors count the same."""
    tries: list[int] = []
    with Ledger.open(postgresql_url) as ledger:

        def work(connection: Connection) -> None:
            last = lock(connection)
            tries.append(last)
            if len(tries) == 1:
                cut_connections(postgresql_url)
            insert_all(connection, stored(0, 300))
            advance(connection, 300)

        ledger.database.written(work)
        assert (ledger.counts()["events"], tries) == (300, [0, 0])


def test_errors_of_the_driver_itself_are_said_without_values(ledger_url: str) -> None:
    with Ledger.open(ledger_url) as ledger:
        ledger.record(some(1))
        with pytest.raises(StoreError, match=r"duplicate key|is taken") as caught:
            ledger.database.written(lambda connection: insert_all(connection, stored(0, 300)))
        assert "k0" not in str(caught.value)
        assert "k0" not in str(caught.value.__cause__)
        assert ledger.counts()["events"] == 1


def test_an_answer_lost_after_the_commit_is_given_again(ledger_url: str) -> None:
    """Work done anew that finds its own first try kept answers what the first would have."""
    with Ledger.open(ledger_url, clock=lambda: NOW) as ledger:
        first = ledger.record(some(2))
        with ledger.writing() as connection:
            again = record_in(connection, some(2), reasons=(), now=NOW, anew=True)
        assert again == first
        with ledger.writing() as connection:
            later = record_in(
                connection, some(2), reasons=(), now=NOW + timedelta(seconds=1), anew=True
            )
        assert [r.status for r in later] == ["duplicate", "duplicate"]
        assert ledger.counts()["events"] == 2


def test_a_server_that_stays_away_is_said(postgresql_url: str) -> None:
    gone = postgresql_url.replace("host=/", "host=/nowhere/")
    database = Database(gone, patience=IMPATIENT)
    with pytest.raises(StoreError, match="cannot be reached: check that the server runs"):
        database.written(lambda connection: None)


def test_a_server_that_does_not_answer_is_not_waited_for() -> None:
    pytest.importorskip("psycopg", reason="the PostgreSQL driver is an extra")
    with socket.create_server(("127.0.0.1", 0)) as silent:  # takes connections and says nothing
        url = f"postgresql://u:secret@127.0.0.1:{silent.getsockname()[1]}/x"
        with pytest.raises(StoreError, match="cannot be reached") as error:
            Ledger.open(url, patience=IMPATIENT)
    assert "secret" not in str(error.value)


def test_a_server_started_again_while_two_write(postgresql: Any, postgresql_url: str) -> None:
    receipts: list[Receipt] = []
    with Ledger.open(postgresql_url, patience=60) as ledger:
        begun = threading.Event()

        def send(start: int) -> None:
            for number in range(start, start + 60):
                receipts.extend(ledger.record(some(1, number)))
                begun.set()

        threads = [threading.Thread(target=send, args=(start,)) for start in (0, 1_000)]
        for thread in threads:
            thread.start()
        begun.wait()
        try:
            restart(postgresql)
        finally:
            for thread in threads:
                thread.join()
        assert ledger.counts()["events"] == 120
    assert [r.status for r in receipts] == ["recorded"] * 120


def restart(server: Any) -> None:
    """Restart the server; on a busy machine its control program may give up once or twice."""
    program = server.bin_path / "pg_ctl"
    words = [program, "restart", "-w", "-m", "fast", "-D", server.pgdata, "-l", server.log]
    for _ in range(4):
        done = subprocess.run(words, capture_output=True, user=server.system_user, check=False)
        if not done.returncode:
            return
    pytest.fail(f"{done.stderr!r} {server.log.read_text()[-2_000:]}")


@pytest.mark.parametrize(
    ("state", "message"),
    [
        ("53100", "cannot grow, its disk is full: make room; nothing of this request was kept"),
        ("53300", "has no more memory or connections"),
        ("25006", "can only be read: it is a standby, or set to read-only"),
        ("42501", "refuses it: this user lacks the rights to the ledger's tables"),
        ("40001", "was busy with another writer: try again"),
        ("57014", "took longer than the server allows: try again, or raise its statement_timeout"),
        ("57P01", "shut the connection: the server is stopping or starting"),
        ("XX000", r"failed \(told so\)"),
    ],
)
def test_what_postgresql_reports_is_said_in_words(
    postgresql_url: str, state: str, message: str
) -> None:
    """The server itself raises each error, in a real transaction."""
    raising = f"do $$ begin raise exception 'told so' using errcode = '{state}'; end $$"
    database = Database(postgresql_url, patience=IMPATIENT)
    with pytest.raises(StoreError, match=message) as caught:
        database.written(lambda connection: connection.execute(text(raising)))
    assert "told so" in str(caught.value)
    database.close()


def test_a_read_only_server_is_said(postgresql_url: str) -> None:
    Ledger.open(postgresql_url).close()
    read_only = postgresql_url.replace("options=", "options=-cdefault_transaction_read_only=on%20")
    with Ledger.open(read_only) as ledger:
        assert ledger.counts()["events"] == 0
        with pytest.raises(StoreError, match="can only be read: it is a standby"):
            ledger.record(some(1))


def test_no_value_of_an_event_is_in_a_message(postgresql_url: str) -> None:
    """PostgreSQL quotes the row that breaks a rule; personal data has no place in a log."""
    with Ledger.open(postgresql_url) as ledger:
        ledger.record(some(1))
        insert = text(
            "insert into ledger_events (id, event, lead, happened_at, recorded_at, "
            "idempotency_key) values (1, 'won', :lead, now(), now(), 'k')"
        )
        with pytest.raises(StoreError) as caught, ledger.writing() as connection:
            connection.execute(insert, {"lead": "ann@acme.example"})
    for error in (caught.value, caught.value.__cause__):
        assert "ann@acme" not in str(error)
