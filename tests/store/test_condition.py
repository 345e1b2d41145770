"""A ledger is looked at and not changed."""

import sqlite3
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from leadml.domain.event import Event
from leadml.errors import StoreError
from leadml.store.condition import condition_of, free_bytes
from leadml.store.ledger import Ledger

NOW = datetime(2026, 3, 2, 9, tzinfo=UTC)


def test_what_a_ledger_holds_and_that_it_can_be_written(ledger_url: str) -> None:
    with Ledger.open(ledger_url, clock=lambda: NOW) as ledger:
        ledger.record([Event(event="handed_off", lead="L1", happened_at=NOW)])
        before = ledger.mark()
        found = condition_of(ledger_url)
        assert ledger.mark() == before
    assert (found.exists, found.events, found.latest, found.unwritable) == (True, 1, NOW, "")
    if ledger_url.startswith("sqlite"):
        assert found.database_clock is None
    else:
        assert found.database_clock is not None
        assert abs(found.database_clock - datetime.now(UTC)) < timedelta(minutes=1)
        assert found.wal == 0


def test_a_ledger_that_is_not_there_is_not_made(tmp_path: Path) -> None:
    found = condition_of(f"sqlite:///{tmp_path / 'none.db'}")
    assert not found.exists
    assert not (tmp_path / "none.db").exists()


def test_why_nothing_can_be_written(tmp_path: Path) -> None:
    url = f"sqlite:///{tmp_path / 'ledger.db'}"
    Ledger.open(url).close()
    holder = sqlite3.connect(tmp_path / "ledger.db", isolation_level=None)
    holder.execute("begin immediate")
    try:
        found = condition_of(url, patience=0.1)
    finally:
        holder.close()
    assert "locked" in found.unwritable or "held" in found.unwritable
    assert found.wal >= 0


def test_what_is_no_ledger_is_an_error(tmp_path: Path) -> None:
    (tmp_path / "ledger.db").write_text("nothing of the kind" * 100)
    with pytest.raises(StoreError, match="is not an SQLite database"):
        condition_of(f"sqlite:///{tmp_path / 'ledger.db'}")


def test_room_is_told_for_folders_still_to_be_made(tmp_path: Path) -> None:
    assert free_bytes(tmp_path / "to" / "be" / "made") > 0
