"""An event's name of content tells just what it says apart."""

from datetime import UTC, datetime, timedelta, timezone
from typing import Any

import pytest

from leadml.domain.event import Event, Stored, content_key

THEN = datetime(2026, 3, 1, 9, 30, tzinfo=UTC)


def event(**more: Any) -> Event:
    return Event(**{"event": "won", "lead": "L1", "happened_at": THEN, **more})


def test_the_same_said_otherwise_has_the_same_key() -> None:
    berlin = THEN.astimezone(timezone(timedelta(hours=1)))
    one = event(detail={"amount": 1.5, "margin_amount": None})
    other = event(happened_at=berlin, detail={"amount": 1.5}, idempotency_key="crm-1")
    assert content_key(one) == content_key(other)
    turned = {"reasons": ({"a": 1, "b": 2},), "band": "A"}
    listed = {"band": "A", "reasons": [{"b": 2, "a": 1}]}
    assert content_key(event(event="scored", detail=turned)) == content_key(
        event(event="scored", detail=listed)
    )


@pytest.mark.parametrize(
    "change",
    [
        {"event": "lost"},
        {"lead": "L2"},
        {"happened_at": THEN + timedelta(microseconds=1)},
        {"account": "a"},
        {"owner": "a"},
        {"model_version": "a"},
        {"agreement_hash": "a"},
        {"detail": {"amount": 1}},
    ],
)
def test_whatever_an_event_says_changes_its_key(change: dict[str, Any]) -> None:
    assert content_key(event(**change)) != content_key(event())


def test_whole_numbers_are_the_same_however_they_are_written() -> None:
    assert content_key(event(detail={"amount": 10.0})) == content_key(event(detail={"amount": 10}))
    assert content_key(event(detail={"amount": 10.5})) != content_key(event(detail={"amount": 10}))
    nested = [{"corrects": "k", "detail": {"amount": n}} for n in (2, 2.0)]
    one, other = (content_key(event(event="corrected", detail=each)) for each in nested)
    assert one == other
    assert content_key(event(detail={"void": True})) != content_key(event(detail={"void": 1}))


def test_fields_do_not_run_into_each_other() -> None:
    assert content_key(event(account="ab", owner="c")) != content_key(
        event(account="a", owner="bc")
    )


def test_as_json() -> None:
    stored = Stored(id=7, recorded_at=THEN, event=event(detail={"amount": 2}))
    assert stored.to_dict() == {
        "id": 7,
        "recorded_at": "2026-03-01T09:30:00+00:00",
        "event": "won",
        "lead": "L1",
        "happened_at": "2026-03-01T09:30:00+00:00",
        "account": None,
        "owner": None,
        "model_version": None,
        "agreement_hash": None,
        "idempotency_key": "",
        "detail": {"amount": 2},
    }
