"""The leakage audit on real and simulated exports, as training would call it: nothing ignored."""

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from leadml.data.datasets.catalogue import find_dataset
from leadml.data.datasets.prepare import prepare_dataset
from leadml.data.simulate import SimulatedCrm, simulate
from leadml.settings import load_settings
from leadml.snapshot.leakage import Audit, audit
from leadml.workflows.lesson import lesson_of
from leadml.workflows.material import gather


def audited(
    folder: Path, leads: pd.DataFrame, activities: pd.DataFrame | None, definition: str
) -> Audit:
    lines = [line for line in definition.splitlines() if not line.startswith("ignore = ")]
    (folder / "leadml.toml").write_text("\n".join(lines), "utf-8")
    settings = load_settings(folder / "leadml.toml")
    material = gather(
        leads, definition=settings.definition, root=folder, activities=activities, labelled=True
    )
    judged = material.judge(settings)
    lesson = lesson_of(material, judged, settings)
    return audit(
        material.leads,
        material.activities,
        judged,
        lesson.rows,
        lesson.x,
        lesson.y,
        lesson.catalogue.features,
        lesson.as_of,
    )


@pytest.mark.parametrize(
    ("name", "leaks"),
    [
        ("bank-marketing", {"duration"}),
        ("online-shoppers", {"PageValues"}),
        ("salvirt-b2b", set()),
        ("bpi2012", set()),
    ],
)
def test_public_sets(name: str, leaks: set[str], datasets: Path, tmp_path: Path) -> None:
    folder = datasets / "bpi2012" if name == "bpi2012" else datasets
    prepared, _ = prepare_dataset(find_dataset(name), folder)
    found = audited(tmp_path, prepared.leads, prepared.activities, prepared.definition)
    assert set(found.quarantined) == leaks
    assert found.suspect == ()


def assessed(crm: SimulatedCrm) -> pd.DataFrame:
    """Add what a perfect judge would say at the hand-off: strong, and sound."""
    p = crm.truth["probability"].to_numpy()
    return crm.leads.assign(assessment=np.log(p / (1 - p)).round(3))


@pytest.mark.parametrize("export", [lambda crm: crm.leads, assessed])
@pytest.mark.parametrize("rate", [0.05, 0.25])
def test_sound_exports_lose_nothing(
    rate: float, export: Callable[[SimulatedCrm], pd.DataFrame], tmp_path: Path
) -> None:
    crm = simulate(2500, seed=11, base_rate=rate)
    assert audited(tmp_path, export(crm), crm.activities, crm.definition).quarantined == {}


def test_planted_leaks_are_found_at_once(tmp_path: Path) -> None:
    crm = simulate(2500, seed=5, base_rate=0.25)
    leads = crm.leads
    won, closed = leads["stage"] == "Closed Won", leads["closed_at"].notna()
    rng = np.random.default_rng(0)
    spent = pd.Series(rng.integers(1, 90, len(leads))).where(closed)
    touches = crm.activities.groupby("lead_id").size().reindex(leads["lead_id"]).fillna(0)
    leaks = leads.assign(
        LossReason__c=np.where(closed & ~won, "price", None),
        days_worked=spent,
        touches=touches.to_numpy(),
        phase=leads["stage"],
        heat=(rng.normal(size=len(leads)) + 2.5 * won).round(3),
        ticket=np.cumsum(rng.integers(1, 40, len(leads))),
    )
    found = audited(tmp_path, leaks, crm.activities, crm.definition)
    codes = {column: item.code for column, item in found.quarantined.items()}
    assert codes.pop("touches") in {"LEAK001", "LEAK008"}  # it counts later ones, and tells a lot
    assert codes == {
        "LossReason__c": "LEAK003",
        "days_worked": "LEAK002",
        "phase": "LEAK003",
        "heat": "LEAK001",
        "ticket": "LEAK007",
    }
