"""A small model whose scores can be worked by hand, and real servers on loopback."""

import socket
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import httpx2
import pytest
import uvicorn
from fastapi import FastAPI

from leadml.api.application import create_app
from leadml.api.listening import uvicorn_config
from leadml.domain.agreement import Agreement
from leadml.domain.api_key import scope_names
from leadml.domain.definition import Definition
from leadml.domain.mapping import LeadMapping
from leadml.domain.points_table import PointsTable, Rule
from leadml.model.bundle import write_alias, write_bundle
from leadml.model.reference import Reference
from leadml.model.scorecard import Levels, Line, Machine, Scorecard, Steps
from leadml.model.value import Ranks, Unknown, Value
from leadml.settings import Settings, load_settings
from leadml.snapshot.features import Feature, FeatureSet
from leadml.workflows.keys import add_key

DEFINITION = Definition(
    leads=LeadMapping(
        id="lead_id",
        outcome="stage",
        won=("Won",),
        created_at="created_at",
        handed_off_at="handed_off_at",
        timezone="Europe/Berlin",
        ignore=("note",),
    ),
    agreement=Agreement(signed_by=("Marketing", "Sales")),
    points=PointsTable(
        threshold=40,
        rules=(
            Rule(name="budget", points=30, column="budget", at_least=1000),
            Rule(name="views", points=5, group="page", activity="page_view", per="each"),
        ),
        buckets={"A": 40, "B": 20},
    ),
)
FEATURES = (
    Feature(name="budget", kind="number", column="budget"),
    Feature(name="source", kind="text", column="source", levels=("Ads", "Web")),
    Feature(name="page_view, 7 days", kind="count", activity="page_view", window=7),
)
CARD = Scorecard(
    -1.0,
    (
        Steps(0, cuts=(1000.0,), values=(0.0, 1.0), missing=-0.5),
        Levels(1, values=(0.5, -0.5), missing=0.0),
        Line(2, cuts=(0.0, 4.0), values=(0.0, 2.0), missing=0.25),
    ),
)
MANIFEST = {
    "trained_at": "2026-01-01T00:00:00+00:00",
    "chosen": "additive boosting",
    "columns": ["lead_id", "created_at", "handed_off_at", "stage", "budget", "source", "note"],
    "threshold": {"probability": 0.5, "basis": "guaranteed", "low": 0.31},
    "bands": {"A": 0.6, "B": 0.3, "C": 0.1},
    "leads": 900,
    "won": 210,
    "data_window": {"from": "2024-07-01T00:00:00Z", "to": "2025-06-30T00:00:00Z", "as_of": None},
    "out_of_time": {"log_loss": 0.41, "auc": 0.7},
    "value": {"basis": "mean", "won_with_margin": 40},
}


VALUE = Value(
    ranks=Ranks((0.0, 1000.0), (0.2, 0.8), 100.0),
    basis="mean",
    unknown=Unknown(1.0, 0.5, 1.5),
    mean=1000.0,
)
MACHINE = Machine(cards=((1.0, CARD),), center=(0.0, 0.0, 0.0))


def write_version(
    models: Path,
    version: str = "3",
    machine: Machine = MACHINE,
    reference: Reference | None = None,
) -> Path:
    """Write the small model as a version and make it the champion."""
    folder = models / "versions" / version
    folder.mkdir(parents=True)
    write_bundle(
        folder,
        manifest=MANIFEST,
        definition=DEFINITION,
        features=FeatureSet(FEATURES, frozenset({"n/a"}), "Europe/Berlin"),
        machine=machine,
        trained_on=["old"],
        value=VALUE,
        reference=reference,
    )
    write_alias(models, "champion", version)
    return folder


@dataclass
class Running:
    """A server that answers."""

    url: str
    port: int
    app: FastAPI
    client: httpx2.Client


@contextmanager
def running(app: FastAPI, proxies: tuple[str, ...] = ()) -> Iterator[Running]:
    """Serve an application on loopback while the block runs."""
    listener = socket.create_server(("127.0.0.1", 0))
    server = uvicorn.Server(uvicorn_config(app, proxies=proxies))
    thread = threading.Thread(target=server.run, args=([listener],))
    thread.start()  # the socket listens already: early requests wait
    port = listener.getsockname()[1]
    url = f"http://127.0.0.1:{port}"
    try:
        with httpx2.Client(base_url=url, timeout=30) as client:
            yield Running(url, port, app, client)
    finally:
        server.should_exit = True
        thread.join()
        listener.close()


def settings_of(
    root: Path,
    *,
    keys: tuple[str, ...] = (),
    admin_keys: tuple[str, ...] = (),
    store_url: str = "",
) -> Settings:
    """Return settings whose models folder and ledger lie in `root`."""
    return Settings(
        definition=Definition(leads=LeadMapping(timezone="Europe/Berlin")),
        root=root,
        store_url=store_url or f"sqlite:///{root / 'ledger.db'}",
        api_keys=keys,
        admin_keys=admin_keys,
    )


def key_of(root: Path, name: str, *scopes: str) -> str:
    """Make a key of the keys file of a folder."""
    return add_key(settings_of(root), name, scopes=scope_names(list(scopes))).key


@pytest.fixture(scope="session")
def make_key() -> Callable[..., str]:
    """Return what makes a key: of which folder, for whom, with which scopes."""
    return key_of


@pytest.fixture(scope="session")
def models_root(tmp_path_factory: pytest.TempPathFactory) -> Path:
    root = tmp_path_factory.mktemp("service")
    write_version(root / "models")
    return root


@pytest.fixture(scope="session")
def service(models_root: Path) -> Iterator[Running]:
    """Return a server without keys, with the small model."""
    with running(create_app(settings_of(models_root))) as server:
        yield server


@pytest.fixture(scope="session")
def guarded(models_root: Path) -> Iterator[Running]:
    """Return a server with two plain keys and an administrator's."""
    settings = settings_of(models_root, keys=("first", "sécond"), admin_keys=("chief",))
    with running(create_app(settings)) as server:
        yield server


@pytest.fixture(scope="session")
def empty(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Running]:
    """Return a server without any model."""
    with running(create_app(settings_of(tmp_path_factory.mktemp("empty")))) as server:
        yield server


@pytest.fixture
def serve_app() -> Callable[[FastAPI], object]:
    """Return what serves an application of the test's own."""
    return running


@pytest.fixture(scope="session")
def make_site() -> Callable[..., object]:
    """Return what serves a folder with a configuration and two versions, the first as champion."""

    @contextmanager
    def site(root: Path, toml: str = "", **keys: tuple[str, ...]) -> Iterator[Running]:
        write_version(root / "models", "2")
        (root / "models" / "aliases.json").unlink()
        write_version(root / "models", "1")
        (root / "leadml.toml").write_text(toml, "utf-8")
        settings = replace(load_settings(root / "leadml.toml"), **keys)  # type: ignore[arg-type]
        with running(create_app(settings)) as server:
            yield server

    return site


@pytest.fixture(scope="session")
def make_version_once() -> Callable[..., Path]:
    """Return what writes the small model as a version."""
    return write_version


@pytest.fixture(scope="session")
def make_app() -> Callable[..., object]:
    """Return what serves a folder with settings of the test's own."""

    @contextmanager
    def app(root: Path, **changed: Any) -> Iterator[Running]:
        with running(create_app(replace(settings_of(root), **changed))) as server:
            yield server

    return app


@pytest.fixture
def until() -> Callable[[Callable[[], object]], None]:
    """Return what waits until a condition holds."""

    def waited(condition: Callable[[], object]) -> None:
        deadline = time.monotonic() + 30
        while not condition():
            assert time.monotonic() < deadline, "it did not come about"
            time.sleep(0.01)

    return waited


@pytest.fixture
def make_version() -> Callable[..., Path]:
    """Return what writes the small model as a version."""
    return write_version


@pytest.fixture
def make_settings() -> Callable[..., Settings]:
    """Return what makes settings for a folder."""
    return settings_of
