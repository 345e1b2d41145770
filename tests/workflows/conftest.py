"""A model whose scores can be worked by hand, and simulated companies to train on."""

from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import pandas as pd
import pytest

from leadml.data.simulate import SimulatedCrm, simulate
from leadml.domain.agreement import Agreement
from leadml.domain.definition import Definition
from leadml.domain.mapping import LeadMapping
from leadml.domain.points_table import PointsTable, Rule
from leadml.model.bundle import write_alias, write_bundle
from leadml.model.eventually import Eventually
from leadml.model.peers import Peers
from leadml.model.scorecard import Levels, Line, Machine, Scorecard, Steps
from leadml.model.value import Value
from leadml.settings import Settings, load_settings
from leadml.snapshot.features import RARE, Feature, FeatureSet
from leadml.workflows.report import report_values
from leadml.workflows.train import Training, train

HANDMADE = Definition(
    leads=LeadMapping(
        id="id",
        outcome="stage",
        won=("Won",),
        created_at="created",
        handed_off_at="handed",
        timezone="Europe/Berlin",
        ignore=("note",),
    ),
    agreement=Agreement(close_rate=0.4),
    points=PointsTable(
        threshold=40.0,
        rules=(
            Rule(name="large", points=30.0, column="size", at_least=1000.0),
            Rule(name="visits", points=5.0, group="page", activity="visit", per="each"),
        ),
        buckets={"A": 40.0, "B": 5.0},
    ),
)
FEATURES = (
    Feature(name="size", kind="number", column="size"),
    Feature(name="source", kind="text", column="source", levels=("Ads", "Web", RARE)),
    Feature(name="visit: times in 7 days", kind="count", activity="visit", window=7.0),
    Feature(name="age in days", kind="age"),
    Feature(name="days since seen", kind="time", column="seen"),
    Feature(name="hour created", kind="hour"),  # without a term
)
CARD = Scorecard(
    -1.0,
    (
        Steps(0, cuts=(1000.0,), values=(0.0, 1.0), missing=-0.5),
        Levels(1, values=(0.5, -0.5, 0.0), missing=-0.25),
        Line(2, cuts=(0.0, 4.0), values=(0.0, 2.0), missing=0.25),
        Line(3, cuts=(0.0, 10.0), values=(0.0, -1.0), missing=0.0),
        Line(4, cuts=(0.0, 10.0), values=(0.3, 0.0), missing=0.0),
    ),
)
MANIFEST: dict[str, Any] = {
    "columns": ["id", "created", "handed", "stage", "size", "source", "seen", "note"],
    "threshold": {"probability": 0.5, "basis": "guaranteed"},
    "bands": {"A": 0.4, "B": 0.2, "C": 0.1},
    "data_window": {"from": None, "to": None, "as_of": None},
}


@pytest.fixture
def make_model(tmp_path: Path) -> Callable[..., Settings]:
    """Return what installs the handmade model as champion of a folder, with changes."""

    def make(
        *,
        version: str = "3",
        definition: Definition = HANDMADE,
        machine: Machine | None = None,
        trained_on: tuple[str, ...] = (),
        eventually: Eventually | None = None,
        value: Value | None = None,
        features: tuple[Feature, ...] = FEATURES,
        peers: Peers | None = None,
        **manifest: object,
    ) -> Settings:
        folder = tmp_path / "models" / "versions" / version
        folder.mkdir(parents=True)
        write_bundle(
            folder,
            manifest=MANIFEST | manifest,
            definition=definition,
            features=FeatureSet(
                features,
                frozenset({"n/a", "select"}),
                definition.leads.timezone,
                decimal=definition.leads.decimal,
            ),
            machine=machine or Machine(((1.0, CARD),), center=(0.0,) * 6),
            trained_on=trained_on,
            eventually=eventually,
            peers=peers,
            value=value,
        )
        write_alias(tmp_path / "models", "champion", version)
        return Settings(definition=definition, root=tmp_path)

    return make


@pytest.fixture
def handmade() -> Definition:
    """Return the definition of the handmade model."""
    return HANDMADE


@pytest.fixture(scope="session")
def crm() -> SimulatedCrm:
    """Return a company with known truth: 1,500 leads in 540 days."""
    return simulate(1500, seed=1)


@dataclass(frozen=True)
class Company:
    """A company that has trained once."""

    crm: SimulatedCrm
    settings: Settings
    training: Training
    steps: tuple[tuple[str, float], ...]


@pytest.fixture(scope="session")
def company(crm: SimulatedCrm, tmp_path_factory: pytest.TempPathFactory) -> Company:
    """Return the simulated company after its first training; tests leave it as it is."""
    root = tmp_path_factory.mktemp("company")
    (root / "leadml.toml").write_text(crm.definition)
    settings = load_settings(root / "leadml.toml")
    steps: list[tuple[str, float]] = []
    training = train(
        crm.leads,
        activities=crm.activities,
        config=settings,
        progress=lambda step, share: steps.append((step, share)),
    )
    return Company(crm, settings, training, tuple(steps))


@pytest.fixture(scope="session")
def shared_tracking(tmp_path_factory: pytest.TempPathFactory) -> str:
    """Return one MLflow for many small trainings: making its tables takes seconds."""
    return f"sqlite:///{tmp_path_factory.mktemp('tracking')}/mlflow.db"


@pytest.fixture
def settings_for(tmp_path: Path, shared_tracking: str) -> Callable[..., Settings]:
    """Return what makes settings of a folder of its own, with MLflow shared."""

    def make(definition: Definition, root: Path = tmp_path) -> Settings:
        return Settings(definition=definition, root=root, tracking_uri=shared_tracking)

    return make


@pytest.fixture
def small() -> Definition:
    """Return a definition for small frames: dated, no closing times."""
    leads = LeadMapping(id="id", outcome="stage", won=("Won",), lost=("Lost",), created_at="made")
    return replace(Definition(), leads=leads)


REPORT_COLUMNS = [
    "lead", "account", "owner", "source", "industry", "segment", "account_size", "created_at",
    "qualified_at", "handed_off_at", "accepted_at", "rejected_at", "rejection_reason",
    "right_person", "followed_up_at", "outcome", "closed_at", "outcome_recorded_at", "amount",
    "margin_amount", "probability", "points", "band", "explored", "handoff_probability",
]  # fmt: skip
_UNMAPPED = ("lead", "outcome", "right_person")
REPORT_MAPPING = "\n".join(
    [
        "[leads]",
        'id = "lead"',
        'outcome = "outcome"',
        'won = ["won"]',
        'lost = ["lost"]',
        *(f'{name} = "{name}"' for name in REPORT_COLUMNS if name not in _UNMAPPED),
        "[sales_ready]",
        "horizon_days = 30",
        "follow_up_days = 7",
        "",
    ]
)


@pytest.fixture
def reported(tmp_path: Path) -> Callable[..., dict[str, Any]]:
    """Return what reports on rows of leads, as of 2026-04-01, its configuration changed at will."""

    def report(
        rows: list[dict[str, object]],
        toml: str = "",
        *,
        leads: str = "",
        without: tuple[str, ...] = (),
        **how: Any,
    ) -> dict[str, Any]:
        lines = REPORT_MAPPING.splitlines()
        kept = [line for line in lines if line.partition(" =")[0] not in without]
        (tmp_path / "leadml.toml").write_text("\n".join([kept[0], leads, *kept[1:], toml]))
        frame = pd.DataFrame(rows, columns=REPORT_COLUMNS)
        how = {"as_of": "2026-04-01", "config": tmp_path / "leadml.toml"} | how
        return report_values(frame, **how)

    return report
