"""What is recorded is kept once, whole and in order, on SQLite and PostgreSQL alike."""

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from leadml.domain.event import Event
from leadml.store.ledger import Ledger
from leadml.store.permit import erasing
from leadml.store.recording import forgotten_hash, salt_of
from leadml.store.schema import FORGOTTEN

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


def test_what_became_of_leads_is_known_up_to_the_latest_event_of_the_crm(
    ledger: Ledger,
) -> None:
    assert ledger.latest() is None
    ledger.record([event("scored", happened_at=THEN + timedelta(hours=1))])
    assert ledger.latest() == THEN + timedelta(hours=1)
    ledger.record([event(), event("won", happened_at=THEN + timedelta(minutes=1))])
    assert ledger.latest() == THEN + timedelta(minutes=1)  # scores tell nothing of outcomes
    ledger.record([event("corrected", happened_at=NOW, detail={"corrects": "none", "void": True})])
    assert ledger.latest() == THEN + timedelta(minutes=1)


def test_history_is_in_the_order_of_the_world(ledger: Ledger) -> None:
    later, sooner = THEN + timedelta(days=1), THEN - timedelta(days=1)
    ledger.record([event("won", happened_at=later), event("handed_off"), event("followed_up")])
    ledger.record([event("scored", happened_at=sooner), event("won", "L2")])
    kinds = [stored.event.event for stored in ledger.history("L1")]
    assert kinds == ["scored", "handed_off", "followed_up", "won"]
    assert ledger.history("nobody") == []


@pytest.mark.parametrize("name", ["a\x00b", "\ud800", "", "x" * 100_000])
def test_names_that_cannot_be_are_not_found(ledger: Ledger, name: str) -> None:
    assert ledger.history(name) == []
    assert ledger.find([name]) == {}


def test_what_is_refused_is_told_item_by_item(ledger: Ledger) -> None:
    sent = [
        event(happened_at=NOW + timedelta(hours=1)),
        event("sold"),
        event("rejected", detail={"reason": "too_far"}),
        event(lead=None),
        event(idempotency_key=7),
        event("won"),
    ]
    receipts = ledger.record(sent)
    assert [r.status for r in receipts] == ["refused"] * 5 + ["recorded"]
    assert [r.problem.split()[0] for r in receipts[:5]] == [
        "happened_at", "event", "detail.reason", "lead", "idempotency_key",
    ]  # fmt: skip
    assert receipts[4].idempotency_key == ""
    assert ledger.counts()["by_kind"]["won"] == ledger.counts()["events"] == 1
    assert ledger.record([]) == []


def test_the_ledger_keeps_to_its_own_reasons(ledger_url: str) -> None:
    with Ledger.open(ledger_url, reasons=["too_far"]) as ledger:
        good, bad = ledger.record(
            [event("rejected", detail={"reason": name}) for name in ("too_far", "no_need")]
        )
    assert (good.status, bad.status) == ("recorded", "refused")
    assert bad.problem == "detail.reason must be one of too_far, found 'no_need'"


def test_a_correction_of_another_lead_s_event_is_refused(ledger: Ledger) -> None:
    ledger.record([event("won", idempotency_key="w")])
    wrong, early, right = ledger.record(
        [
            event("corrected", "L2", detail={"corrects": "w", "void": True}),
            event("corrected", detail={"corrects": "not yet here", "void": True}),
            event("corrected", detail={"corrects": "w", "detail": {"amount": 7}}),
        ]
    )
    assert wrong.problem == "detail.corrects names an event of another lead, not of 'L2'"
    assert (early.status, right.status) == ("recorded", "recorded")
    assert [state.amount for state in ledger.states()] == [7]
    ledger.record([event("lost", happened_at=NOW, idempotency_key="not yet here")])
    assert [state.outcome for state in ledger.states()] == ["won"]


def test_a_forgotten_lead_stays_away(ledger: Ledger) -> None:
    with erasing(ledger, "forget") as connection:
        gone = forgotten_hash("L1", salt_of(connection))
        connection.execute(FORGOTTEN.insert().values(lead_hash=gone, forgotten_at=NOW))
    refused, kept = ledger.record([event(), event(lead="L2")])
    assert refused.problem == "this lead was forgotten on request: nothing more is kept of it"
    assert (kept.status, ledger.history("L1")) == ("recorded", [])
    assert "L1" not in gone


def test_voided_leads_have_no_state(ledger: Ledger) -> None:
    ledger.record(
        [
            event(idempotency_key="k"),
            event("corrected", detail={"corrects": "k", "void": True}),
            event(lead="L2"),
        ]
    )
    assert [state.lead for state in ledger.states()] == ["L2"]


def test_counts(ledger: Ledger) -> None:
    assert ledger.counts()["first_happened_at"] is None
    ledger.record([event(), event("won", "L2", happened_at=THEN + timedelta(days=2))])
    told = ledger.counts()
    assert (told["events"], told["leads"], told["by_kind"]["lost"]) == (2, 2, 0)
    assert told["first_happened_at"] == "2026-03-01T09:30:00+00:00"
    assert told["last_happened_at"] == "2026-03-03T09:30:00+00:00"
    assert told["last_recorded_at"] == "2026-03-10T12:00:00+00:00"


def test_a_stream_of_states_sees_one_moment_of_the_ledger(ledger: Ledger) -> None:
    ledger.record([event(lead=f"L{n}") for n in range(3)])
    stream = ledger.states()
    first = next(stream)
    ledger.record([event("won", f"L{n}") for n in range(3)])
    assert [first.state, *(state.state for state in stream)] == ["handed_off"] * 3
    assert [state.state for state in ledger.states()] == ["won"] * 3


def test_many_keys_in_one_batch(ledger: Ledger) -> None:
    """More than one statement's worth of keys, half of them known."""
    batch = [event(lead=f"L{n}") for n in range(1_201)]
    ledger.record(batch[::2])
    statuses = [receipt.status for receipt in ledger.record(batch)]
    assert statuses == ["duplicate", "recorded"] * 600 + ["duplicate"]
    assert ledger.mark() == 1_201
