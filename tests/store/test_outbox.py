"""Messages are claimed by one sender at a time, and nothing of what became of them is lost."""

import threading
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from sqlalchemy import select

from leadml.store.ledger import Ledger
from leadml.store.outbox import KEPT_DEAD, KEPT_DELIVERED, MOST_ERROR, Outbox, Outgoing, Post
from leadml.store.schema import OUTBOX

START = datetime(2026, 3, 10, 12, tzinfo=UTC)
HOLD = timedelta(minutes=1)


class Clock:
    """The present, as it is set."""

    def __init__(self) -> None:
        self.present = START

    def __call__(self) -> datetime:
        return self.present

    def on(self, **more: float) -> None:
        self.present += timedelta(**more)


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def ledger(ledger_url: str, clock: Clock) -> Iterator[Ledger]:
    with Ledger.open(ledger_url, clock=clock) as opened:
        yield opened


def queue(ledger: Ledger, *names: str, endpoint: str = "crm", first: int = 1) -> None:
    """Put messages into the outbox, of events numbered from the first on."""
    with ledger.writing() as connection:
        for number, name in enumerate(names, first):
            connection.execute(
                OUTBOX.insert().values(
                    id=name,
                    endpoint=endpoint,
                    kind="band_changed",
                    lead="L1",
                    event_id=number,
                    body=f'{{"id":"{name}"}}',
                    state="pending",
                    queued_at=ledger.now(),
                    due_at=ledger.now(),
                    attempts=0,
                )
            )


def row(ledger: Ledger, name: str) -> Any:
    with ledger.database.reading() as connection:
        return connection.execute(select(OUTBOX).where(OUTBOX.c.id == name)).one()


def claimed(outbox: Outbox, endpoint: str = "crm") -> Outgoing:
    sent = outbox.claim(endpoint, hold=HOLD)
    assert sent is not None
    return sent


def test_the_oldest_is_claimed_first_and_by_one_alone(ledger: Ledger) -> None:
    outbox = Outbox(ledger)
    queue(ledger, "two", first=2)
    queue(ledger, "one")
    queue(ledger, "other", endpoint="chat")
    first, second = claimed(outbox), claimed(outbox)
    assert first == Outgoing(
        id="one", endpoint="crm", kind="band_changed", body='{"id":"one"}', attempts=1
    )
    assert second.id == "two"
    assert outbox.claim("crm", hold=HOLD) is None
    assert not outbox.is_due("crm")
    assert outbox.is_due("chat")
    assert not outbox.is_due("nobody")


def test_whose_sender_ended_is_sent_again_under_the_same_name(ledger: Ledger, clock: Clock) -> None:
    outbox = Outbox(ledger)
    queue(ledger, "one")
    lost = claimed(outbox)
    clock.on(seconds=59)
    assert not outbox.is_due("crm")
    clock.on(seconds=1)
    again = claimed(outbox)
    assert (again.id, again.body, again.attempts) == (lost.id, lost.body, 2)
    outbox.failed(lost, "too late", again_at=START)  # of the sender that was taken for dead
    assert row(ledger, "one").error is None
    outbox.delivered(lost)  # it was received, whoever says so
    assert outbox.posts()["crm"].delivered_last_day == 1
    outbox.give_up(again, "no answer")
    assert row(ledger, "one").state == "delivered"


def test_what_failed_is_due_again_then_and_keeps_its_error(ledger: Ledger, clock: Clock) -> None:
    outbox = Outbox(ledger)
    queue(ledger, "one")
    outbox.failed(claimed(outbox), "HTTP 500" + "x" * 999, again_at=START + timedelta(hours=1))
    assert not outbox.is_due("crm")
    post = outbox.posts()["crm"]
    assert post.last_error is not None
    assert (post.last_error[:9], len(post.last_error)) == ("HTTP 500x", MOST_ERROR)
    assert (post.pending, post.oldest_pending, post.last_error_at) == (1, START, START)
    clock.on(hours=1)
    assert claimed(outbox).attempts == 2


def test_what_was_delivered_keeps_no_content(ledger: Ledger) -> None:
    outbox = Outbox(ledger)
    queue(ledger, "one")
    sent = claimed(outbox)
    outbox.failed(sent, "HTTP 500", again_at=START)
    outbox.delivered(claimed(outbox))
    kept = row(ledger, "one")
    assert (kept.state, kept.body, kept.error, kept.finished_at) == ("delivered", None, None, START)
    assert outbox.posts() == {"crm": Post(delivered_last_day=1)}


def test_dead_letters_are_listed_and_sent_again(ledger: Ledger, clock: Clock) -> None:
    outbox = Outbox(ledger)
    queue(ledger, "one", "two", "three")
    for _ in range(2):
        clock.on(minutes=1)
        outbox.give_up(claimed(outbox), "HTTP 404")
    letters = outbox.dead(limit=10)
    assert [letter.id for letter in letters] == ["two", "one"]
    assert letters[0].to_dict() == {
        "id": "two",
        "endpoint": "crm",
        "kind": "band_changed",
        "lead": "L1",
        "queued_at": "2026-03-10T12:00:00+00:00",
        "finished_at": "2026-03-10T12:02:00+00:00",
        "attempts": 1,
        "error": "HTTP 404",
    }
    assert [letter.id for letter in outbox.dead(limit=1)] == ["two"]
    assert outbox.counts() == {"pending": 1, "delivered": 0, "dead": 2}
    assert outbox.retry(["one", "three", "unknown"]) == 1  # three is no dead letter
    assert row(ledger, "one").queued_at == clock.present
    assert claimed(outbox).attempts == 1
    assert outbox.retry() == 1
    assert outbox.counts() == {"pending": 3, "delivered": 0, "dead": 0}
    assert row(ledger, "two").finished_at is None


def test_all_or_the_old_ones_are_given_up(ledger: Ledger, clock: Clock) -> None:
    outbox = Outbox(ledger)
    queue(ledger, "old")
    clock.on(hours=1)
    queue(ledger, "new", "newer")
    queue(ledger, "other", endpoint="chat")
    assert outbox.give_up_all("crm", "given up", before=clock.present) == 1
    assert [letter.id for letter in outbox.dead(limit=9)] == ["old"]
    assert outbox.give_up_all("crm", "gone") == 2
    assert outbox.posts()["chat"].pending == 1
    assert outbox.posts()["crm"] == Post(dead=3)


def test_what_is_long_done_is_taken_out(ledger: Ledger, clock: Clock) -> None:
    outbox = Outbox(ledger)
    queue(ledger, "sent", "dead", "waits")
    outbox.delivered(claimed(outbox))
    outbox.give_up(claimed(outbox), "HTTP 404")
    queue(ledger, "lost", endpoint="removed")
    clock.on(days=1, seconds=1)
    assert outbox.posts()["crm"].delivered_last_day == 0
    clock.on(seconds=KEPT_DELIVERED.total_seconds() - 86_401)
    outbox.tidy(["crm"])
    assert outbox.counts() == {"pending": 1, "delivered": 1, "dead": 2}  # to the day, and no less
    assert "not in leadml.toml any more" in outbox.dead(limit=1)[0].error
    clock.on(seconds=1)
    outbox.tidy(["crm"])
    assert outbox.counts() == {"pending": 1, "delivered": 0, "dead": 2}
    clock.on(seconds=(KEPT_DEAD - KEPT_DELIVERED).total_seconds())
    outbox.tidy(["crm"])
    assert outbox.counts() == {"pending": 1, "delivered": 0, "dead": 1}


def test_several_senders_at_once_never_hold_the_same(ledger_url: str) -> None:
    names = [f"m{n:03}" for n in range(40)]
    with Ledger.open(ledger_url) as ledger:
        queue(ledger, *names)
    held: list[str] = []
    begin = threading.Barrier(4)

    def send() -> None:
        with Ledger.open(ledger_url) as own:
            outbox = Outbox(own)
            begin.wait()
            while outbox.is_due("crm"):
                sent = outbox.claim("crm", hold=HOLD)
                if sent is not None:
                    held.append(sent.id)
                    outbox.delivered(sent)

    threads = [threading.Thread(target=send) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(held) == names
