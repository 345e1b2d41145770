"""What is recorded is kept once, whole and in order, on SQLite and PostgreSQL alike."""

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from leadml.domain.event import Event
from leadml.store.ledger import Ledger

NOW = datetime(2026, 3, 10, 12, tzinfo=UTC)
THEN = datetime(2026, 3, 1, 9, 30, tzinfo=UTC)


def event(kind: str = "handed_off", lead: str = "L1", **more: Any) -> Event:
    return Event(event=kind, lead=lead, **{"happened_at": THEN, **more})


@pytest.fixture
def ledger(ledger_url: str) -> Iterator[Ledger]:
    with Ledger.open(ledger_url, clock=lambda: NOW) as opened:
        yield opened


def test_what_is_recorded_comes_back_as_it_was(ledger: Ledger) -> None:
    sent = event(
        "scored",
        account="Acme ÄÖ",
        owner="ann",
        model_version="7",
        agreement_hash="abc",
        idempotency_key="crm-1",
        detail={"probability": 0.1 + 0.2, "reasons": [{"feature": "é", "effect": 1e-9}]},
    )
    (receipt,) = ledger.record([sent])
    assert (receipt.status, receipt.id, receipt.recorded_at) == ("recorded", 1, NOW)
    (kept,) = ledger.history("L1")
    assert kept.event == sent
    assert (kept.id, kept.recorded_at) == (1, NOW)


def test_the_same_event_twice_counts_once(ledger: Ledger) -> None:
    for sent in (event(), event(idempotency_key="k")):
        (first,) = ledger.record([sent])
        again, in_batch = ledger.record([sent, sent])
        assert first.status == "recorded"
        assert again == in_batch
        assert (again.status, again.id, again.recorded_at) == ("duplicate", first.id, NOW)
    assert ledger.counts()["events"] == 2


def test_a_key_used_for_something_else_is_refused_and_the_others_are_kept(ledger: Ledger) -> None:
    ledger.record([event(idempotency_key="k")])
    refused, kept = ledger.record([event("won", idempotency_key="k"), event("won")])
    assert (refused.status, refused.id) == ("refused", None)
    assert "'k' is taken since 2026-03-10T12:00:00+00:00 by an event that says" in refused.problem
    assert (kept.status, kept.id) == ("recorded", 2)


def test_states_stream_lead_by_lead(ledger: Ledger) -> None:
    late = THEN + timedelta(days=1)
    ledger.record([event(lead="b"), event("won", "b", happened_at=late, detail={"amount": 5})])
    ledger.record([event("scored", "a"), event(lead="B")])
    states = list(ledger.states())
    assert [(s.lead, s.state) for s in states] == [
        ("B", "handed_off"),
        ("a", "scored"),
        ("b", "won"),
    ]
    assert [s.lead for s in ledger.states(since=late)] == []
    assert [s.lead for s in ledger.states(since=THEN, until=late)] == ["B", "a", "b"]


def test_the_mark_rises_with_every_change(ledger: Ledger) -> None:
    marks = [ledger.mark()]
    for kind in ("handed_off", "won", "won"):
        ledger.record([event(kind)])
        marks.append(ledger.mark())
    assert marks == [0, 1, 2, 2]
