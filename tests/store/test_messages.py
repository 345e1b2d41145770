"""Scores that change something leave messages in the transaction that records them."""

import json
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from sqlalchemy import event as sqlalchemy_event
from sqlalchemy import select

from leadml.domain.event import Event
from leadml.errors import StoreError
from leadml.store.erasure import forget
from leadml.store.intake import Forgotten, Score
from leadml.store.ledger import Ledger
from leadml.store.recording import record_in
from leadml.store.schema import OUTBOX

NOW = datetime(2026, 3, 10, 12, tzinfo=UTC)
BOTH = ("band_changed", "sales_ready_crossed")


@pytest.fixture
def opened(ledger_url: str) -> Iterator[Callable[..., Ledger]]:
    ledgers = []

    def opening(**webhooks: tuple[str, ...]) -> Ledger:
        ledgers.append(Ledger.open(ledger_url, clock=lambda: NOW, webhooks=webhooks))
        return ledgers[-1]

    yield opening
    for ledger in ledgers:
        ledger.close()


def score(lead: str, minute: int, band: str = "B", ready: bool = False, **more: Any) -> Event:
    """Return a score given so many minutes after 11 o'clock."""
    moment = NOW - timedelta(hours=1) + timedelta(minutes=minute)
    detail = {"band": band, "sales_ready": ready} | more.pop("detail", {})
    return Event(event="scored", lead=lead, **{"happened_at": moment, "detail": detail, **more})


def told(ledger: Ledger) -> list[tuple[Any, ...]]:
    """Return endpoint, kind, lead, band before and band after of every message."""
    query = select(OUTBOX).order_by(OUTBOX.c.event_id, OUTBOX.c.kind, OUTBOX.c.endpoint)
    with ledger.database.reading() as connection:
        rows = [row._mapping for row in connection.execute(query)]
    found = []
    for row in rows:
        body = json.loads(row["body"])
        assert (body["id"], body["type"], body["lead"]) == (row["id"], row["kind"], row["lead"])
        assert (row["state"], row["attempts"], row["due_at"]) == ("pending", 0, NOW)
        assert body["sequence"] == row["event_id"]
        before = body["from"] and body["from"]["band"]
        found.append((row["endpoint"], row["kind"], row["lead"], before, body["to"]["band"]))
    return found


def test_every_endpoint_is_told_what_it_asked_for(opened: Callable[..., Ledger]) -> None:
    ledger = opened(crm=BOTH, mail=("sales_ready_crossed",))
    ledger.record([score("a", 0), score("b", 0, "A", ready=True)])
    assert told(ledger) == [
        ("crm", "sales_ready_crossed", "b", None, "A"),
        ("mail", "sales_ready_crossed", "b", None, "A"),
    ]
    ledger.record([score("a", 1, "C"), score("b", 1, "A", ready=True)])
    assert told(ledger)[2:] == [("crm", "band_changed", "a", "B", "C")]
    ids = [row[0] for row in rows(ledger, OUTBOX.c.id)]
    assert len(set(ids)) == 3
    assert all(name.startswith("msg_") and len(name) == 36 for name in ids)


def rows(ledger: Ledger, *columns: Any) -> list[Any]:
    with ledger.database.reading() as connection:
        return list(connection.execute(select(*columns)).all())


def test_without_webhooks_nothing_is_asked_or_written(opened: Callable[..., Ledger]) -> None:
    ledger = opened()
    assert statements(ledger, [score("a", 0, "A", ready=True)]) == statements(
        ledger, [Event(event="won", lead="a", happened_at=NOW)]
    )
    assert rows(ledger, OUTBOX.c.id) == []


def statements(ledger: Ledger, events: list[Event]) -> int:
    """Return how many statements recording some events takes."""
    ran: list[str] = []

    def note(*told: Any) -> None:
        ran.append(told[2])

    sqlalchemy_event.listen(ledger.database.engine, "before_cursor_execute", note)
    ledger.record(events)
    sqlalchemy_event.remove(ledger.database.engine, "before_cursor_execute", note)
    return len(ran)


def test_a_group_of_scores_costs_one_query_more(opened: Callable[..., Ledger]) -> None:
    plain, watched = opened(), opened(crm=BOTH)
    few = [score(f"L{n}", 0, "B") for n in range(100)]
    without = statements(plain, few)
    assert statements(watched, [score(f"L{n}", 1, "B") for n in range(100)]) == without + 1
    assert statements(watched, [score(f"L{n}", 2, "A") for n in range(100)]) == without + 2
    assert len(rows(watched, OUTBOX.c.id)) == 100
    past = [score(f"L{n}", -3000, "A") for n in range(100)]
    assert statements(watched, past) == without  # nobody is told of the past: it is not looked at


def test_the_latest_score_counts_whatever_came_between(opened: Callable[..., Ledger]) -> None:
    ledger = opened(crm=BOTH)
    ledger.record([score("a", 5, "A"), score("a", 1, "C"), score("b", 0, "D")])
    ledger.record([Event(event="handed_off", lead="a", happened_at=NOW - timedelta(minutes=50))])
    kept = len(told(ledger))
    ledger.record([score("a", 3, "D")])  # late: what it says is past
    assert len(told(ledger)) == kept
    ledger.record([score("a", 6, "B"), score("b", 6, "D")])
    assert told(ledger)[kept:] == [("crm", "band_changed", "a", "A", "B")]


def test_of_two_scores_within_a_second_the_one_recorded_later_counts(
    opened: Callable[..., Ledger],
) -> None:
    ledger = opened(crm=BOTH)
    ledger.record([score("a", 0, "B", idempotency_key="z")])
    ledger.record([score("a", 0, "A", idempotency_key="y")])
    ledger.record([score("a", 0, "C", idempotency_key="x"), score("a", 0, "D")])
    assert [row[3:] for row in told(ledger)] == [("B", "A"), ("A", "C"), ("C", "D")]


def test_the_same_score_again_tells_nothing_again(opened: Callable[..., Ledger]) -> None:
    ledger = opened(crm=BOTH)
    first, second = score("a", 0), score("a", 1, "A")
    for _ in range(2):
        ledger.record([first, second, second])
    assert told(ledger) == [("crm", "band_changed", "a", "B", "A")]


def test_corrections_tell_nothing_and_change_what_is_compared(
    opened: Callable[..., Ledger],
) -> None:
    ledger = opened(crm=BOTH)
    ledger.record([score("a", 0, "B"), score("a", 1, "A", idempotency_key="wrong"), score("b", 0)])
    void = {"corrects": "wrong", "void": True}
    ledger.record([Event(event="corrected", lead="a", happened_at=NOW, detail=void)])
    assert told(ledger) == [("crm", "band_changed", "a", "B", "A")]
    ledger.record([score("a", 2, "C"), score("b", 2, "B")])
    assert told(ledger)[1:] == [("crm", "band_changed", "a", "B", "C")]


def journalled(lead: str, minute: int, band: str, **more: Any) -> Score:
    """Return a score as it comes from the journal."""
    moment = NOW - timedelta(hours=1) + timedelta(minutes=minute)
    given = moment.isoformat(timespec="microseconds").replace("+00:00", "Z")
    detail = json.dumps({"band": band, "sales_ready": False} | more, separators=(",", ":"))
    return Score((f"{lead}-{minute}-{band}",), lead, "Acme", None, given, "7", "abc", detail)


def test_scores_of_the_journal_tell_the_same(opened: Callable[..., Ledger]) -> None:
    ledger, quiet = opened(crm=BOTH), opened()
    first = [journalled("a", 0, "B"), journalled("b", 0, "B", text='a \\"shadow\\":true story')]
    assert ledger.take(first, Forgotten())[0] == 2
    for _ in range(2):
        ledger.take([journalled("a", 2, "A"), journalled("b", 2, "A")], Forgotten())
    assert told(ledger) == [
        ("crm", "band_changed", "a", "B", "A"),
        ("crm", "band_changed", "b", "B", "A"),
    ]
    quiet.take([journalled("a", 3, "C")], Forgotten())
    assert len(told(ledger)) == 2


def test_scores_in_the_shadow_are_not_what_a_lead_had(opened: Callable[..., Ledger]) -> None:
    ledger = opened(crm=BOTH)
    shadow = [journalled("a", minute, "D", shadow=True) for minute in (2, 3)]
    ledger.take([journalled("a", 0, "B"), *shadow], Forgotten())
    assert told(ledger) == []
    ledger.take([journalled("a", 5, "A"), journalled("a", 6, "D", shadow=True)], Forgotten())
    assert told(ledger) == [("crm", "band_changed", "a", "B", "A")]
    ledger.take([journalled("c", 0, "D", shadow=True)], Forgotten())  # and nothing else of it
    ledger.take([journalled("c", 1, "A", sales_ready=True)], Forgotten())
    assert told(ledger)[1:] == [("crm", "sales_ready_crossed", "c", None, "A")]


def test_imports_tell_nobody(opened: Callable[..., Ledger]) -> None:
    ledger = opened(crm=BOTH)
    with ledger.writing() as connection:
        record_in(connection, [score("a", 0, "A", ready=True)], reasons=(), now=NOW)
    assert told(ledger) == []


def test_what_is_not_kept_is_not_told(opened: Callable[..., Ledger]) -> None:
    ledger = opened(crm=BOTH)

    def stopped() -> None:
        with ledger.writing() as connection:
            new = [score("a", 0, "A", ready=True)]
            record_in(connection, new, reasons=(), now=NOW, webhooks=ledger.webhooks)
            assert len(connection.execute(select(OUTBOX.c.id)).all()) == 1
            msg = "before the commit"
            raise RuntimeError(msg)

    with pytest.raises(RuntimeError, match="before the commit"):
        stopped()
    assert told(ledger) == []


def test_a_refused_score_is_not_told(opened: Callable[..., Ledger]) -> None:
    ledger = opened(crm=BOTH)
    forget(ledger, "gone")
    future = score("a", 0, "A", ready=True, happened_at=NOW + timedelta(hours=1))
    receipts = ledger.record([score("gone", 0, "A", ready=True), future])
    assert [receipt.status for receipt in receipts] == ["refused", "refused"]
    assert told(ledger) == []


def test_forgetting_a_lead_takes_its_messages_along(opened: Callable[..., Ledger]) -> None:
    ledger = opened(crm=BOTH)
    ledger.record([score("a", 0, "A", ready=True), score("b", 0, "A", ready=True)])
    forget(ledger, "a")
    assert [row[2] for row in told(ledger)] == ["b"]


def test_very_many_leads_at_once(opened: Callable[..., Ledger]) -> None:
    ledger = opened(crm=BOTH)
    ledger.record([score(f"L{n}", 0, "B") for n in range(1_200)])
    ledger.record([score(f"L{n}", 1, "A" if n % 3 == 0 else "B") for n in range(1_200)])
    assert len(told(ledger)) == 400


def test_a_ledger_of_the_revision_before_says_what_to_do(ledger_url: str) -> None:
    from leadml.store.migration import migrate

    Ledger.open(ledger_url).close()
    migrate(ledger_url, to="0002")
    with pytest.raises(StoreError, match="leadml ledger migrate"):
        Ledger.open(ledger_url, webhooks={"crm": BOTH})
