"""The leakage audit as `check` and `train` run it: what it quarantines is no feature."""

import json
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from click.testing import CliRunner

from leadml.cli.main import main
from leadml.model.bundle import read_bundle
from leadml.workflows.train import Training, train

CONFIG = """
[leads]
id = "who"
outcome = "stage"
won = ["Won"]
lost = ["Lost"]
created_at = "made"
"""
POINTS = """
[points]
threshold = 10

[[points.rules]]
name = "full basket"
points = 10
column = "basket"
at_least = 50

[[points.rules]]
name = "large"
points = 10
column = "size"
at_least = 1
"""


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Make 600 leads, a tenth of the signal sound, and a column written once a deal was won."""
    folder = tmp_path_factory.mktemp("audit")
    random = np.random.default_rng(5)
    size, won = random.normal(size=600), random.random(600) < 0.3
    leads = pd.DataFrame(
        {
            "who": [f"L{n}" for n in range(600)],
            "made": pd.date_range("2025-01-01", periods=600, freq="12h").astype(str),
            "size": np.round(size + 0.5 * won, 3),
            "basket": np.round(np.where(won, 90, 10) + random.normal(0, 15, 600), 2),
            "stage": np.where(won, "Won", "Lost"),
        }
    )
    leads.to_csv(folder / "leads.csv", index=False)
    (folder / "leadml.toml").write_text(CONFIG)
    return folder


def checked(folder: Path) -> dict[str, list[str]]:
    args = ["check", str(folder / "leads.csv"), "--config", str(folder / "leadml.toml"), "--json"]
    result = CliRunner().invoke(main, args)
    assert result.exit_code == 0
    found: dict[str, list[str]] = {}
    for finding in json.loads(result.stdout)["findings"]:
        found.setdefault(finding["code"], []).append(finding["column"])
    return found


def test_check_names_the_leak_and_no_sound_column(folder: Path) -> None:
    assert checked(folder)["LEAK001"] == ["basket"]


@pytest.fixture(scope="module")
def training(folder: Path) -> Training:
    return train(folder / "leads.csv", config=folder / "leadml.toml")


def test_train_leaves_the_leak_out(training: Training) -> None:
    [leak] = [f for f in training.findings if f.code == "LEAK001"]
    assert leak.column == "basket"
    assert leak.message.endswith(
        'left out; if it is known when a lead is judged, set keep = ["basket"]'
    )
    [item] = [item for item in training.excluded if item.column == "basket"]
    assert item.code == "LEAK001"
    assert item.reason.startswith("basket alone ranks a won lead above a lost one in")
    assert item.reason.endswith('set keep = ["basket"]')
    # A won lead is .5 standard deviations larger, no more: AUC = Phi(.5 / sqrt 2) = .64.
    assert max(row["auc"] for row in training.candidates) < 0.72


def test_what_is_left_out_is_in_the_manifest_and_no_feature(training: Training) -> None:
    manifest = json.loads((training.bundle / "manifest.json").read_text())
    assert (manifest["quarantined"], manifest["suspect"]) == (["basket"], [])
    bundle = read_bundle(training.bundle)
    assert bundle.features.columns == ["size"]


def test_the_command_says_it_once(folder: Path) -> None:
    args = ["train", str(folder / "leads.csv"), "--config", str(folder / "leadml.toml")]
    result = CliRunner().invoke(main, args)
    assert result.exit_code == 0
    assert "left out: basket alone ranks" in result.stdout
    assert 'set keep = ["basket"] [LEAK001]' in result.stdout
    assert "basket" not in result.stderr


def test_points_rules_on_it_are_named(folder: Path, tmp_path: Path) -> None:
    (tmp_path / "leads.csv").write_bytes((folder / "leads.csv").read_bytes())
    (tmp_path / "leadml.toml").write_text(CONFIG + POINTS)
    assert checked(tmp_path)["LEAK010"] == ["basket"]


def test_a_champion_that_read_it_is_not_compared(folder: Path, tmp_path: Path) -> None:
    leads = pd.read_csv(folder / "leads.csv")
    config = tmp_path / "leadml.toml"
    config.write_text(CONFIG + 'keep = ["basket"]\n')
    train(leads.head(150), config=config)
    config.write_text(CONFIG)
    again = train(leads.head(300), config=config)
    assert again.alias == "challenger"
    assert again.why.startswith("version 1 stays champion although it reads basket, which the")


def test_nothing_left_is_a_base_rate(folder: Path, tmp_path: Path) -> None:
    leads = pd.read_csv(folder / "leads.csv").drop(columns=["size", "made"])
    (tmp_path / "leadml.toml").write_text(CONFIG.replace('created_at = "made"', ""))
    alone = train(leads, config=tmp_path / "leadml.toml")
    assert {row["auc"] for row in alone.candidates} == {0.5}


def test_what_is_ignored_is_not_suspected(folder: Path, tmp_path: Path) -> None:
    (tmp_path / "leads.csv").write_bytes((folder / "leads.csv").read_bytes())
    (tmp_path / "leadml.toml").write_text(CONFIG + 'ignore = ["basket"]\n')
    assert "LEAK001" not in checked(tmp_path)


def test_what_is_kept_is_said_to_be_kept(folder: Path, tmp_path: Path) -> None:
    (tmp_path / "leads.csv").write_bytes((folder / "leads.csv").read_bytes())
    (tmp_path / "leadml.toml").write_text(CONFIG + 'keep = ["basket"]\n')
    training = train(tmp_path / "leads.csv", config=tmp_path / "leadml.toml")
    leak = next(f for f in training.findings if f.code == "LEAK001")
    assert leak.message.endswith("used, because it is listed under keep")
