"""Scores reach the ledger behind their answers, each once, and an answer never claims too much."""

import sqlite3
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from datetime import UTC, datetime
from pathlib import Path

import pytest
from sqlalchemy import insert

from leadml.api import recorder as module
from leadml.api.ledger_link import LedgerLink
from leadml.api.recorder import Recorder
from leadml.domain.event import Event
from leadml.store.ledger import Ledger
from leadml.store.recording import forgotten_hash, salt_of
from leadml.store.schema import FORGOTTEN
from leadml.workflows.scored_event import ScoredEvent

AT = datetime(2025, 3, 2, 9, 30, tzinfo=UTC)


def score(number: int, *, lead: str = "", earlier: int | None = None) -> ScoredEvent:
    """Return the score of a lead; `earlier` numbers the one it may repeat."""
    key = f"key {number}"
    event = Event(
        event="scored", lead=lead or f"L{number}", happened_at=AT, idempotency_key=key,
        detail={"probability": 0.25},
    )  # fmt: skip
    return ScoredEvent(event, (key,) if earlier is None else (key, f"key {earlier}"))


def until(condition: Callable[[], bool]) -> None:
    """Wait for what another thread is about to do."""
    deadline = time.monotonic() + 30
    while not condition():
        assert time.monotonic() < deadline
        threading.Event().wait(0.005)


class Opened:
    """Gives a ledger that loses patience soon."""

    def __init__(self, path: Path, patience: float = 0.02) -> None:
        self.ledger = Ledger.open(f"sqlite:///{path}", patience=patience)

    def open(self) -> Ledger:
        return self.ledger


@contextmanager
def locked(path: Path) -> Iterator[None]:
    """Keep everyone else from writing a SQLite file."""
    with closing(sqlite3.connect(path, isolation_level=None)) as connection:
        connection.execute("begin immediate")
        yield
        connection.execute("rollback")


def leads_in(ledger: Ledger) -> list[str]:
    return [state.lead for state in ledger.states()]


def test_what_is_offered_is_in_the_ledger_once(ledger_url: str) -> None:
    link = LedgerLink(ledger_url)
    recorder = Recorder(link)
    recorder.start()
    assert all(recorder.offer(score(number)) for number in range(5))
    assert recorder.offer(score(3))  # asked again: the answer is the same, the event not twice
    assert recorder.flush(30)
    assert leads_in(link.open()) == ["L0", "L1", "L2", "L3", "L4"]
    assert recorder.offer(score(6, lead="L1", earlier=1))  # a repeat of an earlier window
    assert recorder.offer(score(7, lead="L1", earlier=5))
    assert recorder.offer(score(8, lead="L1", earlier=7))
    recorder.close()
    assert [s.event.idempotency_key for s in link.open().history("L1")] == ["key 1", "key 7"]
    link.close()


def test_a_flush_waits_for_what_was_offered(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, "GATHER_SECONDS", 60)
    source = Opened(tmp_path / "l.db")
    recorder = Recorder(source)
    recorder.start()
    assert recorder.flush()  # nothing waits
    for number in range(3):
        assert recorder.offer(score(number))
        assert recorder.flush(30)
        assert source.ledger.counts()["events"] == number + 1
    with locked(tmp_path / "l.db"):
        assert recorder.offer(score(9))
        assert not recorder.flush(0.05)
    recorder.close()
    source.ledger.close()


def test_closing_writes_what_waits(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "GATHER_SECONDS", 60)
    monkeypatch.setattr(module, "AT_ONCE", 20)
    source = Opened(tmp_path / "l.db")
    recorder = Recorder(source)
    recorder.start()
    assert all(recorder.offer(score(number)) for number in range(50))
    assert recorder.waiting == 50
    recorder.close()
    assert recorder.waiting == 0
    recorded = {stored.recorded_at for (stored,) in source.ledger.leads()}
    assert (source.ledger.counts()["events"], len(recorded)) == (50, 3)  # 20, 20 and 10
    source.ledger.close()


def test_nothing_is_taken_before_the_start_and_after_the_end(tmp_path: Path) -> None:
    source = Opened(tmp_path / "l.db")
    recorder = Recorder(source)
    assert not recorder.offer(score(1))
    recorder.start()
    assert recorder.offer(score(2))
    recorder.close()
    recorder.close()
    assert not recorder.offer(score(3))
    assert leads_in(source.ledger) == ["L2"]
    source.ledger.close()


def test_what_is_no_score_for_the_ledger_is_not_recorded(tmp_path: Path) -> None:
    source = Opened(tmp_path / "l.db")
    recorder = Recorder(source)
    recorder.start()
    assert not recorder.offer(None)
    recorder.close()
    source.ledger.close()


def test_a_full_queue_turns_scores_away_and_says_so(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setattr(module, "GATHER_SECONDS", 60)
    source = Opened(tmp_path / "l.db")
    recorder = Recorder(source, room=3)
    recorder.start()
    assert [recorder.offer(score(n)) for n in range(5)] == [True, True, True, False, False]
    recorder.close()
    assert leads_in(source.ledger) == ["L0", "L1", "L2"]
    assert 'scores answered with "recorded": false: 2' in caplog.text
    source.ledger.close()


def test_in_trouble_nothing_is_taken_and_what_was_is_tried_until_it_is_written(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setattr(module, "PAUSES", (0.01, 0.02))
    source = Opened(tmp_path / "l.db")
    recorder = Recorder(source)
    recorder.start()
    with locked(tmp_path / "l.db"):
        assert recorder.offer(score(1, lead="jane@example.com"))
        until(lambda: recorder.trouble)
        assert not recorder.offer(score(2))
        assert recorder.waiting == 1
    until(lambda: not recorder.trouble)
    assert recorder.offer(score(3))
    recorder.close()
    assert leads_in(source.ledger) == ["L3", "jane@example.com"]
    told = [record.getMessage() for record in caplog.records]
    assert told[0].startswith("scores are answered without being recorded: the ledger sqlite:")
    assert told[1:] == [
        'scores answered with "recorded": false: 1',
        "the ledger takes scores again",
    ]
    source.ledger.close()


def test_a_ledger_that_was_not_there_at_first(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, "PAUSES", (0.01,))
    recorder = Recorder(Opened(tmp_path / "l.db"), trouble=True)
    assert recorder.trouble
    recorder.start()
    until(lambda: not recorder.trouble)
    assert recorder.offer(score(1))
    recorder.close()


def test_what_cannot_be_written_at_the_end_is_counted_in_the_log(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setattr(module, "LAST_SECONDS", 0.05)
    monkeypatch.setattr(module, "PAUSES", (0.01,))
    source = Opened(tmp_path / "l.db")
    recorder = Recorder(source)
    recorder.start()
    with locked(tmp_path / "l.db"):
        assert recorder.offer(score(1, lead="jane@example.com"))
        assert recorder.offer(score(2))
        recorder.close()
    assert "scores answered as recorded, and lost: 2" in caplog.text
    assert "jane" not in caplog.text
    source.ledger.close()


def test_a_write_that_takes_long_turns_further_scores_away(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, "STALLED_SECONDS", 0)
    monkeypatch.setattr(module, "GATHER_SECONDS", 0.01)
    source = Opened(tmp_path / "l.db", patience=30)
    recorder = Recorder(source)
    recorder.start()
    taken = 0
    with locked(tmp_path / "l.db"):
        while recorder.offer(score(taken)):  # until the writer waits for the lock
            taken += 1
            threading.Event().wait(0.005)
        assert not recorder.trouble
        assert 0 < recorder.waiting == taken < module.ROOM
    assert recorder.flush(30)
    assert recorder.offer(score(taken))
    recorder.close()
    assert source.ledger.counts()["events"] == taken + 1
    source.ledger.close()


def test_leads_that_were_forgotten_are_told_from_the_second_time_on(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    source = Opened(tmp_path / "l.db")
    with source.ledger.writing() as connection:
        gone = forgotten_hash("jane@example.com", salt_of(connection))
        connection.execute(insert(FORGOTTEN).values(lead_hash=gone, forgotten_at=AT))
    recorder = Recorder(source)
    recorder.start()
    assert recorder.offer(score(1, lead="jane@example.com"))
    assert recorder.offer(score(2))
    assert recorder.flush(30)
    assert not recorder.offer(score(3, lead="jane@example.com"))
    recorder.close()
    assert leads_in(source.ledger) == ["L2"]
    assert "scores that the ledger refused, of forgotten leads say: 1" in caplog.text
    assert "jane" not in caplog.text
    source.ledger.close()


def test_a_score_beyond_the_ledger_does_not_cost_the_others_theirs(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    source = Opened(tmp_path / "l.db")
    recorder = Recorder(source)
    recorder.start()
    broken = ScoredEvent(None, ("key 9",))  # type: ignore[arg-type]
    assert recorder.offer(score(1))
    recorder._waiting.append(broken)
    assert recorder.offer(score(2))
    recorder.close()
    assert leads_in(source.ledger) == ["L1", "L2"]
    assert "a score was not written: AttributeError" in caplog.text
    source.ledger.close()
