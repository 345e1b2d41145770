"""Messages arrive at least once: through failures, pauses and crashes, or end as dead letters."""

import logging
import socket
import threading
from collections.abc import Iterator
from contextlib import suppress
from datetime import UTC, datetime, timedelta
from random import Random
from typing import Any

import pytest
from sqlalchemy import select

from leadml.domain.crossing import KINDS
from leadml.domain.event import Event
from leadml.domain.webhook import Endpoint, delay
from leadml.domain.webhook_signature import key_of, signed
from leadml.errors import StoreError
from leadml.store.ledger import Ledger
from leadml.store.outbox import Outbox
from leadml.store.schema import OUTBOX
from leadml.workflows.webhook_delivery import (
    AWAY_SECONDS,
    IDLE_SECONDS,
    Delivery,
    wished_seconds,
)

START = datetime(2026, 3, 10, 12, tzinfo=UTC)
KEYS = (key_of("a" * 32), key_of("b" * 32))
LEAD = "Erika-Mustermann-4711"


class World:
    """A ledger with one endpoint, a clock that is set by hand, and a delivery."""

    def __init__(self, url: str, address: str, **more: Any) -> None:
        self.now = START
        self.endpoint = Endpoint(url=address, **more)
        self.ledger = Ledger.open(url, clock=lambda: self.now, webhooks={"crm": KINDS})
        self.outbox = Outbox(self.ledger)
        self.delivery = self.another()

    def another(self, **more: Any) -> Delivery:
        given = {"known": ("crm",), "random": Random(7), "keys": KEYS} | more
        return Delivery(lambda: self.outbox, "crm", self.endpoint, **given)

    def ready(self, *leads: str) -> None:
        """Record a first score of each lead: ready for sales."""
        self.ledger.record(
            [
                Event(
                    event="scored",
                    lead=lead,
                    happened_at=self.now,
                    detail={"band": "A", "sales_ready": True},
                )
                for lead in leads
            ]
        )

    def on(self, seconds: float) -> None:
        self.now += timedelta(seconds=seconds)

    def run(self) -> None:
        """Send until nothing is left to do for now."""
        while not self.delivery.step():
            pass

    def close(self) -> None:
        self.delivery.close()
        self.ledger.close()

    @property
    def due(self) -> list[float]:
        """Seconds until each waiting message is tried again, in the order of the messages."""
        query = select(OUTBOX.c.due_at).where(OUTBOX.c.state == "pending")
        with self.ledger.database.reading() as connection:
            rows = connection.execute(query.order_by(OUTBOX.c.event_id)).all()
        return [(row[0] - self.now).total_seconds() for row in rows]


@pytest.fixture
def world(tmp_path: Any, receiver: Any) -> Iterator[World]:
    made = World(f"sqlite:///{tmp_path / 'ledger.db'}", receiver.url)
    yield made
    made.close()


@pytest.fixture
def either(ledger_url: str, receiver: Any) -> Iterator[World]:
    """Return a world on SQLite and on PostgreSQL in turn, where the database does the work."""
    made = World(ledger_url, receiver.url)
    yield made
    made.close()


def test_a_message_arrives_signed_and_is_not_sent_again(world: World, receiver: Any) -> None:
    world.ready("L1")
    assert world.delivery.step() == 0
    assert world.delivery.step() == IDLE_SECONDS
    ((headers, body),) = receiver.taken
    identity = headers["webhook-id"]
    told = signed(KEYS, identity=identity, timestamp=int(START.timestamp()), body=body)
    assert {name: headers[name] for name in told} == told
    assert len(told["webhook-signature"].split()) == 2  # of two secrets, while one is changed
    assert headers["idempotency-key"] == identity
    assert headers["content-type"] == "application/json"
    assert headers["user-agent"].startswith("leadml/")
    assert headers["accept-encoding"] == "identity"
    assert f'"id":"{identity}"'.encode() in body
    assert b'"lead":"L1"' in body
    assert world.outbox.counts() == {"pending": 0, "delivered": 1, "dead": 0}


def test_two_failures_then_success(either: World, receiver: Any) -> None:
    either.ready("L1")
    receiver.answers = [(500, {}), (503, {})]
    either.run()
    (first,) = either.due
    assert 4 <= first <= 6  # 5 s, a fifth more or less
    either.on(first)
    either.run()
    (second,) = either.due
    assert 16 <= second <= 24  # 20 s, a fifth more or less
    either.on(second - 1)
    either.run()
    assert len(receiver.taken) == 2
    either.on(1)
    either.run()
    assert len(receiver.taken) == 3
    assert len(set(receiver.ids)) == 1
    bodies = {body for _, body in receiver.taken}
    assert len(bodies) == 1
    times = [int(headers["webhook-timestamp"]) for headers, _ in receiver.taken]
    assert times == sorted(set(times))  # each try is signed for its own time
    assert either.outbox.counts()["delivered"] == 1


def test_a_sender_that_dies_after_sending_leaves_the_message_to_the_next(
    either: World, receiver: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    either.ready("L1")

    def killed(sent: object) -> None:
        msg = "killed before it was noted"
        raise KeyboardInterrupt(msg)

    with monkeypatch.context() as patched:
        patched.setattr(either.outbox, "delivered", killed)
        with pytest.raises(KeyboardInterrupt, match="killed"):
            either.delivery.step()
    either.run()
    assert len(receiver.taken) == 1  # it may still be under way
    either.on(15 + 30)
    either.run()
    assert len(receiver.taken) == 2
    assert len(set(receiver.ids)) == 1  # the same name: the receiver knows it
    assert either.outbox.counts() == {"pending": 0, "delivered": 1, "dead": 0}


def test_an_endpoint_in_trouble_is_left_alone(world: World, receiver: Any) -> None:
    world.ready(*(f"L{n}" for n in range(6)))
    receiver.answers = [(500, {})] * 5
    world.run()
    assert len(receiver.taken) == 3  # in a row; then 5 s of rest before any message is tried
    world.on(4.9)
    world.run()
    assert len(receiver.taken) == 3
    world.on(0.2)
    world.run()
    assert len(receiver.taken) == 4
    world.on(9.9)  # 10 s now
    world.run()
    assert len(receiver.taken) == 4
    world.on(0.2)
    world.run()
    assert len(receiver.taken) == 5
    world.on(60)
    world.run()
    assert world.outbox.counts() == {"pending": 0, "delivered": 6, "dead": 0}


def test_an_endpoint_that_recovered_starts_anew(
    world: World, receiver: Any, caplog: pytest.LogCaptureFixture
) -> None:
    world.ready(*(f"L{n}" for n in range(5)))
    receiver.answers = [(500, {})] * 4
    world.run()
    world.on(5.1)
    world.run()
    assert len(receiver.taken) == 4
    world.on(60)
    world.run()
    assert caplog.text.count("webhook crm: takes messages again") == 1
    taken = len(receiver.taken)
    world.ready("M1", "M2", "M3", "M4")
    receiver.answers = [(500, {})] * 3
    world.run()
    assert len(receiver.taken) == taken + 3
    world.on(5.1)  # not 20 s, as after five failures in a row
    world.run()
    assert len(receiver.taken) > taken + 3
    assert caplog.text.count("messages wait: HTTP 500") == 2


def test_a_failure_now_and_then_holds_up_nothing(
    world: World, receiver: Any, caplog: pytest.LogCaptureFixture
) -> None:
    world.ready("L1", "L2", "L3", "L4", "L5")
    receiver.answers = [(500, {}), (502, {}), (204, {}), (500, {}), (503, {})]
    world.run()
    assert len(receiver.taken) == 5
    assert world.outbox.counts() == {"pending": 4, "delivered": 1, "dead": 0}
    assert caplog.text == ""


def test_no_cookie_is_kept(world: World, receiver: Any) -> None:
    world.ready("L1", "L2")
    receiver.answers = [(204, {"Set-Cookie": "session=1; Path=/"})]
    world.run()
    assert [headers.get("cookie") for headers, _ in receiver.taken] == [None, None]


def test_a_clock_that_is_set_back_does_not_leave_an_endpoint_alone(
    world: World, receiver: Any
) -> None:
    world.ready("L1")
    receiver.answers = [(503, {"Retry-After": "600"})]
    world.run()
    world.on(-3600)
    world.ready("L2")
    world.run()
    assert len(receiver.taken) == 2


def test_a_message_that_is_refused_holds_up_no_other(world: World, receiver: Any) -> None:
    world.ready("L1", "L2")
    receiver.answers = [(400, {})]
    world.run()
    assert len(receiver.taken) == 2
    assert world.outbox.counts() == {"pending": 1, "delivered": 1, "dead": 0}


@pytest.mark.parametrize("status", [429, 503])
def test_an_endpoint_says_when_it_wants_to_be_asked_again(
    world: World, receiver: Any, status: int
) -> None:
    world.ready("L1", "L2")
    receiver.answers = [(status, {"Retry-After": "120"})]
    world.run()
    assert world.due[0] == 120
    world.on(119)
    world.run()
    assert len(receiver.taken) == 1  # for no message
    world.on(1)
    world.run()
    assert len(receiver.taken) == 3


def test_after_the_last_try_a_message_is_a_dead_letter(
    tmp_path: Any, receiver: Any, caplog: pytest.LogCaptureFixture
) -> None:
    world = World(f"sqlite:///{tmp_path / 'ledger.db'}", receiver.url, attempts=3)
    world.ready(LEAD)
    receiver.answers = [(404, {"Location": "/elsewhere"})] * 3
    for _ in range(3):
        world.run()
        world.on(delay(3))
    (letter,) = world.outbox.dead(limit=9)
    assert (letter.attempts, letter.error, letter.lead) == (3, "HTTP 404", LEAD)
    assert len(receiver.taken) == 3
    assert "given up after 3 tries: HTTP 404" in caplog.text
    assert LEAD not in caplog.text
    assert "token-4711" not in caplog.text
    world.outbox.retry([letter.id])
    world.run()
    assert receiver.ids == [letter.id] * 4
    assert world.outbox.counts()["delivered"] == 1
    world.close()


def test_redirects_are_not_followed(world: World, receiver: Any) -> None:
    world.ready("L1")
    receiver.answers = [(307, {"Location": receiver.url})]
    world.run()
    assert len(receiver.taken) == 1
    assert world.outbox.posts()["crm"].last_error == "HTTP 307"


def test_an_endpoint_that_is_gone_gets_nothing_more(
    world: World, receiver: Any, caplog: pytest.LogCaptureFixture
) -> None:
    world.ready("L1", "L2", "L3")
    receiver.answers = [(429, {"Retry-After": "1"}), (410, {})]
    world.run()
    world.on(30)
    world.run()
    assert len(receiver.taken) == 2
    assert "takes messages again" not in caplog.text
    errors = {letter.error for letter in world.outbox.dead(limit=9)}
    assert errors == {"HTTP 410: the endpoint wants no more messages"}
    assert world.outbox.counts()["dead"] == 3
    assert "3 messages given up" in caplog.text


def test_what_waits_too_long_for_a_dead_endpoint_is_given_up(
    world: World, receiver: Any, caplog: pytest.LogCaptureFixture
) -> None:
    world.ready("L1", "L2", "L3", "L4")
    patience = world.endpoint.patience
    world.on(patience + 1)
    world.ready("L5")
    receiver.answers = [(500, {})] * 3
    world.run()
    assert len(receiver.taken) == 3  # the fourth was not tried, and is as old
    assert world.outbox.counts() == {"pending": 1, "delivered": 0, "dead": 4}
    assert "4 messages given up: HTTP 500" in caplog.text
    assert "given up: HTTP 500" in world.outbox.dead(limit=1)[0].error


def closed_port() -> int:
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        return int(free.getsockname()[1])


def test_nobody_there(tmp_path: Any, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.INFO)
    url = f"http://127.0.0.1:{closed_port()}/hook/token-4711"
    world = World(f"sqlite:///{tmp_path / 'ledger.db'}", url)
    world.ready(LEAD)
    for _ in range(6):
        world.run()
        world.on(2_000)
    error = world.outbox.posts()["crm"].last_error or ""
    assert "refused" in error
    told = caplog.text
    assert told.count("webhook crm: messages wait") == 1  # once, not at each try
    assert "token-4711" not in told + error
    assert LEAD not in told + error
    world.close()


def test_an_answer_that_does_not_come_ends_the_waiting(tmp_path: Any) -> None:
    with socket.create_server(("127.0.0.1", 0)) as silent:
        url = f"http://127.0.0.1:{silent.getsockname()[1]}/"
        world = World(f"sqlite:///{tmp_path / 'ledger.db'}", url, timeout=1)
        world.ready("L1")
        world.run()
        assert world.outbox.posts()["crm"].last_error == "no answer within 1 seconds"
        world.close()


def test_a_long_answer_is_not_read_to_its_end(tmp_path: Any) -> None:
    sent = 0

    def answer(server: socket.socket) -> None:
        nonlocal sent
        connection, _ = server.accept()
        with connection, suppress(OSError):
            while not connection.recv(65_536).endswith(b"}"):
                pass
            connection.sendall(b"HTTP/1.1 200 OK\r\ncontent-length: 1000000000\r\n\r\n")
            while sent < 1_000_000_000:
                sent += connection.send(b"x" * 100_000)

    with socket.create_server(("127.0.0.1", 0)) as server:
        thread = threading.Thread(target=answer, args=(server,))
        thread.start()
        url = f"http://127.0.0.1:{server.getsockname()[1]}/"
        world = World(f"sqlite:///{tmp_path / 'ledger.db'}", url)
        world.ready("L1")
        world.run()
        thread.join()
        assert world.outbox.counts()["delivered"] == 1
        assert sent < 15_000_000  # what fits into the buffers between the two
        world.close()


def test_a_ledger_that_is_away_is_said_once(
    world: World, receiver: Any, caplog: pytest.LogCaptureFixture
) -> None:
    away = True

    def outbox() -> Outbox:
        if away:
            msg = "the ledger is locked"
            raise StoreError(msg)
        return world.outbox

    delivery = Delivery(outbox, "crm", world.endpoint, KEYS, known=("crm",), random=Random(7))
    world.ready("L1")
    assert [delivery.step(), delivery.step()] == [AWAY_SECONDS] * 2
    assert caplog.text.count("messages wait: the ledger is locked") == 1
    away = False
    assert delivery.step() == 0
    assert len(receiver.taken) == 1
    delivery.close()


def test_messages_are_tidied_once_an_hour(world: World) -> None:
    world.ready("L1")
    world.run()
    world.on(8 * 86_400)
    world.run()
    assert world.outbox.counts() == {"pending": 0, "delivered": 0, "dead": 0}


def test_forgotten_while_it_waits(world: World, receiver: Any) -> None:
    from leadml.store.erasure import forget

    world.ready("L1", "L2")
    receiver.answers = [(500, {})]
    world.run()
    assert len(receiver.taken) == 2  # L1 failed and waits
    forget(world.ledger, "L1")
    world.on(60)
    world.run()
    assert len(receiver.taken) == 2


@pytest.mark.parametrize(
    ("text", "seconds"),
    [
        ("120", 120),
        (" 7 ", 7),
        ("", 0),
        ("-5", 0),
        ("soon", 0),
        ("1e3", 0),
        ("٣", 0),
        ("99999999999999999999", 86_400),
        ("Tue, 10 Mar 2026 12:00:30 GMT", 30),
        ("Tue, 10 Mar 2026 11:00:00 GMT", 0),
        ("Tue, 10 Mar 2126 11:00:00 GMT", 86_400),
        ("Tue, 10 Mar 2026 12:00:30 -0000", 30),
    ],
)
def test_what_an_endpoint_may_wish(text: str, seconds: float) -> None:
    assert wished_seconds(text, START) == seconds
