"""Scores reach the ledger behind their answers, each once, whatever happens in between."""

import os
import re
import signal
import sqlite3
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from leadml.api.recording import recorder as module
from leadml.api.recording.ledger_link import LedgerLink
from leadml.api.recording.recorder import Recorder
from leadml.domain.definition import Definition
from leadml.domain.mapping import LeadMapping
from leadml.errors import AwayError
from leadml.store import journal as journal_module
from leadml.store.database import identity
from leadml.store.erasure import forget
from leadml.store.journal import Journal
from leadml.store.ledger import Ledger
from leadml.workflows.scored_event import ScoredEvent, Telling

TELLING = Telling(Definition(leads=LeadMapping(id="id")), "3")


def score(lead: str = "L1", clock: str = "09:30:00", as_of: str | None = None) -> ScoredEvent:
    """Return the score of a lead as of now, or as of another moment."""
    moment = datetime.fromisoformat(f"2025-03-02T{clock}+00:00").astimezone(UTC)
    answer = {
        "lead_id": lead, "probability": 0.25, "scored_at": moment.isoformat(),
        "as_of": as_of or f"2025-03-02T{clock}.5Z",
    }  # fmt: skip
    scored = TELLING.event(answer, {}, [{"id": lead}])
    assert scored is not None
    return scored


def until(condition: Callable[[], bool]) -> None:
    """Wait for what another thread is about to do."""
    deadline = time.monotonic() + 30
    while not condition():
        assert time.monotonic() < deadline
        threading.Event().wait(0.005)


class Opened:
    """Gives a ledger that loses patience soon; or none while it is away."""

    def __init__(self, url: str, patience: float = 0.02) -> None:
        self.ledger = Ledger.open(url, patience=patience)
        self.is_away = False

    def open(self) -> Ledger:
        if self.is_away:
            msg = "the ledger cannot be reached"
            raise AwayError(msg)
        return self.ledger


@pytest.fixture
def source(ledger_url: str) -> Iterator[Opened]:
    made = Opened(ledger_url, patience=5)
    yield made
    made.ledger.close()


@pytest.fixture
def away(tmp_path: Path) -> Iterator[Opened]:
    made = Opened(f"sqlite:///{tmp_path / 'l.db'}")
    yield made
    made.ledger.close()


@pytest.fixture(autouse=True)
def _quick(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "GATHER_SECONDS", 0.01)
    monkeypatch.setattr(module, "SYNC_SECONDS", 0.01)
    monkeypatch.setattr(module, "LOOK_SECONDS", 0.02)
    monkeypatch.setattr(module, "PAUSES", (0.01, 0.02))


def made(source: Any, folder: Path) -> Recorder:
    return Recorder(source, Journal(folder / "journal", "ledger"))


@contextmanager
def started(source: Any, folder: Path) -> Iterator[Recorder]:
    recorder = made(source, folder)
    recorder.start()
    yield recorder
    recorder.close()


@contextmanager
def locked(path: Path) -> Iterator[None]:
    """Keep everyone else from writing a SQLite file."""
    with closing(sqlite3.connect(path, isolation_level=None)) as connection:
        connection.execute("begin immediate")
        yield
        connection.execute("rollback")


def leads_in(ledger: Ledger) -> list[str]:
    return [state.lead for state in ledger.states()]


def files(folder: Path) -> list[str]:
    return sorted(path.name for path in (folder / "journal").glob("*.journal"))


def test_what_is_offered_is_in_the_ledger_once(source: Opened, tmp_path: Path) -> None:
    with started(source, tmp_path) as recorder:
        assert all(recorder.offer(score(f"L{number}")) for number in range(5))
        assert recorder.offer(score("L3"))  # asked again: answered the same, recorded once
        assert recorder.flush(30)
        assert leads_in(source.ledger) == ["L0", "L1", "L2", "L3", "L4"]
        assert recorder.offer(score("L1", "09:40:00"))  # of the window after: a repeat
        assert recorder.offer(score("L1", "09:50:00"))  # of the one after that
        assert recorder.offer(score("L1", "09:59:59"))
    times = [s.event.happened_at.strftime("%H:%M") for s in source.ledger.history("L1")]
    assert times == ["09:30", "09:50"]
    assert files(tmp_path) == []


def test_several_at_once_are_told_one_by_one(away: Opened, tmp_path: Path) -> None:
    forget(away.ledger, "jane")
    with started(away, tmp_path) as recorder:
        until(lambda: not recorder.offer(score("jane")))
        offered = [score("L1"), None, score("jane"), score("L2")]
        assert recorder.offer_all(offered) == [True, False, False, True]
        assert recorder.offer_all([None]) == [False]
        assert recorder.offer_all([]) == []
    assert leads_in(away.ledger) == ["L1", "L2"]


def test_a_flush_waits_for_what_was_offered(
    away: Opened, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, "GATHER_SECONDS", 60)
    with started(away, tmp_path) as recorder:
        assert recorder.flush()  # nothing waits
        for number in range(3):
            assert recorder.offer(score(f"L{number}"))
            assert recorder.flush(30)
            assert away.ledger.counts()["events"] == number + 1
        with locked(tmp_path / "l.db"):
            assert recorder.offer(score("L9"))
            assert not recorder.flush(0.05)


def test_a_flush_brings_what_other_processes_took(
    away: Opened, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, "GATHER_SECONDS", 60)
    with started(away, tmp_path) as one, started(away, tmp_path) as other:
        assert other.offer(score("L1"))
        assert one.flush(30)
        assert leads_in(away.ledger) == ["L1"]
        assert other.waiting == 1
        assert other.flush(30)
        assert other.waiting == 0
    assert away.ledger.counts()["events"] == 1


def test_closing_brings_what_waits_in_groups(
    away: Opened, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, "GATHER_SECONDS", 60)
    monkeypatch.setattr(journal_module, "GROUP", 20)
    recorder = made(away, tmp_path)
    recorder.start()
    assert all(recorder.offer(score(f"L{number}")) for number in range(50))
    assert recorder.waiting == 50
    recorder.close()
    assert recorder.waiting == 0
    recorded = {stored.recorded_at for (stored,) in away.ledger.leads()}
    assert (away.ledger.counts()["events"], len(recorded)) == (50, 3)  # 20, 20 and 10


def test_nothing_is_taken_before_the_start_and_after_the_end(away: Opened, tmp_path: Path) -> None:
    recorder = made(away, tmp_path)
    assert not recorder.offer(score("L1"))
    recorder.start()
    assert recorder.offer(score("L2"))
    recorder.close()
    recorder.close()
    assert not recorder.offer(score("L3"))
    assert recorder.unrecorded == 2
    assert leads_in(away.ledger) == ["L2"]


def test_what_is_no_score_for_the_ledger_is_not_recorded(away: Opened, tmp_path: Path) -> None:
    with started(away, tmp_path) as recorder:
        assert not recorder.offer(None)
        assert recorder.unrecorded == 0


def test_without_a_ledger_nothing_is_taken() -> None:
    recorder = Recorder(LedgerLink(""), None)
    recorder.start()
    assert not recorder.offer(score())
    assert recorder.offer_all([score()]) == [False]
    assert (recorder.waiting, recorder.lag_seconds, recorder.full) == (0, 0.0, False)
    assert recorder.flush()
    recorder.close()


def test_when_its_room_is_full_it_says_so_until_the_ledger_has_taken_some(
    away: Opened, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, "GATHER_SECONDS", 60)
    monkeypatch.setattr(journal_module, "ROOM", 3)
    with started(away, tmp_path) as recorder:
        offered = [recorder.offer(score(f"L{n}")) for n in range(5)]
        assert offered == [True, True, True, False, False]
        assert (recorder.full, recorder.unrecorded) == (True, 2)
        assert recorder.flush(30)
        assert not recorder.full
        assert recorder.offer(score("L5"))
    assert leads_in(away.ledger) == ["L0", "L1", "L2", "L5"]


def test_while_the_ledger_is_away_scores_wait_for_it(
    away: Opened, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    with started(away, tmp_path) as recorder:
        away.is_away = True
        assert recorder.offer(score("jane@example.com"))
        until(lambda: recorder.trouble)
        assert recorder.offer(score("L2"))
        assert recorder.waiting == 2
        assert recorder.recording  # in the journal
        until(lambda: recorder.lag_seconds > 0.05)
        away.is_away = False
        until(lambda: not recorder.trouble)
        assert (recorder.waiting, recorder.lag_seconds) == (0, 0.0)
        assert recorder.offer(score("L3"))
    assert leads_in(away.ledger) == ["L2", "L3", "jane@example.com"]
    assert [record.getMessage() for record in caplog.records] == [
        "the ledger takes no scores, they wait in the journal: the ledger cannot be reached",
        "the ledger takes scores again",
    ]


def test_a_ledger_that_another_program_holds_takes_them_later(away: Opened, tmp_path: Path) -> None:
    with started(away, tmp_path) as recorder:
        with locked(tmp_path / "l.db"):
            assert recorder.offer(score("L1"))
            until(lambda: recorder.trouble)
        until(lambda: not recorder.trouble)
    assert leads_in(away.ledger) == ["L1"]


def test_a_ledger_that_cannot_be_reached_at_first_takes_them_later(
    away: Opened, tmp_path: Path
) -> None:
    away.is_away = True
    with started(away, tmp_path) as recorder:
        assert recorder.offer(score("L1"))
        until(lambda: recorder.trouble)
        away.is_away = False
        assert recorder.flush(30)
    assert leads_in(away.ledger) == ["L1"]


def test_a_ledger_that_somebody_has_to_mend_first_is_no_record(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setattr("leadml.api.recording.ledger_link.RETRY_SECONDS", 0.01)
    (tmp_path / "l.db").write_text("this is no database: " * 50)
    link = LedgerLink(f"sqlite:///{tmp_path / 'l.db'}")
    with started(link, tmp_path) as recorder:
        assert not recorder.recording
        assert not recorder.offer(score("L1"))
        (tmp_path / "l.db").unlink()
        until(lambda: recorder.recording)
        assert recorder.offer(score("L2"))
        assert recorder.flush(30)
        assert recorder.unrecorded >= 1
    assert leads_in(link.open()) == ["L2"]
    link.close()
    told = [record.getMessage() for record in caplog.records]
    assert "without being recorded: the ledger" in told[0]
    assert "is not an SQLite database" in told[0]
    assert re.fullmatch(
        r'scores are recorded again; answered with "recorded": false by this process: [1-9]\d*',
        told[-1],
    )


def test_what_closing_leaves_is_recorded_by_the_next(
    away: Opened, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setattr(module, "LAST_SECONDS", 0.03)
    with started(away, tmp_path) as recorder:
        away.is_away = True
        assert recorder.offer_all([score("jane@example.com"), score("L2")]) == [True, True]
    told = caplog.records[-1].getMessage()
    assert told == (
        f"scores that wait in the journal until a service starts again: 2 ({tmp_path / 'journal'})"
    )
    assert "jane" not in caplog.text
    assert len(files(tmp_path)) == 1
    away.is_away = False
    with started(away, tmp_path):
        until(lambda: len(leads_in(away.ledger)) == 2)
    assert files(tmp_path) == []


def test_what_waits_for_another_ledger_is_told_and_left_alone(
    away: Opened, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    other = Journal(tmp_path / "journal", "another ledger")
    other.open()
    other.append([score("jane").entry])
    other.close()
    with started(away, tmp_path) as recorder:
        assert recorder.offer(score("L1"))
    assert leads_in(away.ledger) == ["L1"]
    assert "files of the journal that hold scores for another ledger: 1 (" in caplog.text
    assert len(files(tmp_path)) == 1


def test_of_a_killed_process_every_answered_score_is_recorded(
    source: Opened, ledger_url: str, tmp_path: Path
) -> None:
    read, write = os.pipe()
    pid = os.fork()
    if not pid:
        try:
            recorder = made(LedgerLink(ledger_url), tmp_path)
            recorder.start()
            for number in range(300):
                if recorder.offer(score(f"L{number}")):
                    os.write(write, b".")
            os.kill(os.getpid(), signal.SIGKILL)
        finally:
            os._exit(1)
    os.close(write)
    told = b""
    while part := os.read(read, 1000):
        told += part
    os.close(read)
    assert os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1]) == -signal.SIGKILL
    with started(source, tmp_path):
        until(lambda: files(tmp_path)[1:] == [])
        until(lambda: source.ledger.counts()["leads"] == 300)
    assert (len(told), source.ledger.counts()["events"]) == (300, 300)
    assert files(tmp_path) == []


def test_a_journal_that_cannot_be_written_is_no_record(
    away: Opened, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    (tmp_path / "journal").write_text("a file where the folder should be")
    with started(away, tmp_path) as recorder:
        assert not recorder.offer(score("L1"))
        assert not recorder.offer(score("L2"))
        assert not recorder.recording
        (tmp_path / "journal").unlink()
        until(lambda: recorder.offer(score("L3")))
        assert recorder.recording
        missed = recorder.unrecorded
        assert missed >= 2
    assert leads_in(away.ledger) == ["L3"]
    told = f'scores are recorded again; answered with "recorded": false by this process: {missed}'
    assert told in caplog.text
    assert caplog.text.count("scores are answered without being recorded") == 1


def test_a_forgotten_lead_is_not_taken_and_leaves_no_trace_in_the_journal(
    away: Opened, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with started(away, tmp_path) as recorder:
        assert recorder.offer(score("jane@example.com"))
        assert recorder.flush(30)
        before = files(tmp_path)
        forget(away.ledger, "jane@example.com")
        Journal(tmp_path / "journal", "ledger").sweep()
        until(lambda: not recorder.offer(score("jane@example.com", "11:00:00")))
        until(lambda: not set(files(tmp_path)) & set(before))
        assert recorder.offer(score("L2"))
        assert recorder.flush(30)
        for path in (tmp_path / "journal").iterdir():
            assert b"jane" not in path.read_bytes()
    assert "L2" in leads_in(away.ledger)
    assert not away.ledger.history("jane@example.com")


def test_what_waits_of_a_lead_forgotten_meanwhile_is_dropped(
    away: Opened, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, "GATHER_SECONDS", 60)
    with started(away, tmp_path) as recorder:
        assert recorder.offer_all([score("jane"), score("L2")]) == [True, True]
        forget(away.ledger, "jane")
        assert recorder.flush(30)
        assert leads_in(away.ledger) == ["L2"]
        assert not recorder.offer(score("jane"))


def test_a_score_beyond_the_ledger_does_not_cost_the_others_theirs(
    source: Opened, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    broken = score("L0")
    nothing = ScoredEvent("L9", broken.entry.replace(b'"L0"', b"null"))
    with started(source, tmp_path) as recorder:
        rubbish = ScoredEvent("L8", b"no entry")
        offered = [score("L1"), score("L2"), nothing, rubbish, score("L3")]
        assert recorder.offer_all(offered) == [True] * 5
        assert recorder.flush(30)
        assert not recorder.trouble
    assert leads_in(source.ledger) == ["L1", "L2", "L3"]
    assert "a score was not recorded: ValueError" in caplog.text
    assert "an entry of the journal is no score: ValueError" in caplog.text


def test_ledgers_are_told_apart_but_not_by_their_passwords() -> None:
    one = identity("postgresql://ann:first@db.example/crm?sslmode=require&sslpassword=x")
    assert identity("postgresql://ann:second@db.example/crm?sslmode=require") == one
    assert identity("postgresql://ann@db.example/other?sslmode=require") != one
    assert "first" not in one
