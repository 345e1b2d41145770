"""Erasing a person: nothing traces back, everything still counts."""

import sqlite3
from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from leadml.domain.event import Event
from leadml.domain.lead_state import LeadState
from leadml.errors import StoreError
from leadml.store.erasure import ERASED, forget, remove
from leadml.store.ledger import Ledger

START = datetime(2026, 1, 1, tzinfo=UTC)
SECRET = "Erika-Mustermann-4711"


@pytest.fixture
def ledger(ledger_url: str) -> Iterator[Ledger]:
    with Ledger.open(ledger_url, patience=0.2) as opened:
        yield opened


def happened(kind: str, hour: int, lead: str = SECRET, **more: Any) -> Event:
    return Event(event=kind, lead=lead, happened_at=START + timedelta(hours=hour), **more)


def a_life() -> list[Event]:
    reasons = [{"feature": "job_title", "value": f"CEO {SECRET}"}]
    return [
        happened("scored", 0, account=f"{SECRET} Ltd", idempotency_key=f"{SECRET}-b",
                 detail={"probability": 0.4, "reasons": reasons, "attributes": {"source": "Web"}}),
        happened("scored", 0, idempotency_key=f"{SECRET}-a", detail={"probability": 0.1}),
        happened("handed_off", 1, owner="Ann"),
        happened("rejected", 2, idempotency_key=f"{SECRET}-r",
                 detail={"reason": "other", "text": f"{SECRET} has moved"}),
        happened("corrected", 3, detail={"corrects": f"{SECRET}-r", "detail": {
            "reason": "wrong_person", "text": None, "right_person": SECRET}}),
        happened("corrected", 4, detail={"corrects": f"{SECRET}-b", "account": f"{SECRET} AG"}),
        happened("won", 9, detail={"amount": 10, "margin_amount": 3}),
    ]  # fmt: skip


def told(state: LeadState) -> LeadState:
    """Return a state without what only the person's own name is in."""
    return replace(state, lead="", account=None, right_person=None)


def test_nothing_traces_back_and_everything_still_counts(ledger: Ledger) -> None:
    ledger.record([*a_life(), happened("won", 3, lead="L2", account="Bolt")])
    before = {state.lead: state for state in ledger.states()}
    mark, counts = ledger.mark(), ledger.counts()
    done = forget(ledger, SECRET)
    assert (done.events, done.was_forgotten) == (7, False)
    assert ledger.history(SECRET) == []
    after = {state.lead: state for state in ledger.states()}
    (name,) = set(after) - {"L2"}
    assert name.startswith("forgotten-")
    assert len(name) > 30
    assert told(after[name]) == told(before[SECRET])
    assert after[name].score is not None
    assert after[name].score.probability == 0.4  # of two at one moment still the same one
    assert after[name].right_person == ERASED
    assert after["L2"] == before["L2"]
    assert SECRET not in repr(ledger.history(name))
    assert ledger.mark() > mark
    same = ("events", "by_kind", "leads", "first_happened_at", "last_happened_at")
    assert {key: ledger.counts()[key] for key in same} == {key: counts[key] for key in same}


def test_the_account_keeps_its_name_where_others_have_it(ledger: Ledger) -> None:
    ledger.record([happened("won", 1, account="Acme"), happened("won", 2, "L2", account="Acme")])
    forget(ledger, SECRET)
    assert {state.account for state in ledger.states()} == {"Acme"}
    ledger.record([happened("won", 3, "L3", account="Alone")])
    forget(ledger, "L3")
    (alone,) = {state.account for state in ledger.states()} - {"Acme"}
    assert alone is not None
    assert alone.startswith("forgotten-")


def test_a_forgotten_lead_never_comes_back(ledger: Ledger) -> None:
    ledger.record(a_life())
    forget(ledger, SECRET)
    refused, fine = ledger.record([happened("lost", 5), happened("lost", 5, "L2")])
    assert refused.status == "refused"
    assert "was forgotten on request" in refused.problem
    assert fine.status == "recorded"
    assert forget(ledger, SECRET).was_forgotten


def test_a_lead_nobody_knows_is_refused_from_then_on(ledger: Ledger) -> None:
    assert forget(ledger, "L9").events == 0
    (receipt,) = ledger.record([happened("lost", 5, "L9")])
    assert receipt.status == "refused"


def test_no_byte_of_it_is_left_in_sqlites_files(tmp_path: Path) -> None:
    path = tmp_path / "ledger.db"
    with Ledger.open(f"sqlite:///{path}") as ledger:
        others = [happened("lost", n % 50, f"L{n}") for n in range(500)]
        ledger.record([*others, *a_life()])
        assert SECRET.encode() in path.read_bytes() + Path(f"{path}-wal").read_bytes()
        forget(ledger, SECRET)
        assert ledger.database.rewrite()
        files = [file for file in tmp_path.iterdir() if file.is_file()]
        assert path in files
        for file in files:
            assert SECRET.encode() not in file.read_bytes(), file.name
        assert ledger.counts()["leads"] == 501


def test_a_file_that_somebody_reads_is_said(tmp_path: Path) -> None:
    path = tmp_path / "ledger.db"
    with Ledger.open(f"sqlite:///{path}", patience=0.1) as ledger:
        ledger.record(a_life())
        reader = sqlite3.connect(path, isolation_level=None)
        reader.execute("begin")
        reader.execute("select * from ledger_events").fetchone()
        with pytest.raises(StoreError, match=r"another program reads it.*run the same command"):
            ledger.database.rewrite()
        reader.execute("rollback")
        reader.close()
        assert ledger.database.rewrite()


def test_postgresql_is_left_to_its_administrator(postgresql_url: str) -> None:
    with Ledger.open(postgresql_url) as ledger:
        assert not ledger.database.rewrite()


def test_what_changed_meanwhile_is_not_removed(ledger: Ledger) -> None:
    ledger.record([happened("lost", 1, "L1"), happened("lost", 1, "L2")])
    numbers = {lead: [s.id for s in ledger.history(lead)] for lead in ("L1", "L2")}
    mark = ledger.mark()
    ledger.record([happened("reopened", 2, "L1")])
    assert remove(ledger, numbers, mark=mark) == 1
    assert (len(ledger.history("L1")), len(ledger.history("L2"))) == (2, 0)
