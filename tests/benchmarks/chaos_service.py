"""A real service with workers, callers who ask it all the time, and what the ledger says then."""

import ctypes
import http.client
import json
import os
import re
import resource
import signal
import socket
import subprocess
import sys
import tempfile
import threading
import time
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

from leadml.domain.definition import Definition
from leadml.domain.mapping import LeadMapping
from leadml.model.bundle import write_alias, write_bundle
from leadml.model.scorecard import Levels, Machine, Scorecard, Steps
from leadml.settings import load_settings
from leadml.snapshot.features import Feature, FeatureSet
from leadml.store.ledger import Ledger
from leadml.workflows.intake import journal_of

HOST = "127.0.0.1"
START_SECONDS = 60.0
DRAIN_SECONDS = 45.0
TIMEOUT_SECONDS = 20.0
PROMPT_SECONDS = 1.0
"""A caller who waits longer is not served."""
FILES = 16_000
"""Open files of service and callers, where the machine allows as many."""
_PR_SET_PDEATHSIG = 1

FEATURES = (
    Feature(name="budget", kind="number", column="budget"),
    Feature(name="source", kind="text", column="source", levels=("Ads", "Web")),
)
CARD = Scorecard(
    -1.0,
    (
        Steps(0, cuts=(1000.0,), values=(0.0, 1.0), missing=-0.5),
        Levels(1, values=(0.5, -0.5), missing=0.0),
    ),
)
MANIFEST = {
    "trained_at": "2026-01-01T00:00:00+00:00",
    "chosen": "additive boosting",
    "columns": ["lead_id", "budget", "source"],
    "threshold": {"probability": 0.5, "basis": "guaranteed", "low": 0.31},
    "bands": {"A": 0.6, "B": 0.3, "C": 0.1},
    "leads": 900,
    "won": 210,
    "data_window": {"from": "2024-07-01T00:00:00Z", "to": "2025-06-30T00:00:00Z", "as_of": None},
    "out_of_time": {"log_loss": 0.41, "auc": 0.7},
}


def write_version(models: Path, version: str) -> Path:
    """Write a small additive version."""
    folder = models / "versions" / version
    folder.mkdir(parents=True)
    write_bundle(
        folder,
        manifest=MANIFEST,
        definition=Definition(leads=LeadMapping(id="lead_id", source="source")),
        features=FeatureSet(FEATURES, frozenset({"n/a"}), "UTC"),
        machine=Machine(cards=((1.0, CARD),), center=(0.0, 0.0)),
        trained_on=["old"],
    )
    return folder


@dataclass
class Company:
    """A folder with a configuration and two versions, the first of which serves."""

    folder: Path
    url: str = ""
    journal: str = ""
    environment: dict[str, str] = field(default_factory=dict)

    def __post_init__(self) -> None:
        store = f'[store]\nurl = "{self.url or "sqlite:///ledger.db"}"\n'
        store += f'journal = "{self.journal}"\n' if self.journal else ""
        (self.folder / "leadml.toml").write_text('[leads]\nid = "lead_id"\n' + store, "utf-8")
        for version in ("1", "2"):
            write_version(self.models, version)
        self.serve("1")

    @property
    def models(self) -> Path:
        return self.folder / "models"

    def serve(self, version: str) -> None:
        """Make a version the champion, as `leadml promote` does once it has verified it."""
        write_alias(self.models, "champion", version)

    def kept(self, leads: "list[str]") -> Counter[str]:
        """Return how many scores the ledger holds of each lead; wait until the journal is empty."""
        settings = load_settings(self.folder / "leadml.toml")
        journal = journal_of(settings)
        deadline = time.monotonic() + DRAIN_SECONDS
        with Ledger.open(settings.store_url) as ledger:
            while True:
                counted = Counter(
                    stored.event.lead
                    for of_lead in ledger.leads()
                    for stored in of_lead
                    if stored.event.event == "scored"
                )
                waits = bool(journal and journal.held())
                if (not waits and all(counted[n] for n in leads)) or time.monotonic() > deadline:
                    return counted
                time.sleep(0.2)


class Service:
    """`leadml serve` with its workers, as a user starts it."""

    def __init__(self, company: Company, workers: int) -> None:
        self.log = company.folder / "service.log"
        words = [sys.executable, "-m", "leadml", "serve", "--port", "0", "--workers", str(workers)]
        with self.log.open("ab") as log:
            self.process = subprocess.Popen(
                words,
                cwd=company.folder,
                stdout=log,
                stderr=log,
                env=dict(os.environ) | company.environment,
                preexec_fn=_end_with_parent,
            )
        self.port = self._told_port()

    @property
    def workers(self) -> list[int]:
        """Numbers of the processes that answer."""
        children = Path(f"/proc/{self.process.pid}/task/{self.process.pid}/children")
        found = []
        for word in children.read_text("ascii").split():
            try:
                line = Path(f"/proc/{word}/cmdline").read_bytes()
            except OSError:
                continue
            if b"resource_tracker" not in line:
                found.append(int(word))
        return found or [self.process.pid]

    def stop(self) -> int:
        """End in good order; return the exit code."""
        self.process.send_signal(signal.SIGTERM)
        try:
            return self.process.wait(30)
        except subprocess.TimeoutExpired:
            self.process.kill()
            return self.process.wait()

    def _told_port(self) -> int:
        deadline = time.monotonic() + START_SECONDS
        while time.monotonic() < deadline and self.process.poll() is None:
            told = re.search(rb"leadml serves http://127\.0\.0\.1:(\d+)", self.log.read_bytes())
            if told:
                return int(told[1])
            time.sleep(0.02)
        self.process.kill()
        msg = f"the service does not start: {self.log.read_text('utf-8')[-2000:]}"
        raise SystemExit(msg)


def _end_with_parent() -> None:
    ctypes.CDLL(None).prctl(_PR_SET_PDEATHSIG, signal.SIGTERM)
    _, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (min(FILES, hard), hard))


@contextmanager
def serving(company: Company, workers: int) -> Iterator[Service]:
    service = Service(company, workers)
    try:
        yield service
    finally:
        service.stop()


@dataclass(frozen=True)
class Asked:
    """One request: when its answer came, for which lead, what came of it and how long it took."""

    at: float
    lead: str
    result: str  # "recorded", "not recorded", or the kind of error
    version: str
    seconds: float

    @property
    def is_recorded(self) -> bool:
        return self.result == "recorded"

    @property
    def is_well(self) -> bool:
        return self.is_recorded and self.seconds <= PROMPT_SECONDS


class Load:
    """Callers with a connection each, who ask for a new lead's score at a constant rate.

    A caller whose connection breaks makes a new one for its next lead; nothing is asked twice.
    """

    def __init__(self, port: int, *, rate: float, callers: int, name: str) -> None:
        self._port = port
        self.rate = rate
        self._pause = callers / rate
        self._name = name
        self._end = threading.Event()
        self._lock = threading.Lock()
        self.asked: list[Asked] = []
        self._threads = [threading.Thread(target=self._ask, args=(n,)) for n in range(callers)]

    def __enter__(self) -> "Load":
        for thread in self._threads:
            thread.start()
        return self

    def __exit__(self, *error: object) -> None:
        self._end.set()
        for thread in self._threads:
            thread.join()

    def _ask(self, caller: int) -> None:
        connection = self._connection()
        due = time.monotonic() + self._pause * caller / len(self._threads)
        number = 0
        while not self._end.wait(max(0.0, due - time.monotonic())):
            number += 1
            due += self._pause
            lead = f"{self._name}-{caller}-{number}"
            began = time.monotonic()
            result, version = self._one(connection, lead)
            now = time.monotonic()
            if not version:
                connection.close()
                connection = self._connection()
            with self._lock:
                self.asked.append(Asked(now, lead, result, version, now - began))
        connection.close()

    def _connection(self) -> http.client.HTTPConnection:
        return http.client.HTTPConnection(HOST, self._port, timeout=TIMEOUT_SECONDS)

    @staticmethod
    def _one(connection: http.client.HTTPConnection, lead: str) -> tuple[str, str]:
        body = json.dumps({"lead": {"lead_id": lead, "budget": 500 + len(lead), "source": "Web"}})
        try:
            connection.request("POST", "/v1/score", body, {"Content-Type": "application/json"})
            answer = connection.getresponse()
            told = answer.read()
        except TimeoutError:
            return "timeout", ""
        except ConnectionRefusedError:
            return "refused", ""
        except (OSError, http.client.HTTPException):
            return "connection lost", ""
        if answer.status != 200:
            return f"status {answer.status}", ""
        found = json.loads(told)
        return ("recorded" if found["recorded"] else "not recorded"), found["model_version"]


def get(port: int, path: str) -> tuple[int, bytes]:
    """Ask for something besides the load."""
    connection = http.client.HTTPConnection(HOST, port, timeout=TIMEOUT_SECONDS)
    try:
        connection.request("GET", path)
        answer = connection.getresponse()
        return answer.status, answer.read()
    finally:
        connection.close()


def raise_file_limit() -> int:
    """Allow this program as many open files as the machine does; return how many."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    allowed = max(soft, min(FILES, hard))
    resource.setrlimit(resource.RLIMIT_NOFILE, (allowed, hard))
    return allowed


def connect(port: int) -> socket.socket:
    return socket.create_connection((HOST, port), timeout=TIMEOUT_SECONDS)


@contextmanager
def folder(name: str) -> Iterator[Path]:
    with tempfile.TemporaryDirectory(prefix=f"leadml-{name}-", ignore_cleanup_errors=True) as made:
        yield Path(made)
