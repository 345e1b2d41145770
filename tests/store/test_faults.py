"""Whatever fails: one clear message, nothing kept in part, and tried again where that is safe."""

import json
import os
import resource
import shutil
import sqlite3
import subprocess
import sys
import tempfile
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import Connection, event

from leadml.domain.event import Event, Receipt
from leadml.errors import AwayError, StoreError
from leadml.store.database import Database
from leadml.store.ledger import Ledger
from leadml.store.schema import COUNTER

CAMPAIGN = Path(__file__).parents[1] / "benchmarks" / "ledger_faults.py"
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


def test_a_killed_writer_loses_nothing_acknowledged_and_doubles_nothing(ledger_url: str) -> None:
    """A short run of the campaign: three kills, each batch sent again, and a race of two."""
    words = ["--kills", "3", "--races", "1", "--events", "300", "--json", ledger_url]
    done = subprocess.run(
        [sys.executable, str(CAMPAIGN), *words], capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr + done.stdout
    (tallies,) = json.loads(done.stdout).values()
    for tally, rounds in zip(tallies, (3, 1), strict=True):
        assert (tally["rounds"], tally["events"]) == (rounds, 300 * rounds)
        assert (tally["lost"], tally["doubled"], tally["partial"]) == (0, 0, 0)
        assert tally["acknowledged"] > 0
    assert tallies[0]["acknowledged"] < 900  # the kills did fall into the writing
    assert kept(ledger_url) == 1_200


@contextmanager
def locked(url: str) -> Iterator[None]:
    """Hold the lock that a writer needs, from another connection."""
    other = Database(url)
    with other.writing() as connection:
        connection.execute(COUNTER.update().values(value=COUNTER.c.value))
        yield
    other.close()


def test_a_locked_database_is_said_and_nothing_is_kept(ledger_url: str) -> None:
    with Ledger.open(ledger_url, patience=IMPATIENT) as ledger:
        with locked(ledger_url), pytest.raises(AwayError, match="is locked by another program"):
            ledger.record(some(3))
        assert ledger.counts()["events"] == 0
        assert [r.status for r in ledger.record(some(3))] == ["recorded"] * 3


def test_a_lock_that_goes_is_waited_for(ledger_url: str) -> None:
    receipts: list[Receipt] = []
    with Ledger.open(ledger_url, patience=60) as ledger:
        writer = threading.Thread(target=lambda: receipts.extend(ledger.record(some(2))))
        with locked(ledger_url):
            writer.start()
            assert ledger.counts()["events"] == 0  # readers do not wait for writers
        writer.join()
    assert [r.status for r in receipts] == ["recorded"] * 2


def test_many_threads_on_one_ledger(ledger_url: str) -> None:
    """Six threads send the same sixty events in batches of ten: each is recorded by one of them."""
    receipts: list[Receipt] = []
    with Ledger.open(ledger_url, patience=60) as ledger:

        def send() -> None:
            for start in range(0, 60, 10):
                receipts.extend(ledger.record(some(10, start)))

        threads = [threading.Thread(target=send) for _ in range(6)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        assert ledger.counts()["events"] == ledger.mark() == 60
    assert sorted(r.status for r in receipts) == ["duplicate"] * 300 + ["recorded"] * 60
    assert len({(r.idempotency_key, r.id) for r in receipts}) == 60


def test_a_full_database_keeps_no_part_of_a_batch(tmp_path: Path) -> None:
    """SQLite's own limit on the number of pages: it reports what it does when the disk is full."""
    url = f"sqlite:///{tmp_path / 'ledger.db'}"
    with Ledger.open(url) as ledger:
        ledger.record(some(5))

        @event.listens_for(ledger.database.engine, "begin")
        def limit(connection: Connection) -> None:
            connection.exec_driver_sql("pragma max_page_count = 20")

        with pytest.raises(StoreError, match="cannot grow, the disk or a limit is full: make room"):
            ledger.record(some(2_000, 5))
        assert ledger.counts()["events"] == 5
        event.remove(ledger.database.engine, "begin", limit)
    with Ledger.open(url) as ledger:
        assert {r.status for r in ledger.record(some(2_000, 5))} == {"recorded"}


def test_a_file_that_may_not_grow_keeps_no_part_of_a_batch(tmp_path: Path) -> None:
    """The limit is the system's own on the size of files (RLIMIT_FSIZE), hit in mid-commit."""
    url = f"sqlite:///{tmp_path / 'ledger.db'}"
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    with Ledger.open(url) as ledger:
        ledger.record(some(5))
        resource.setrlimit(resource.RLIMIT_FSIZE, (200_000, hard))
        try:
            with pytest.raises(StoreError, match="the disk reports an error or a limit is reached"):
                ledger.record(some(5_000, 5))
        finally:
            resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))
        assert ledger.counts()["events"] == 5
        assert {r.status for r in ledger.record(some(5_000, 5))} == {"recorded"}


@pytest.fixture
def as_nobody() -> Iterator[Any]:
    """Return a way to act without the rights of an administrator, who may write anywhere."""
    folder = Path(tempfile.mkdtemp())
    is_root = os.geteuid() == 0

    @contextmanager
    def acting() -> Iterator[None]:
        if is_root:
            os.seteuid(65_534)
        try:
            yield
        finally:
            os.seteuid(0) if is_root else None

    def give(path: Path) -> None:
        os.chown(path, 65_534, 65_534) if is_root else None

    yield folder, acting, give
    folder.chmod(0o700)
    shutil.rmtree(folder)


def test_a_read_only_file_is_said(as_nobody: Any) -> None:
    folder, acting, give = as_nobody
    path = folder / "ledger.db"
    url = f"sqlite:///{path}"
    with Ledger.open(url) as ledger:
        ledger.record(some(2))
    folder.chmod(0o755)
    give(folder)
    path.chmod(0o444)
    with acting(), Ledger.open(url) as ledger:
        assert ledger.counts()["events"] == 2
        with pytest.raises(StoreError, match="can only be read: give this user the right to write"):
            ledger.record(some(1, 2))
    path.chmod(0o644)
    assert kept(url) == 2


def test_a_read_only_folder_is_said(as_nobody: Any) -> None:
    folder, acting, _ = as_nobody
    url = f"sqlite:///{folder / 'ledger.db'}"
    Ledger.open(url).close()
    folder.chmod(0o555)
    with acting():
        with pytest.raises(StoreError, match=r"can.*: .*folder"):
            Ledger.open(url)
        with pytest.raises(StoreError, match=r"cannot be opened: check that its folder exists"):
            Ledger.open(f"sqlite:///{folder / 'new.db'}")
        with pytest.raises(StoreError, match=r"cannot be made: Permission denied"):
            Ledger.open(f"sqlite:///{folder / 'deeper' / 'new.db'}")


def test_a_damaged_file_is_said(tmp_path: Path) -> None:
    path = tmp_path / "ledger.db"
    url = f"sqlite:///{path}"
    with Ledger.open(url) as ledger:
        ledger.record(some(500))
    content = bytearray(path.read_bytes())
    content[8_192:-4_096] = b"\x55" * (len(content) - 12_288)  # all but the first and last pages
    path.write_bytes(content)
    with pytest.raises(StoreError, match=r"is damaged: restore the latest backup, or rescue"):
        kept(url)


def test_a_ledger_that_vanishes_is_not_made_anew_in_silence(tmp_path: Path) -> None:
    path = tmp_path / "ledger.db"
    url = f"sqlite:///{path}"
    Ledger.open(url).close()
    connection = sqlite3.connect(path)
    connection.execute("drop table ledger_events")
    connection.close()
    with Ledger.open(url) as ledger, pytest.raises(StoreError, match="no such table: ledger_ev"):
        ledger.record(some(1))


def test_a_file_taken_away_while_in_use_acknowledges_nothing(tmp_path: Path) -> None:
    """SQLite would write on into the removed file, and answer as if all were well."""
    path = tmp_path / "ledger.db"
    with Ledger.open(f"sqlite:///{path}") as ledger:
        ledger.record(some(2))
        path.rename(tmp_path / "elsewhere.db")
        with pytest.raises(StoreError, match="was removed or replaced while it was in use"):
            ledger.record(some(1, 2))


def test_a_restored_file_is_written_from_then_on(tmp_path: Path) -> None:
    path, backup = tmp_path / "ledger.db", tmp_path / "backup.db"
    with Ledger.open(f"sqlite:///{path}") as ledger:
        ledger.record(some(2))
    shutil.copy(path, backup)
    with Ledger.open(f"sqlite:///{path}") as ledger:
        ledger.record(some(1, 2))
        for name in ("ledger.db-wal", "ledger.db-shm"):
            (tmp_path / name).unlink()
        backup.replace(path)
        with pytest.raises(StoreError, match="stop what uses the ledger before restoring a backup"):
            ledger.record(some(1, 3))
        assert [r.status for r in ledger.record(some(4))] == [
            "duplicate", "duplicate", "recorded", "recorded",
        ]  # fmt: skip
    assert kept(f"sqlite:///{path}") == 4
