"""The leakage audit as `check` and `train` run it: reported, never dropped."""

import json
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from click.testing import CliRunner

from leadml.cli.main import main
from leadml.workflows.train import train

CONFIG = """
[leads]
id = "who"
outcome = "stage"
won = ["Won"]
lost = ["Lost"]
created_at = "made"
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


def test_train_reports_the_leak_and_uses_it_until_told_otherwise(folder: Path) -> None:
    training = train(folder / "leads.csv", config=folder / "leadml.toml")
    leaks = [f for f in training.findings if f.code == "LEAK001"]
    assert [f.column for f in leaks] == ["basket"]
    assert (
        "used; if it is not known when a lead is judged, list it under ignore" in leaks[0].message
    )
    assert "basket" not in {item.column for item in training.excluded}


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
