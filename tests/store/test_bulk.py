"""Many events at once are kept just as few are."""

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from sqlalchemy import select, text

from leadml.domain.event import Event
from leadml.store.bulk import FEW
from leadml.store.event_columns import event_columns
from leadml.store.ledger import Ledger
from leadml.store.recording import histories, record_in, said_after
from leadml.store.schema import EVENTS
from leadml.store.stream import events_in_order

START = datetime(2026, 1, 1, tzinfo=UTC)
NOW = START + timedelta(days=30, microseconds=7)


@pytest.fixture
def ledger(ledger_url: str) -> Iterator[Ledger]:
    with Ledger.open(ledger_url, clock=lambda: NOW) as opened:
        yield opened


def events(number: int) -> list[Event]:
    """Return events with every kind of value; some refused, some twice, some mended."""
    made = []
    for n in range(number):
        kind = ("handed_off", "won", "rejected", "lost")[n % 4]
        detail: dict[str, Any] = {
            "handed_off": {"attributes": {"source": "Wéb\t\\N", "account_size": 7}},
            "won": {"amount": 0.1 + n, "margin_amount": None},
            "rejected": {"reason": "other", "text": 'a "quote"\nand more'},
            "lost": {},
        }[kind]
        made.append(
            Event(
                event=kind if n % 50 else "sold",
                lead=f"L{n % 7}",
                happened_at=START + timedelta(hours=n, microseconds=n),
                account="Acme" if n % 3 else None,
                owner="Ann\\." if n % 5 == 0 else None,
                idempotency_key=f"k{n % (number - 3)}" if n % 2 else "",
                detail=detail,
            )
        )
    return made


def kept(ledger: Ledger) -> list[Any]:
    with ledger.database.reading() as connection:
        return list(connection.execute(select(EVENTS).order_by(EVENTS.c.id)).all())


def test_few_at_a_time_and_all_at_once_make_the_same_ledger(ledger: Ledger, tmp_path: Any) -> None:
    many = events(FEW + 40)
    many += many[5:25]
    at_once = ledger.record(many)
    with Ledger.open(f"sqlite:///{tmp_path / 'other.db'}", clock=lambda: NOW) as other:
        parts = (many[start : start + 20] for start in range(0, len(many), 20))
        assert at_once == [receipt for part in parts for receipt in other.record(part)]
        assert {receipt.status for receipt in at_once} == {"recorded", "duplicate", "refused"}
        assert kept(ledger) == kept(other)
        assert ledger.mark() == other.mark()
        assert list(ledger.states()) == list(other.states())


def test_sqlites_rows_are_byte_for_byte_the_same(tmp_path: Any) -> None:
    many = events(FEW + 50)
    tables = []
    for name, step in (("few.db", 10), ("many.db", len(many))):
        with Ledger.open(f"sqlite:///{tmp_path / name}", clock=lambda: NOW) as ledger:
            for start in range(0, len(many), step):
                ledger.record(many[start : start + step])
            with ledger.database.reading() as connection:
                tables.append(connection.execute(text("select * from ledger_events")).all())
    assert tables[0] == tables[1]


def test_an_event_may_keep_when_it_was_recorded_elsewhere(ledger: Ledger) -> None:
    many = events(FEW + 50)
    elsewhere = START + timedelta(days=20)
    with ledger.writing() as connection:
        record_in(connection, many, reasons=ledger.reasons, now=NOW, recorded={"k1": elsewhere})
    dates = {row.idempotency_key: row.recorded_at for row in kept(ledger)}
    assert dates.pop("k1") == elsewhere
    assert set(dates.values()) == {NOW}


def test_histories_of_some_leads(ledger: Ledger) -> None:
    with ledger.writing() as connection:
        assert histories(connection, ["L1"]) == {}
    ledger.record(events(40))
    with ledger.database.reading() as connection:
        found = histories(connection, ["L1", "L2", "nobody"])
    assert set(found) == {"L1", "L2"}
    assert sorted(found["L1"], key=lambda s: s.id) == sorted(
        ledger.history("L1"), key=lambda s: s.id
    )


def test_events_after_a_moment_are_counted_up_to_enough(ledger: Ledger) -> None:
    made = [
        Event(
            event="lost",
            lead=f"L{n}",
            happened_at=START + timedelta(days=n),
            idempotency_key=f"{'export-' if n % 2 else 'exportX'}{n}",
        )
        for n in range(10)
    ]
    ledger.record(made)
    with ledger.database.reading() as connection:
        after = START + timedelta(days=4)
        assert said_after(connection, "export-", after, most=20) == 3  # of days 5, 7 and 9
        assert said_after(connection, "export-", after, most=2) == 2


def test_events_in_the_order_of_recording(ledger: Ledger) -> None:
    ledger.record(events(60))
    numbers = [stored.id for stored in events_in_order(ledger)]
    assert numbers == sorted(numbers)
    assert len(numbers) > 50
    since, until = START + timedelta(hours=10), START + timedelta(hours=20)
    some = [s.event.happened_at for s in events_in_order(ledger, since=since, until=until)]
    assert some
    assert all(since <= moment < until for moment in some)


def test_columns_hold_whole_leads_in_order(ledger: Ledger) -> None:
    ledger.record(events(100))
    parts = list(event_columns(ledger, at_once=10))
    leads = [lead for part in parts for lead in dict.fromkeys(part.lead)]
    assert leads == sorted(set(leads))  # none in two parts
    assert sum(map(len, parts)) == len(kept(ledger))
