"""A lead's history: newest first, corrected, with the versions that led to each event."""

from collections.abc import Iterator
from datetime import UTC, datetime
from typing import Any

import pytest

from leadml.domain.event import Event
from leadml.store.ledger import Ledger
from leadml.workflows.lead_history import lead_history


def at(day: int, hour: int = 0) -> datetime:
    return datetime(2025, 3, day, hour, tzinfo=UTC)


def happened(kind: str, day: int, **fields: Any) -> Event:
    return Event(event=kind, lead="L1", happened_at=at(day), **fields)


def scored(day: int, version: str, probability: float) -> Event:
    return happened(
        "scored", day, model_version=version, agreement_hash=f"hash {version}",
        idempotency_key=f"score {day}",
        detail={"probability": probability, "reasons": [{"feature": "budget"}]},
    )  # fmt: skip


@pytest.fixture
def ledger(tmp_path: Any) -> Iterator[Ledger]:
    with Ledger.open(f"sqlite:///{tmp_path / 'ledger.db'}") as ledger:
        ledger.record(
            [
                happened(
                    "won", 9, agreement_hash="told", detail={"amount": 500}, idempotency_key="win"
                ),
                scored(1, "1", 0.2),
                happened("handed_off", 5, owner="kim"),  # recorded before the score
                scored(5, "2", 0.6),
                happened("handed_off", 3, model_version="9", idempotency_key="early"),
                scored(7, "3", 0.7),
                happened("corrected", 10, detail={"corrects": "win", "detail": {"amount": 800.0}}),
                happened("corrected", 10, detail={"corrects": "score 1", "void": True}),
            ]
        )
        yield ledger


def test_newest_first_with_corrections_applied(ledger: Ledger) -> None:
    found = lead_history(ledger, "L1")
    assert found is not None
    assert list(found) == [
        "lead", "state", "counts", "scores", "shadow_scores", "hand_offs", "outcomes", "events",
    ]  # fmt: skip
    assert [entry["probability"] for entry in found["scores"]] == [0.7, 0.6]
    assert found["scores"][1]["reasons"] == [{"feature": "budget"}]
    assert found["scores"][1]["model_version"] == "2"
    assert [entry["amount"] for entry in found["outcomes"]] == [800.0]
    assert found["state"]["state"] == "won"
    assert found["state"]["amount"] == 800.0
    counts = {"scores": 2, "shadow_scores": 0, "hand_offs": 2, "outcomes": 1, "events": 8}
    assert found["counts"] == counts


def test_an_event_without_a_version_has_that_of_the_last_score(ledger: Ledger) -> None:
    found = lead_history(ledger, "L1") or {}
    later, earlier = found["hand_offs"]
    # Scored and handed off in the same moment: the score came first.
    assert (later["model_version"], later["agreement_hash"]) == ("2", "hash 2")
    assert (later["owner"], later["happened_at"]) == ("kim", "2025-03-05T00:00:00+00:00")
    assert (earlier["model_version"], earlier["agreement_hash"]) == ("9", None)
    (outcome,) = found["outcomes"]
    assert (outcome["model_version"], outcome["agreement_hash"]) == ("3", "told")


def test_events_are_as_recorded(ledger: Ledger) -> None:
    events = (lead_history(ledger, "L1") or {})["events"]
    assert [entry["event"] for entry in events] == [
        "corrected", "corrected", "won", "scored", "scored", "handed_off", "handed_off", "scored",
    ]  # fmt: skip
    assert events[2]["detail"] == {"amount": 500}
    assert (events[3]["detail"], events[3]["idempotency_key"]) == ({}, "score 7")
    assert events[5]["model_version"] is None


def test_lists_end_at_the_limit_and_counts_do_not(ledger: Ledger) -> None:
    found = lead_history(ledger, "L1", limit=1) or {}
    assert [entry["probability"] for entry in found["scores"]] == [0.7]
    assert [len(found[name]) for name in ("hand_offs", "outcomes", "events")] == [1, 1, 1]
    assert found["counts"]["scores"] == 2


def test_a_lead_that_is_not_there(ledger: Ledger) -> None:
    assert lead_history(ledger, "L2") is None


def test_scores_in_the_shadow_are_apart(ledger: Ledger) -> None:
    before = lead_history(ledger, "L1") or {}
    made = Event(
        event="scored",
        lead="L1",
        happened_at=datetime.now(UTC),
        model_version="9",
        idempotency_key="shadow",
        detail={"probability": 0.99, "shadow": True},
    )
    ledger.record([made])
    found = lead_history(ledger, "L1") or {}
    assert [entry["probability"] for entry in found["shadow_scores"]] == [0.99]
    assert found["shadow_scores"][0]["shadow"] is True
    assert found["counts"]["shadow_scores"] == 1
    assert found["events"][0]["detail"] == {"shadow": True}
    for name in ("state", "scores", "hand_offs", "outcomes"):
        assert found[name] == before[name]
